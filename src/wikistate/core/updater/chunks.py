"""Chunks: Turtle documents of a bounded length.

Each document can be parsed without the others: it has no prefixes and no blank nodes, because munging has replaced these
with IRIs. Triples are sorted, so equal sets of triples give the same text.
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
"""The length at which a document is split, in UTF-16 units; Kafka accepts events of 1 MB by default."""

_PUNCTUATION = len(" .\n")


class Chunk(NamedTuple):
    """Turtle document with a part of the triples of a mutation.

    Attributes:
        text: Turtle.
        length: Length of the text in UTF-16 units.
    """

    text: str
    length: int


def split_into_chunks(triples: Iterable[Triple], soft_maximum: int = SOFT_MAXIMUM) -> Iterator[Chunk]:
    """Yield documents that hold the triples together.

    Args:
        triples: Triples in any order.
        soft_maximum: Length in UTF-16 units; the triple with which a document exceeds it is its last.
    """
    lines = sorted(((str(triple), triple) for triple in triples), key=itemgetter(0))
    while lines:
        end = _find_chunk_end(lines, soft_maximum)
        yield _build_chunk([triple for _, triple in lines[:end]])
        lines = lines[end:]


def _find_chunk_end(lines: list[tuple[str, Triple]], soft_maximum: int) -> int:
    """Return the number of triples of the next document, estimated as if no triples shared the text of their subject."""
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
    """Return the number of UTF-16 units of a text, the unit in which other producers and consumers count."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2
