"""Operations on a store under test, and reads of all that it holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyoxigraph import Literal, Triple

from wikistate.adapters.triplestore.store import ApplyResult
from wikistate.core.updater.store_metadata import StorePosition
from wikistate.core.updater.store_patch import StorePatch
from wikistate.core.updater.store_state import StoreState
from wikistate.streaming.record import Partition

if TYPE_CHECKING:
    from wikistate.adapters.triplestore.store import TripleStore

PARTITION = Partition("eqiad.rdf-streaming-updater.mutation", 0)
"""The partition of all positions in the suite."""


async def apply(store: TripleStore, **patch: object) -> ApplyResult:
    """Apply a patch with these fields."""
    return await store.apply(StorePatch(**patch), {}, None)  # type: ignore[arg-type]


async def open_state(store: TripleStore) -> StoreState:
    """Open a store and return its state."""
    contents = await store.open()
    return StoreState(contents.positions, contents.token)


async def apply_after(store: TripleStore, expected: StoreState, offset: int, **patch: object) -> StoreState:
    """Apply a patch with these fields in an expected state, and return the state after it."""
    position = {PARTITION: StorePosition(offset, offset)}
    applied = await store.apply_after(expected, StorePatch(**patch), position, None)  # type: ignore[arg-type]
    assert isinstance(applied, ApplyResult)
    state = await store.state()
    assert state == StoreState(position, applied.token)
    return state


async def read_all(store: TripleStore) -> set[tuple[str, ...]]:
    """Return all triples in a store, with those of the bookkeeping."""
    rows = await store.query("SELECT ?s ?p ?o WHERE { ?s ?p ?o }")
    return {tuple(str(row[name]) for name in "spo") for row in rows}


async def read_held_triples(store: TripleStore) -> set[Triple]:
    """Return all triples of entities in a store, without its positions and freshness. Times are compared by value."""
    rows = await store.query("SELECT ?s ?p ?o WHERE { ?s ?p ?o }")
    found = {Triple(row["s"], row["p"], _normalize_term(row["o"])) for row in rows}  # type: ignore[arg-type]
    return {t for t in found if not str(t.subject).startswith(("<urn:wikistate:", "<http://www.wikidata.org>"))}


def _normalize_term(term: object) -> object:
    if isinstance(term, Literal) and term.value.endswith(".000Z"):
        return Literal(term.value.removesuffix(".000Z") + "Z", datatype=term.datatype)
    return term
