"""Schema repositories: an ordered list of places that schemas are loaded from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wikistate.core.events.descriptor import LATEST, VERSION
from wikistate.core.events.documents import parse_document
from wikistate.core.events.schema import Schema
from wikistate.errors import DocumentError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wikistate.core.events.documents import Document, ReadDocument

# A title is a path under the base. No part of it begins with a dot, so that no title leads out of the repository.
_TITLE = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*(?:/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*")

_SUFFIXES = (".yaml", ".json", "")


class SchemaRepository:
    """Schema repositories by their base URIs, in order; the first that has the document is used. Schemas are cached.

    Args:
        bases: URIs under which documents lie as ``<title>/<version>``, with ``.yaml``, ``.json`` or nothing after it.
        read: Reader of a document by its full URI.
    """

    def __init__(self, bases: Sequence[str], read: ReadDocument) -> None:
        self._bases = tuple(base.rstrip("/") for base in bases)
        self._read = read
        self._schemas: dict[tuple[str, str], Schema] = {}

    def get(self, title: str, version: str) -> Schema:
        """Return the schema with this title and version; for ``latest``, the version that the document has in its `$id`.

        Raises:
            DocumentError: There is no such schema, or the document at its address is another one.
            ExternalError: A schema repository does not respond.
        """
        schema = self._schemas.get((title, version))
        if schema is None:
            schema = self._schemas[title, version] = self._load(title, version)
            self._schemas.setdefault((title, schema.version), schema)
        return schema

    def get_by_uri(self, uri: str) -> Schema:
        """Return the schema that events name in `$schema`, such as ``/mediawiki/page/change/1.7.0``.

        Raises:
            DocumentError: As for `get`.
            ExternalError: As for `get`.
        """
        title, _, version = uri.removeprefix("/").rpartition("/")
        return self.get(title, version)

    def _load(self, title: str, version: str) -> Schema:
        origin, content = self._find(title, version)
        document = parse_document(content, origin)
        _check_title(document, title, origin)
        return Schema(document, title=title, version=_read_version(document, version, origin=origin), origin=origin)

    def _find(self, title: str, version: str) -> tuple[str, bytes]:
        for uri in self._candidate_uris(title, version):
            if (content := self._read(uri)) is not None:
                return uri, content
        tried = ", ".join(self._candidate_uris(title, version)) or "nothing, since schema_uris is empty"
        raise DocumentError(
            f"There is no schema {title} {version}; tried {tried}.",
            hint="Add the base URI of a repository that has it to schema_uris, or ask for another version.",
            title=title,
            version=version,
        )

    def _candidate_uris(self, title: str, version: str) -> Iterator[str]:
        if not (_TITLE.fullmatch(title) and (version == LATEST or VERSION.fullmatch(version))):
            raise DocumentError(
                f"/{title}/{version} is not the URI of a schema.",
                hint="It must be /<title>/<X.Y.Z>, for example /mediawiki/page/change/1.7.0.",
                title=title,
                version=version,
            )
        return (f"{base}/{title}/{version}{suffix}" for base in self._bases for suffix in _SUFFIXES)


def _check_title(document: Document, title: str, origin: str) -> None:
    if document.get("title") != title:
        raise DocumentError(
            f"{origin} has the title {document.get('title')!r}, expected {title!r}.",
            hint="Check the layout of the repository: a schema lies at <base>/<title>/<version>.",
            uri=origin,
        )


def _read_version(document: Document, requested: str, *, origin: str) -> str:
    """Return the version that the document has in its `$id`; a pinned version must be equal to it."""
    identity = document.get("$id")
    stated = str(identity).rpartition("/")[2]
    expected = f"/{document['title']}/{stated if requested == LATEST else requested}"
    if identity == expected and VERSION.fullmatch(stated):
        return stated
    raise DocumentError(
        f"{origin} has the $id {identity!r}, expected /{document['title']}/"
        f"{'X.Y.Z' if requested == LATEST else requested}.",
        hint="Materialise the schema again, or point schema_uris to another repository.",
        uri=origin,
    )
