"""Schemas and stream configuration that ship with the package, so that a job starts without any service.

The documents are written by us after the public field documentation of the Event Platform. The schemas are
materialised: each version is complete in its own file, as in a schema repository.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

SCHEME = "bundled:"

SCHEMAS = "bundled:jsonschema"
"""Base URI of the bundled schema repository."""

STREAMS = "bundled:streams.yaml"
"""URI of the bundled stream configuration."""


def read_bundled(uri: str) -> bytes | None:
    """Return the document at a ``bundled:`` URI; None if it does not exist or the URI has another scheme."""
    if not uri.startswith(SCHEME):
        return None
    parts = uri.removeprefix(SCHEME).split("/")
    if any(part in {"", ".", ".."} for part in parts):
        return None
    resource = files(__package__).joinpath(*parts)
    return resource.read_bytes() if resource.is_file() else None


def bundled_uris() -> tuple[str, ...]:
    """Return the URIs of all bundled documents, sorted."""
    return tuple(sorted(_list_uris(files(__package__), SCHEME)))


def _list_uris(folder: Traversable, prefix: str) -> Iterator[str]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _list_uris(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(".yaml"):
            yield prefix + entry.name
