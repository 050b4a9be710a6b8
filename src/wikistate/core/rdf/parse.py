"""RDF documents into normalised triples."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from pyoxigraph import RdfFormat, parse

from wikistate.core.rdf.normalize import LETTER_ESCAPE, is_probably_normal, normalize
from wikistate.errors import RdfError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyoxigraph import Quad, Triple

MAX_TRIPLES: Final = 5_000_000
"""Of one document. The largest entities of Wikidata have some hundred thousand."""

_LETTER_ESCAPE: Final = re.compile(LETTER_ESCAPE)

_triple = attrgetter("triple")


def parse_triples(
    body: bytes, *, base: str, mime_type: str = "text/turtle", max_triples: int = MAX_TRIPLES
) -> list[Triple]:
    """The triples of a document in its order, normalised (see `normalising`), blank nodes under their own labels.

    Args:
        body: The document, UTF-8.
        base: What relative IRIs are relative to: the document's address.
        mime_type: What it is said to be: ``text/turtle`` or ``application/n-triples``, parameters allowed.
        max_triples: More than these are refused.

    Raises:
        RdfError: It is not RDF, is cut short, is larger than it may be, or is of a kind that nobody reads here.
    """
    kind = _require_format(mime_type, base)
    try:
        triples = _parse(body, kind, base, max_triples)
    except SyntaxError:
        # What is wrong may be an IRI that RDF does not allow and wikis write all the same. Normalising mends those.
        return normalize(_parse_lenient(body, kind, base, max_triples))
    return _normalize_document(triples, body)


def parse_small_document(turtle: str) -> list[Triple] | None:
    """The triples of a small document as `parse_triples` reads them; None where that has to take a second look.

    For what comes by the thousand and next to never needs one. Relative IRIs and names of a document's own are among what
    does.

    Raises:
        RdfError: As `normalize`; or it has more triples than a document may have.
        UnicodeEncodeError: Half a character.
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
    # The IRIs of a valid document need no mending, and whether one has an old name is seen in the bytes, unless letters
    # are escaped. To look at a whole document is cheaper than to look at the terms of its triples.
    return normalize(triples, iris=b"ontology-" in body or bool(_LETTER_ESCAPE.search(body)))


def _parse(body: bytes, kind: RdfFormat, base: str, max_triples: int, *, lenient: bool = False) -> list[Triple]:
    return _limit_triples(
        parse(body, kind, base_iri=base, without_named_graphs=True, lenient=lenient), base, max_triples
    )


def _limit_triples(quads: Iterable[Quad], base: str | None, max_triples: int) -> list[Triple]:
    triples = list(map(_triple, islice(quads, max_triples + 1)))
    if len(triples) > max_triples:
        raise RdfError(
            f"{base or 'A document'} has more than the {max_triples:,} triples that one document may have.",
            document=base,
        )
    return triples


def _parse_lenient(body: bytes, kind: RdfFormat, base: str, max_triples: int) -> list[Triple]:
    try:
        return _parse(body, kind, base, max_triples, lenient=True)
    except SyntaxError as error:
        raise RdfError(
            f"{base} is not {kind.name}, or is cut short: {error.msg}.",
            hint="Fetch it again; when it stays so, the wiki or what stands before it does not answer with RDF.",
            document=base,
            line=error.lineno,
        ) from error


def _require_format(mime_type: str, base: str) -> RdfFormat:
    kind = _find_format(mime_type)
    if kind is None:
        raise RdfError(
            f"{base} is {mime_type}; text/turtle or application/n-triples was expected.",
            document=base,
            mime_type=mime_type,
        )
    return kind


@lru_cache(maxsize=64)
def _find_format(mime_type: str) -> RdfFormat | None:
    kind = RdfFormat.from_media_type(mime_type)
    return kind if kind in {RdfFormat.TURTLE, RdfFormat.N_TRIPLES} else None
