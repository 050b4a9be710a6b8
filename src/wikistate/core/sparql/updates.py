"""Updates: SPARQL 1.1 Update operations of a batch, their order, and their division into requests.

Every IRI is written in full: there are no prefixes, so none can be missing. Texts are never inserted unescaped: triples and
terms come from `terms`, all other parts are fixed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyoxigraph import Literal

from wikistate.core.events.timestamps import format_timestamp
from wikistate.core.rdf import vocabulary as rdf
from wikistate.core.sparql import orphans
from wikistate.core.sparql.loose_parts import delete_loose_parts, find_loose_articles
from wikistate.core.sparql.patterns import (
    MAX_VALUE_CHAIN,
    filter_shared,
    is_property,
    match_predicates,
    match_restrictions,
    match_statements,
    match_subentities,
)
from wikistate.core.sparql.terms import format_iri, format_literal, serialize_bookkeeping, serialize_triples
from wikistate.core.sparql.vocabulary import (
    ABOUT,
    BOOKKEEPING,
    COMPLETED_UNTIL,
    DATE_MODIFIED,
    IS_PART_OF,
    NEXT_OFFSET,
    ORPHAN_CANDIDATE_NODE,
    ORPHAN_CANDIDATE_SITE,
    PARTITION,
    TOPIC,
    position_iri,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from pyoxigraph import Triple

    from wikistate.core.events.timestamps import Precision
    from wikistate.core.rdf.uris import Uris
    from wikistate.core.sparql.update_target import UpdateTarget
    from wikistate.core.updater.store_metadata import StorePosition
    from wikistate.core.updater.store_patch import StorePatch
    from wikistate.streaming.record import Partition

_MAX_ENTITIES_PER_OPERATION = 100
"""Number of entities in one pattern: beyond some hundreds, stores plan queries badly."""


def delete_operations(patch: StorePatch, target: UpdateTarget) -> Iterator[str]:
    """Yield the delete operations, which precede all insertions: entities, triples, and the record of possible orphans."""
    # Sorted, so that the same batch gives the same text: it can be compared and found in the log of a store.
    entities = [format_iri(target.uris.entity_iri(entity)) for entity in sorted(patch.deleted | patch.reconciled)]
    for start in range(0, len(entities), _MAX_ENTITIES_PER_OPERATION):
        listed = entities[start : start + _MAX_ENTITIES_PER_OPERATION]
        yield from map(target.pattern, _delete_entities(listed, target.uris, mark_orphans=target.deletes_orphans))
    yield from _build_data_operations("DELETE", serialize_triples(patch.removed), target)
    yield from _build_data_operations("INSERT", serialize_bookkeeping(orphan_candidates(patch, target)), target)


def orphan_candidates(patch: StorePatch, target: UpdateTarget) -> set[Triple]:
    """Return the triples that record the possible orphans of a patch."""
    candidates = set(orphans.mark_candidates(patch.unlinked, target.uris, nodes=target.deletes_orphans))
    return candidates | set(orphans.mark_articles(find_loose_articles(patch, target.uris)))


def _delete_entities(entities: Sequence[str], uris: Uris, *, mark_orphans: bool) -> Iterator[str]:
    """Yield the operations that delete entities, without their graph: all their triples and the record of shared nodes.

    Each operation is restricted to the entities by ``VALUES`` in its pattern. Other entities that an entity links to stay.

    Args:
        entities: IRIs in angle brackets.
        uris: IRIs of the Wikibase.
        mark_orphans: Whether to record the shared nodes, for `wikistate.core.sparql.orphans`.
    """
    listed = f"VALUES ?entity {{ {' '.join(entities)} }}"
    statement = match_statements(listed, uris)
    if mark_orphans:
        yield from _mark_shared_nodes(listed, statement, uris)
    # While a sitelink moves, another entity may link the article as well: then only the link to these entities is deleted.
    sole = f"FILTER NOT EXISTS {{ ?article {ABOUT} ?other FILTER(?other NOT IN ({', '.join(entities)})) }}"
    yield f"DELETE {{ ?article ?p ?o }} WHERE {{ {listed} ?article {ABOUT} ?entity ; ?p ?o {sole} }}"
    yield f"DELETE {{ ?article {ABOUT} ?entity }} WHERE {{ {listed} ?article {ABOUT} ?entity }}"
    yield f"DELETE {{ ?statement ?q ?o }} WHERE {{ {statement} ?statement ?q ?o }}"
    yield f"DELETE {{ ?part ?p ?o }} WHERE {{ {match_subentities(listed)} ?part ?p ?o }}"
    yield from _delete_declarations([entity for entity in entities if is_property(entity.strip("<>"), uris)], uris)
    yield f"DELETE {{ ?entity ?p ?o }} WHERE {{ {listed} ?entity ?p ?o }}"


def _delete_declarations(properties: Sequence[str], uris: Uris) -> Iterator[str]:
    if properties:
        listed = f"VALUES ?entity {{ {' '.join(properties)} }}"
        yield f"DELETE {{ ?restriction ?p ?o }} WHERE {{ {match_restrictions(listed, uris)} ?restriction ?p ?o }}"
        yield f"DELETE {{ ?declared ?p ?o }} WHERE {{ {match_predicates(listed, uris)} ?declared ?p ?o }}"


def _mark_shared_nodes(listed: str, statement: str, uris: Uris) -> Iterator[str]:
    record, node = f"INSERT {{ {BOOKKEEPING} {ORPHAN_CANDIDATE_NODE} ?node }}", filter_shared("?node", uris)
    yield f"{record} WHERE {{ {statement} ?statement ?q ?node {node} }}"
    for _ in range(MAX_VALUE_CHAIN):
        yield f"{record} WHERE {{ {BOOKKEEPING} {ORPHAN_CANDIDATE_NODE} ?from . ?from ?p ?node {node} }}"
    yield (
        f"INSERT {{ {BOOKKEEPING} {ORPHAN_CANDIDATE_SITE} ?site }} "
        f"WHERE {{ {listed} ?article {ABOUT} ?entity ; {IS_PART_OF} ?site FILTER(isIRI(?site)) }}"
    )


def insert_operations(patch: StorePatch, target: UpdateTarget) -> Iterator[str]:
    """Yield the insert operations."""
    yield from _build_data_operations("INSERT", serialize_triples(patch.added), target)
    yield from _build_data_operations("INSERT", serialize_triples(patch.linked), target)


def loose_part_operations(patch: StorePatch, target: UpdateTarget) -> Iterator[str]:
    """Yield the operations that delete the parts without a link, after all insertions."""
    yield from map(target.pattern, delete_loose_parts(patch, target.uris, mark_orphans=target.deletes_orphans))


def bookkeeping_operations(
    patch: StorePatch, positions: Mapping[Partition, StorePosition], freshness: int | None, target: UpdateTarget
) -> Iterator[str]:
    """Yield the last operations, in one request: the deletion of orphans, the freshness and the positions of the store."""
    may_orphan = patch.unlinked or find_loose_articles(patch, target.uris)
    if may_orphan or ((patch.deleted or patch.reconciled) and target.deletes_orphans):
        yield from map(target.pattern, orphans.delete_orphans(nodes=target.deletes_orphans))
    if freshness is not None:
        stated = {DATE_MODIFIED: _format_time(freshness, "seconds")}
        for subject in target.freshness_subjects:
            yield from _replace_values(format_iri(subject), stated, target)
    for partition, position in sorted(positions.items()):
        yield from _replace_values(position_iri(partition), _format_position(partition, position), target)


def build_requests(
    patch: StorePatch, positions: Mapping[Partition, StorePosition], freshness: int | None, target: UpdateTarget
) -> list[str]:
    """Return the requests of the whole batch; one request if it fits.

    Raises:
        UnwritableError: A triple has no safe form.
    """
    return [join_operations(request) for request in batch_operations(patch, positions, freshness, target)]


def batch_operations(
    patch: StorePatch, positions: Mapping[Partition, StorePosition], freshness: int | None, target: UpdateTarget
) -> list[list[str]]:
    """Return the operations of each request of the whole batch. Raises as `build_requests`."""
    last = list(bookkeeping_operations(patch, positions, freshness, target))
    operations = [
        *delete_operations(patch, target),
        *insert_operations(patch, target),
        *loose_part_operations(patch, target),
    ]
    packed = pack(operations, target.max_request_bytes)
    if packed and _size(packed[-1]) + _size(last) <= target.max_request_bytes:
        packed[-1] += last
    elif last:
        packed.append(last)
    return packed


def pack(operations: Iterable[str], limit: int) -> list[list[str]]:
    """Divide operations into requests, in order, as many as fit into each; an operation that is too large gets its own one."""
    packed: list[list[str]] = []
    room = 0
    for operation in operations:
        if len(operation) > room:
            packed.append([])
            room = limit
        packed[-1].append(operation)
        room -= len(operation)
    return packed


def join_operations(operations: Sequence[str]) -> str:
    """Return the text of a request with these operations."""
    return " ;\n".join(operations)


def _size(operations: Sequence[str]) -> int:
    return sum(map(len, operations))


def _build_data_operations(verb: str, lines: bytes, target: UpdateTarget) -> Iterator[str]:
    """Yield operations of a bounded size from lines; a line is never split."""
    start = 0
    while start < len(lines):
        end = start + target.max_request_bytes
        if end < len(lines):
            # The last line that ends within the limit, or the first line if none does.
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


def _format_time(milliseconds: int, precision: Precision) -> str:
    return format_literal(Literal(format_timestamp(milliseconds, precision), datatype=rdf.DATE_TIME))
