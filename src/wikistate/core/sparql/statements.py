"""A batch as SPARQL 1.1 Update: in which order, and in how many requests.

Every IRI is written out: no prefix is used, so that none can be missing. Nothing is pasted: triples and terms come from
`terms`, the rest is fixed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from pyoxigraph import Literal

from wikistate.core.sparql import orphans
from wikistate.core.sparql.clearing import clearing
from wikistate.core.sparql.terms import iri, lines_of, literal, notes_of
from wikistate.core.sparql.vocabulary import (
    COMPLETED_UNTIL,
    DATE_MODIFIED,
    DATE_TIME,
    NEXT_OFFSET,
    PARTITION,
    TOPIC,
    position_iri,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from wikistate.core.rdf.uris import Uris
    from wikistate.core.record import Partition
    from wikistate.core.sparql.contents import StorePosition
    from wikistate.core.updater.store_patch import StorePatch

_ENTITIES_AT_ONCE = 100
"""How many entities one pattern lists: beyond some hundreds, stores plan badly."""


class Dialect(NamedTuple):
    """What is the same in each statement for one store.

    Attributes:
        uris: Of the Wikibase.
        graph: IRI of the named graph that holds everything, None for the default graph.
        orphans: Whether values, references and sites are taken out when nothing links to them any more.
        request_bytes: How large a request may become. One triple that is larger makes a request by itself.
    """

    uris: Uris
    graph: str | None = None
    orphans: bool = True
    request_bytes: int = 8 << 20

    def pattern(self, operation: str) -> str:
        """An update with a pattern, on this graph."""
        return operation if self.graph is None else f"WITH {iri(self.graph)} {operation}"

    def ground(self, verb: str, lines: str) -> str:
        """``INSERT DATA`` or ``DELETE DATA`` of whole lines, on this graph."""
        inner = lines if self.graph is None else f"GRAPH {iri(self.graph)} {{\n{lines}}}\n"
        return f"{verb} DATA {{\n{inner}}}"

    def where(self, pattern: str) -> str:
        """A query's pattern, on this graph."""
        return f"{{ {pattern} }}" if self.graph is None else f"{{ GRAPH {iri(self.graph)} {{ {pattern} }} }}"


def taking(patch: StorePatch, dialect: Dialect) -> Iterator[str]:
    """What comes before anything is added: entities go, triples go, and what they may have orphaned is noted."""
    # Sorted, so that the same batch is the same text: it can be compared, and looked for in a store's log.
    entities = [iri(dialect.uris.entity_iri(entity)) for entity in sorted(patch.deleted | patch.reconciled)]
    for start in range(0, len(entities), _ENTITIES_AT_ONCE):
        listed = entities[start : start + _ENTITIES_AT_ONCE]
        yield from map(dialect.pattern, clearing(listed, dialect.uris, suspects=dialect.orphans))
    yield from _data("DELETE", lines_of(patch.removed), dialect)
    suspects = set(orphans.notes(patch.unlinked, dialect.uris, nodes=dialect.orphans))
    yield from _data("INSERT", notes_of(suspects), dialect)


def giving(patch: StorePatch, dialect: Dialect) -> Iterator[str]:
    """What comes."""
    yield from _data("INSERT", lines_of(patch.added), dialect)
    yield from _data("INSERT", lines_of(patch.linked), dialect)


def closing(
    patch: StorePatch, positions: Mapping[Partition, StorePosition], freshness: int | None, dialect: Dialect
) -> Iterator[str]:
    """What comes last and in one request: orphans go, and how far and how fresh the store is."""
    if patch.unlinked or ((patch.deleted or patch.reconciled) and dialect.orphans):
        yield from map(dialect.pattern, orphans.collection(nodes=dialect.orphans))
    if freshness is not None:
        yield from _replacement(iri(dialect.uris.root), {DATE_MODIFIED: _time(freshness, "seconds")}, dialect)
    for partition, position in sorted(positions.items()):
        yield from _replacement(position_iri(partition), _bookkeeping(partition, position), dialect)


def requests(
    patch: StorePatch, positions: Mapping[Partition, StorePosition], freshness: int | None, dialect: Dialect
) -> list[str]:
    """The whole batch, as one request where it fits into one.

    Raises:
        UnwritableError: A triple has no safe form.
    """
    last = _joined(list(closing(patch, positions, freshness, dialect)))
    packed = pack([*taking(patch, dialect), *giving(patch, dialect)], dialect.request_bytes)
    if packed and len(packed[-1]) + len(last) <= dialect.request_bytes:
        packed[-1] = _joined(list(filter(None, [packed[-1], last])))
    elif last:
        packed.append(last)
    return packed


def pack(operations: Iterable[str], limit: int) -> list[str]:
    """Operations as requests, in order, each with as many as fit; one that does not fit anywhere stands alone."""
    packed: list[list[str]] = []
    room = 0
    for operation in operations:
        if len(operation) > room:
            packed.append([])
            room = limit
        packed[-1].append(operation)
        room -= len(operation)
    return [_joined(request) for request in packed]


def _joined(operations: Sequence[str]) -> str:
    return " ;\n".join(operations)


def _data(verb: str, lines: bytes, dialect: Dialect) -> Iterator[str]:
    """Lines as operations of a bounded size; never cut within a line."""
    start = 0
    while start < len(lines):
        end = start + dialect.request_bytes
        if end < len(lines):
            # The last line that ends within the bound, or the first one where none does.
            end = (lines.rfind(b" .\n", start, end) + 1 or lines.find(b" .\n", start) + 1) + 2
        yield dialect.ground(verb, lines[start:end].decode())
        start = end


def _replacement(subject: str, values: Mapping[str, str], dialect: Dialect) -> Iterator[str]:
    predicates = " ".join(values)
    yield dialect.pattern(f"DELETE {{ {subject} ?p ?o }} WHERE {{ VALUES ?p {{ {predicates} }} {subject} ?p ?o }}")
    yield dialect.ground("INSERT", "".join(f"{subject} {name} {value} .\n" for name, value in values.items()))


def _bookkeeping(partition: Partition, position: StorePosition) -> dict[str, str]:
    return {
        TOPIC: literal(Literal(partition.topic)),
        PARTITION: literal(Literal(partition.number)),
        NEXT_OFFSET: literal(Literal(position.next_offset)),
        COMPLETED_UNTIL: _time(position.completed_until, "milliseconds"),
    }


def _time(milliseconds: int, precision: str) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec=precision)
    return f'"{moment.replace("+00:00", "Z")}"^^{DATE_TIME}'
