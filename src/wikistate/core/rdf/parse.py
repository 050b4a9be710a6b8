"""Parser of RDF documents into normalised triples."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Final

from pyoxigraph import RdfFormat, parse

from wikistate.core.events.first_line import quote_first_line
from wikistate.core.rdf.bounded_parse import ParseLimits, read_bounded
from wikistate.core.rdf.normalize import LETTER_ESCAPE, is_probably_normal, normalize
from wikistate.core.rdf.refused_syntax import check_syntax
from wikistate.errors import RdfError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pyoxigraph import Quad, Triple

DEFAULT_LIMITS: Final = ParseLimits()

_MESSAGE: Final = "A document of a message"

_LETTER_ESCAPE: Final = re.compile(LETTER_ESCAPE)


def parse_triples(
    body: bytes, *, base: str, mime_type: str = "text/turtle", limits: ParseLimits = DEFAULT_LIMITS
) -> list[Triple]:
    """Return the normalised triples of a document in its order (see `normalize`). Blank nodes keep their labels.

    Args:
        body: The document, UTF-8.
        base: Base of relative IRIs: the document's address.
        mime_type: Declared type: ``text/turtle`` or ``application/n-triples``, parameters allowed.
        limits: Limits of the triples that are accepted.

    Raises:
        TooLargeError: The triples exceed a limit.
        RdfError: The document is not RDF, is truncated, has syntax that no Wikibase writes, or has an unsupported type.
    """
    kind = _require_format(mime_type, base)
    check_syntax(body, where=base)
    try:
        triples = _parse(body, kind, base, limits)
    except SyntaxError:
        # The reason may be an IRI that RDF does not allow and that wikis write nevertheless. Normalisation repairs those.
        return normalize(_parse_lenient(body, kind, base, limits))
    return _normalize_document(triples, body)


def iterate_quads(body: bytes, *, base: str, mime_type: str) -> Iterator[Quad]:
    """Yield the quads of a document one by one, for a search that keeps none of them. Arguments as `parse_triples`.

    Raises:
        RdfError: The document has syntax that no Wikibase writes, or an unsupported type.
        SyntaxError: The document is malformed. It is raised at its place.
    """
    kind = _require_format(mime_type, base)
    check_syntax(body, where=base)
    quads = parse(body, kind, base_iri=base, without_named_graphs=True)
    yield from islice(quads, DEFAULT_LIMITS.triples)


def parse_small_document(turtle: str) -> list[Triple] | None:
    """Return the same triples as `parse_triples` for a small document; None if only `parse_triples` can read it.

    This is the fast path for messages, which arrive by the thousand. Among the documents that it cannot read are those with
    relative IRIs or prefixes.

    Raises:
        RdfError: As for `parse_triples`.
        UnicodeEncodeError: The text has a lone surrogate.
    """
    body = turtle.encode()
    check_syntax(body, where=_MESSAGE)
    quads = parse(body, RdfFormat.TURTLE, without_named_graphs=True)
    try:
        triples = read_bounded(quads, body, DEFAULT_LIMITS, where=_MESSAGE)
    except SyntaxError:
        return None
    if quads.prefixes or quads.base_iri:
        return None
    return triples if is_probably_normal(body) else _normalize_document(triples, body)


def _normalize_document(triples: list[Triple], body: bytes) -> list[Triple]:
    # The IRIs of a valid document need no repair, and an old name is visible in the bytes unless letters are escaped.
    # Searching the whole document is cheaper than checking the terms of its triples.
    return normalize(triples, iris=b"ontology-" in body or bool(_LETTER_ESCAPE.search(body)))


def _parse(body: bytes, kind: RdfFormat, base: str, limits: ParseLimits, *, lenient: bool = False) -> list[Triple]:
    quads = parse(body, kind, base_iri=base, without_named_graphs=True, lenient=lenient)
    return read_bounded(quads, body, limits, where=base)


def _parse_lenient(body: bytes, kind: RdfFormat, base: str, limits: ParseLimits) -> list[Triple]:
    try:
        return _parse(body, kind, base, limits, lenient=True)
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
