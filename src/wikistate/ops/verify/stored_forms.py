"""Comparison of an entity with the triples that a store returns, by the equality of terms of that store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from wikistate.core.rdf.compare import GraphDifference, compare_graphs, select_questions
from wikistate.core.rdf.graph import EMPTY_GRAPH, Graph
from wikistate.core.sparql.held_query import build_held_query, divide, read_held
from wikistate.core.sparql.terms import find_unwritable
from wikistate.errors import StoreError

if TYPE_CHECKING:
    from wikistate.adapters.triplestore.store import TripleStore
    from wikistate.core.sparql.updates import UpdateTarget

QUESTIONS_PER_QUERY: Final = 20
"""Number of triples in one query: stores plan large unions badly."""


async def find_differences(expected: Graph, found: Graph, store: TripleStore, target: UpdateTarget) -> GraphDifference:
    """Return the triples that the store should hold and does not, and those that it should not hold.

    The store is asked for each expected triple that it may have returned in another form. Most entities need one query, and
    an entity that the store returned to the letter needs none.

    Raises:
        StoreError: The store rejects a query.
    """
    questions = select_questions(expected, found)
    questions -= frozenset(find_unwritable(questions))
    return compare_graphs(expected, found, await select_held(questions, store, target))


async def select_held(triples: Graph, store: TripleStore, target: UpdateTarget) -> Graph:
    """Return the triples that the store holds, by its own equality of terms. Raises as `find_differences`."""
    held = EMPTY_GRAPH
    for part in divide(triples, QUESTIONS_PER_QUERY):
        held |= await _ask(part, store, target)
    return held


async def _ask(triples: Graph, store: TripleStore, target: UpdateTarget) -> Graph:
    """Return the triples that the store holds. A triple that it cannot read, it cannot hold either."""
    try:
        return read_held(await store.query(build_held_query(triples, target)), triples)
    except StoreError:
        if len(triples) == 1:
            await store.ask("ASK {}")  # raises if the store rejects more than this triple
            return EMPTY_GRAPH
    held = EMPTY_GRAPH
    for part in divide(triples, (len(triples) + 1) // 2):
        held |= await _ask(part, store, target)
    return held
