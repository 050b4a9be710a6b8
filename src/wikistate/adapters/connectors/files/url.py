"""URLs of files: ``file:events.ndjson.zst``, or the path alone; ``-`` is a standard stream."""

from __future__ import annotations

from wikistate.adapters.connectors.files.endpoint import STANDARD_STREAM
from wikistate.adapters.connectors.urls import parse_path

SCHEME = "file"
URL = "file:PATH"


def parse(text: str, *, key: str) -> dict[str, object]:
    """Return the options of the file that a URL or a path names. Raises `ConfigError`."""
    if text == STANDARD_STREAM or not text.startswith(f"{SCHEME}:"):
        return {"path": text}
    return {"path": parse_path(text, key=key)}
