"""Parser of RDF documents into normalised triples."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from pyoxigraph import RdfFormat, parse

from wikistate.core.events.first_line import quote_first_line
from wikistate.core.rdf.normalize import LETTER_ESCAPE, is_probably_normal, normalize
from wikistate.errors import RdfError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyoxigraph import Quad, Triple

MAX_TRIPLES: Final = 5_000_000
"""Limit for one document. The largest entities of Wikidata have some hundred thousand triples."""

_LETTER_ESCAPE: Final = re.compile(LETTER_ESCAPE)

_triple = attrgetter("triple")


def parse_triples(
    body: bytes, *, base: str, mime_type: str = "text/turtle", max_triples: int = MAX_TRIPLES
) -> list[Triple]:
    """Return the normalised triples of a document in its order (see `normalize`). Blank nodes keep their labels.

    Args:
        body: The document, UTF-8.
        base: Base of relative IRIs: the document's address.
        mime_type: Declared type: ``text/turtle`` or ``application/n-triples``, parameters allowed.
        max_triples: Largest number of triples that is accepted.

    Raises:
        RdfError: The document is not RDF, is truncated, is too large, or has an unsupported type.
    """
    kind = _require_format(mime_type, base)
    try:
        triples = _parse(body, kind, base, max_triples)
    except SyntaxError:
        # The reason may be an IRI that RDF does not allow and that wikis write nevertheless. Normalisation repairs those.
        return normalize(_parse_lenient(body, kind, base, max_triples))
    return _normalize_document(triples, body)


def parse_small_document(turtle: str) -> list[Triple] | None:
    """Return the same triples as `parse_triples` for a small document; None if only `parse_triples` can read it.

    This is the fast path for messages, which arrive by the thousand. Among the documents that it cannot read are those with
    relative IRIs or prefixes.

    Raises:
        RdfError: As for `normalize`, or the document has too many triples.
        UnicodeEncodeError: The text has a lone surrogate.
    """
    body = turtle.encode()
    quads = parse(body, RdfFormat.TURTLE, without_named_graphs=True)
    try:
        triples = _limit_triples(quads, None, MAX_TRIPLES)
    except SyntaxError:
        return None
    if quads.prefixes or quads.base_iri:
        return None
    return triples if is_probably_normal(body) else _normalize_document(triples, body)


def _normalize_document(triples: list[Triple], body: bytes) -> list[Triple]:
    # The IRIs of a valid document need no repair, and an old name is visible in the bytes unless letters are escaped.
    # Searching the whole document is cheaper than checking the terms of its triples.
    return normalize(triples, iris=b"ontology-" in body or bool(_LETTER_ESCAPE.search(body)))


def _parse(body: bytes, kind: RdfFormat, base: str, max_triples: int, *, lenient: bool = False) -> list[Triple]:
    return _limit_triples(
        parse(body, kind, base_iri=base, without_named_graphs=True, lenient=lenient), base, max_triples
    )


def _limit_triples(quads: Iterable[Quad], base: str | None, max_triples: int) -> list[Triple]:
    triples = list(map(_triple, islice(quads, max_triples + 1)))
    if len(triples) > max_triples:
        raise RdfError(
            f"{base or 'A document'} has too many triples; allowed are {max_triples:,}.",
            document=base,
        )
    return triples


def _parse_lenient(body: bytes, kind: RdfFormat, base: str, max_triples: int) -> list[Triple]:
    try:
        return _parse(body, kind, base, max_triples, lenient=True)
    except SyntaxError as error:
        raise RdfError(
            f"{base} is not {kind.name}, or is truncated: {error.msg}. It begins with {quote_first_line(body)}.",
            hint="Fetch it again; if the error stays, the wiki or a proxy before it does not respond with RDF.",
            document=base,
            line=error.lineno,
        ) from error


def _require_format(mime_type: str, base: str) -> RdfFormat:
    kind = _find_format(mime_type)
    if kind is None:
        raise RdfError(
            f"{base} is {mime_type}, but must be text/turtle or application/n-triples.",
            document=base,
            mime_type=mime_type,
        )
    return kind


@lru_cache(maxsize=64)
def _find_format(mime_type: str) -> RdfFormat | None:
    kind = RdfFormat.from_media_type(mime_type)
    return kind if kind in {RdfFormat.TURTLE, RdfFormat.N_TRIPLES} else None
