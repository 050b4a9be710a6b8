"""Triples as Turtle documents of a bounded length.

Each document can be read without the others: it has no prefixes and, because blank nodes have become IRIs before, none
of those. Triples are sorted, so that the same triples are the same text.
"""

from __future__ import annotations

from io import BytesIO
from operator import itemgetter
from typing import TYPE_CHECKING, NamedTuple

from pyoxigraph import RdfFormat, serialize

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyoxigraph import Triple

SOFT_MAXIMUM = 128_000
"""The length from which on a document is cut, in UTF-16 units; Kafka's default takes 1 MB in an event."""

_PUNCTUATION = len(" .\n")


class Chunk(NamedTuple):
    """A document.

    Attributes:
        text: Turtle.
        length: Of the text, in UTF-16 units.
    """

    text: str
    length: int


def split_into_chunks(triples: Iterable[Triple], soft_maximum: int = SOFT_MAXIMUM) -> Iterator[Chunk]:
    """Documents which together hold the triples.

    Args:
        triples: In any order.
        soft_maximum: A document is ended by the triple with which it passes this length.
    """
    lines = sorted(((str(triple), triple) for triple in triples), key=itemgetter(0))
    while lines:
        end = _find_chunk_end(lines, soft_maximum)
        yield _build_chunk([triple for _, triple in lines[:end]])
        lines = lines[end:]


def _find_chunk_end(lines: list[tuple[str, Triple]], soft_maximum: int) -> int:
    """How many triples go into the next document, counted as if none of them shared its subject's text."""
    length = 0
    for count, (line, _) in enumerate(lines, start=1):
        length += count_utf16_units(line) + _PUNCTUATION
        if length > soft_maximum:
            return count
    return len(lines)


def _build_chunk(triples: list[Triple]) -> Chunk:
    output = BytesIO()
    serialize(triples, output, format=RdfFormat.TURTLE)
    text = "\n" + output.getvalue().decode()
    return Chunk(text, count_utf16_units(text))


def count_utf16_units(text: str) -> int:
    """How many UTF-16 units a text has: what those who read and write it elsewhere count."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2
