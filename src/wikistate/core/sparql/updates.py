"""A batch as SPARQL 1.1 Update: in which order, and in how many requests.

Every IRI is written out: no prefix is used, so that none can be missing. Nothing is pasted: triples and terms come from
`terms`, the rest is fixed.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from pyoxigraph import Literal

from wikistate.core.sparql import orphans
from wikistate.core.sparql.delete_entities import delete_entities
from wikistate.core.sparql.terms import format_iri, format_literal, serialize_bookkeeping, serialize_triples
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
    from wikistate.core.updater.store_metadata import StorePosition
    from wikistate.core.updater.store_patch import StorePatch
    from wikistate.streaming.record import Partition

_MAX_ENTITIES_PER_OPERATION = 100
"""How many entities one pattern lists: beyond some hundreds, stores plan badly."""


class UpdateTarget(NamedTuple):
    """What is the same in each statement for one store.

    Attributes:
        uris: Of the Wikibase.
        graph: IRI of the named graph that holds everything, None for the default graph.
        deletes_orphans: Whether values, references and sites are taken out when nothing links to them any more.
        max_request_bytes: How large a request may become. One triple that is larger makes a request by itself.
    """

    uris: Uris
    graph: str | None = None
    deletes_orphans: bool = True
    max_request_bytes: int = 8 << 20

    def pattern(self, operation: str) -> str:
        """An update with a pattern, on this graph."""
        return operation if self.graph is None else f"WITH {format_iri(self.graph)} {operation}"

    def data(self, verb: str, lines: str) -> str:
        """``INSERT DATA`` or ``DELETE DATA`` of whole lines, on this graph."""
        inner = lines if self.graph is None else f"GRAPH {format_iri(self.graph)} {{\n{lines}}}\n"
        return f"{verb} DATA {{\n{inner}}}"

    def where(self, pattern: str) -> str:
        """A query's pattern, on this graph."""
        return f"{{ {pattern} }}" if self.graph is None else f"{{ GRAPH {format_iri(self.graph)} {{ {pattern} }} }}"


def delete_operations(patch: StorePatch, target: UpdateTarget) -> Iterator[str]:
    """What comes before anything is added: entities go, triples go, and what they may have orphaned is noted."""
    # Sorted, so that the same batch is the same text: it can be compared, and looked for in a store's log.
    entities = [format_iri(target.uris.entity_iri(entity)) for entity in sorted(patch.deleted | patch.reconciled)]
    for start in range(0, len(entities), _MAX_ENTITIES_PER_OPERATION):
        listed = entities[start : start + _MAX_ENTITIES_PER_OPERATION]
        yield from map(target.pattern, delete_entities(listed, target.uris, mark_orphans=target.deletes_orphans))
    yield from _build_data_operations("DELETE", serialize_triples(patch.removed), target)
    suspects = set(orphans.mark_candidates(patch.unlinked, target.uris, nodes=target.deletes_orphans))
    yield from _build_data_operations("INSERT", serialize_bookkeeping(suspects), target)


def insert_operations(patch: StorePatch, target: UpdateTarget) -> Iterator[str]:
    """What comes."""
    yield from _build_data_operations("INSERT", serialize_triples(patch.added), target)
    yield from _build_data_operations("INSERT", serialize_triples(patch.linked), target)


def bookkeeping_operations(
    patch: StorePatch, positions: Mapping[Partition, StorePosition], freshness: int | None, target: UpdateTarget
) -> Iterator[str]:
    """What comes last and in one request: orphans go, and how far and how fresh the store is."""
    if patch.unlinked or ((patch.deleted or patch.reconciled) and target.deletes_orphans):
        yield from map(target.pattern, orphans.delete_orphans(nodes=target.deletes_orphans))
    if freshness is not None:
        yield from _replace_values(
            format_iri(target.uris.root), {DATE_MODIFIED: _format_time(freshness, "seconds")}, target
        )
    for partition, position in sorted(positions.items()):
        yield from _replace_values(position_iri(partition), _format_position(partition, position), target)


def build_requests(
    patch: StorePatch, positions: Mapping[Partition, StorePosition], freshness: int | None, target: UpdateTarget
) -> list[str]:
    """The whole batch, as one request where it fits into one.

    Raises:
        UnwritableError: A triple has no safe form.
    """
    last = _join(list(bookkeeping_operations(patch, positions, freshness, target)))
    packed = pack([*delete_operations(patch, target), *insert_operations(patch, target)], target.max_request_bytes)
    if packed and len(packed[-1]) + len(last) <= target.max_request_bytes:
        packed[-1] = _join(list(filter(None, [packed[-1], last])))
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
    return [_join(request) for request in packed]


def _join(operations: Sequence[str]) -> str:
    return " ;\n".join(operations)


def _build_data_operations(verb: str, lines: bytes, target: UpdateTarget) -> Iterator[str]:
    """Lines as operations of a bounded size; never cut within a line."""
    start = 0
    while start < len(lines):
        end = start + target.max_request_bytes
        if end < len(lines):
            # The last line that ends within the bound, or the first one where none does.
            end = (lines.rfind(b" .\n", start, end) + 1 or lines.find(b" .\n", start) + 1) + 2
        yield target.data(verb, lines[start:end].decode())
        start = end


def _replace_values(subject: str, values: Mapping[str, str], target: UpdateTarget) -> Iterator[str]:
    predicates = " ".join(values)
    yield target.pattern(f"DELETE {{ {subject} ?p ?o }} WHERE {{ VALUES ?p {{ {predicates} }} {subject} ?p ?o }}")
    yield target.data("INSERT", "".join(f"{subject} {name} {value} .\n" for name, value in values.items()))


def _format_position(partition: Partition, position: StorePosition) -> dict[str, str]:
    return {
        TOPIC: format_literal(Literal(partition.topic)),
        PARTITION: format_literal(Literal(partition.number)),
        NEXT_OFFSET: format_literal(Literal(position.next_offset)),
        COMPLETED_UNTIL: _format_time(position.completed_until, "milliseconds"),
    }


def _format_time(milliseconds: int, precision: str) -> str:
    moment = datetime.fromtimestamp(milliseconds / 1000, UTC).isoformat(timespec=precision)
    return f'"{moment.replace("+00:00", "Z")}"^^{DATE_TIME}'
