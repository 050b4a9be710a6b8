"""What takes entities out of a store: all that is theirs, and a note of what they shared.

Each step is bound to the entities, by ``VALUES`` in its own pattern, and what an entity merely mentions stays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.core.sparql.patterns import (
    MAX_VALUE_CHAIN,
    filter_shared,
    is_property,
    match_predicates,
    match_restrictions,
    match_statements,
    match_subentities,
)
from wikistate.core.sparql.vocabulary import (
    ABOUT,
    BOOKKEEPING,
    IS_PART_OF,
    ORPHAN_CANDIDATE_NODE,
    ORPHAN_CANDIDATE_SITE,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wikistate.core.rdf.uris import Uris


def delete_entities(entities: Sequence[str], uris: Uris, *, mark_orphans: bool) -> Iterator[str]:
    """The steps, each one update operation without its graph, in order.

    Args:
        entities: IRIs in angle brackets.
        uris: Of the Wikibase.
        mark_orphans: Whether to note the shared nodes, for `wikistate.core.sparql.orphans`.
    """
    listed = f"VALUES ?entity {{ {' '.join(entities)} }}"
    statement = match_statements(listed, uris)
    if mark_orphans:
        yield from _mark_shared_nodes(listed, statement, uris)
    # An article that another entity claims too, for a moment in a move, loses no more than its link to these.
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
    note, node = f"INSERT {{ {BOOKKEEPING} {ORPHAN_CANDIDATE_NODE} ?node }}", filter_shared("?node", uris)
    yield f"{note} WHERE {{ {statement} ?statement ?q ?node {node} }}"
    for _ in range(MAX_VALUE_CHAIN):
        yield f"{note} WHERE {{ {BOOKKEEPING} {ORPHAN_CANDIDATE_NODE} ?from . ?from ?p ?node {node} }}"
    yield (
        f"INSERT {{ {BOOKKEEPING} {ORPHAN_CANDIDATE_SITE} ?site }} "
        f"WHERE {{ {listed} ?article {ABOUT} ?entity ; {IS_PART_OF} ?site FILTER(isIRI(?site)) }}"
    )
