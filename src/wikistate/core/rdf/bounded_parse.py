"""Reading of parsed triples within bounds of their number and of the memory that they take.

A document of two bytes a triple, such as ``<a:a> <a:a> 1,1,1,1``, takes 160 times its size in memory, and a long subject is
repeated in each triple. So the memory is measured while the triples are read, in chunks. Between two chunks, other threads
run.
"""

from __future__ import annotations

import re
from itertools import islice
from operator import attrgetter
from random import randrange
from typing import TYPE_CHECKING, Final, NamedTuple

from pyoxigraph import RdfFormat, serialize

from wikistate.errors import RdfError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from pyoxigraph import Quad, Triple

TRIPLE_OVERHEAD: Final = 400
"""Bytes of a triple in memory beside its text. Measured with pyoxigraph 0.5: 270 to 350."""

PEAK_FACTOR: Final = 2
"""Memory at the peak of parsing, munging and comparing, as a multiple of the parsed triples. Measured: 1.6."""

_SMALL: Final = 4096
"""Bytes of a document whose triples take some megabytes at most, whatever it holds: messages are not measured."""

_CHUNK: Final = 256
_SAMPLE: Final = 4
"""One of so many triples is measured, from a random place on, so that no document can hide its large triples."""

_BLOCK: Final = 8192
"""Bytes. A term that fills no block is shorter than two, so a chunk of such terms takes 32 MiB at most."""

_SPACE: Final = re.compile(rb"\s")

_triple = attrgetter("triple")


class ParseLimits(NamedTuple):
    """Limits of a document.

    Attributes:
        triples: Largest number of triples.
        memory: Largest memory of the parsed triples, in bytes, as estimated by `estimate_memory`.
    """

    triples: int = 1_000_000
    memory: int = 1024**3


class TooLargeError(RdfError):
    """Document whose triples exceed a limit; see `is_memory`."""

    @property
    def is_memory(self) -> bool:
        """Whether the memory is the exceeded limit, and not the number of triples."""
        return bool(self.ids.get("memory"))


def read_bounded(quads: Iterable[Quad], body: bytes, limits: ParseLimits, *, where: str) -> list[Triple]:
    """Return the triples of a parser.

    Args:
        quads: Parser of the document.
        body: The document.
        limits: Limits of its triples.
        where: Name of the document for messages.

    Raises:
        TooLargeError: The triples exceed a limit. The rest of the document is not parsed.
        SyntaxError: The document is malformed.
    """
    if len(body) <= _SMALL:
        triples = list(map(_triple, islice(quads, limits.triples + 1)))
        _check_count(triples, limits, where)
        return triples
    source, size = iter(quads), 1 if _may_have_long_terms(body) else _CHUNK
    step = 1 if size == 1 else _SAMPLE
    triples, memory = [], 0
    while chunk := list(map(_triple, islice(source, size))):
        triples += chunk
        memory += step * estimate_memory(chunk[randrange(step) :: step])  # noqa: S311 (not a secret)
        _check_count(triples, limits, where)
        if memory > limits.memory:
            raise TooLargeError(
                f"{where} takes more than {limits.memory:,} bytes of memory as triples; {len(triples):,} were read of "
                f"{len(body):,} bytes.",
                hint="Raise rdf.max_parsed_bytes if the entity is as large as that.",
                document=where,
                memory=memory,
            )
    return triples


def estimate_memory(triples: Collection[Triple]) -> int:
    """Return the memory that triples take, in bytes."""
    return len(triples) * TRIPLE_OVERHEAD + len(serialize(triples, format=RdfFormat.N_TRIPLES) or b"")


def _check_count(triples: list[Triple], limits: ParseLimits, where: str) -> None:
    if len(triples) > limits.triples:
        raise TooLargeError(
            f"{where} has too many triples; allowed are {limits.triples:,}.",
            hint="Raise rdf.max_entity_triples if the entity has as many.",
            document=where,
        )


def _may_have_long_terms(body: bytes) -> bool:
    """Return whether an IRI or a name may fill a block, so that each triple may take many megabytes.

    A name ends at white space. An IRI ends at ``>`` and may hold white space in a lenient parser.
    """
    is_open = False
    for begin in range(0, len(body) - _BLOCK + 1, _BLOCK):
        end = begin + _BLOCK
        closed = body.rfind(b">", begin, end)
        if (closed < 0 and is_open) or _SPACE.search(body, begin, end) is None:
            return True
        opened = body.rfind(b"<", begin, end)
        if max(opened, closed) >= 0:
            is_open = opened > closed
    return False
