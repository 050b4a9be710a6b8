"""RDF documents into normalised triples."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import islice
from operator import attrgetter
from typing import TYPE_CHECKING, Final

from pyoxigraph import RdfFormat, parse

from wikistate.core.rdf.normalising import LETTER_ESCAPE, is_normal_at_a_glance, normalise
from wikistate.errors import RdfError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyoxigraph import Quad, Triple

MAX_TRIPLES: Final = 5_000_000
"""Of one document. The largest entities of Wikidata have some hundred thousand."""

_LETTER_ESCAPE: Final = re.compile(LETTER_ESCAPE)

_triple = attrgetter("triple")


def read_triples(
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
    kind = _format(mime_type, base)
    try:
        triples = _parse(body, kind, base, max_triples)
    except SyntaxError:
        # What is wrong may be an IRI that RDF does not allow and wikis write all the same. Normalising mends those.
        return normalise(_parse_lenient(body, kind, base, max_triples))
    return _normalised(triples, body)


def read_small(turtle: str) -> list[Triple] | None:
    """The triples of a small document as `read_triples` reads them; None where that has to take a second look.

    For what comes by the thousand and next to never needs one. Relative IRIs and names of a document's own are among what
    does.

    Raises:
        RdfError: As `normalise`; or it has more triples than a document may have.
        UnicodeEncodeError: Half a character.
    """
    body = turtle.encode()
    quads = parse(body, RdfFormat.TURTLE, without_named_graphs=True)
    try:
        triples = _bounded(quads, None, MAX_TRIPLES)
    except SyntaxError:
        return None
    if quads.prefixes or quads.base_iri:
        return None
    return triples if is_normal_at_a_glance(body) else _normalised(triples, body)


def _normalised(triples: list[Triple], body: bytes) -> list[Triple]:
    # The IRIs of a valid document need no mending, and whether one has an old name is seen in the bytes, unless letters
    # are escaped. To look at a whole document is cheaper than to look at the terms of its triples.
    return normalise(triples, iris=b"ontology-" in body or bool(_LETTER_ESCAPE.search(body)))


def _parse(body: bytes, kind: RdfFormat, base: str, most: int, *, lenient: bool = False) -> list[Triple]:
    return _bounded(parse(body, kind, base_iri=base, without_named_graphs=True, lenient=lenient), base, most)


def _bounded(quads: Iterable[Quad], base: str | None, most: int) -> list[Triple]:
    triples = list(map(_triple, islice(quads, most + 1)))
    if len(triples) > most:
        raise RdfError(
            f"{base or 'A document'} has more than the {most:,} triples that one document may have.", document=base
        )
    return triples


def _parse_lenient(body: bytes, kind: RdfFormat, base: str, most: int) -> list[Triple]:
    try:
        return _parse(body, kind, base, most, lenient=True)
    except SyntaxError as error:
        raise RdfError(
            f"{base} is not {kind.name}, or is cut short: {error.msg}.",
            hint="Fetch it again; when it stays so, the wiki or what stands before it does not answer with RDF.",
            document=base,
            line=error.lineno,
        ) from error


def _format(mime_type: str, base: str) -> RdfFormat:
    kind = _known_format(mime_type)
    if kind is None:
        raise RdfError(
            f"{base} is {mime_type}; text/turtle or application/n-triples was expected.",
            document=base,
            mime_type=mime_type,
        )
    return kind


@lru_cache(maxsize=64)
def _known_format(mime_type: str) -> RdfFormat | None:
    kind = RdfFormat.from_media_type(mime_type)
    return kind if kind in {RdfFormat.TURTLE, RdfFormat.N_TRIPLES} else None
