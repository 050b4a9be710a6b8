"""Triple store in memory for the tests of its writers; each entity is one subject."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import TYPE_CHECKING, NamedTuple

from pyoxigraph import Literal, NamedNode, Triple

from wikistate.adapters.triplestore.store import ApplyResult, StoreChanged, StoreDescription
from wikistate.core.rdf.patch import Patch
from wikistate.core.sparql.terms import serialize_triples
from wikistate.core.updater.input_events import Origin
from wikistate.core.updater.mutation import Mutation, OperationName
from wikistate.core.updater.store_metadata import StoreForm
from wikistate.core.updater.store_state import StoreComparison, StoreState, WriteToken, compare_states
from wikistate.streaming.record import Partition

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from wikistate.core.updater.store_metadata import Row, StorePosition
    from wikistate.core.updater.store_patch import StorePatch
    from wikistate.testing.clock import ManualClock

TOPIC = Partition("eqiad.mutation")
_BATCHES = count()
_ORIGIN = Origin("/s/1.0.0", "2026-01-01T00:00:00Z", "id", "wiki", "mutation", "request")


def triple(entity: str, value: str) -> Triple:
    """Return a triple of an entity."""
    return Triple(NamedNode(f"urn:{entity}"), NamedNode("urn:says"), Literal(value))


def mutation(operation: OperationName, entity: str, *, time: int = 0, **patch: frozenset[Triple]) -> Mutation:
    """Return a mutation; `patch` has the fields of a `Patch`."""
    return Mutation(operation, entity, 1, time, time, _ORIGIN, "mutation", Patch(**patch))


def insertion(entity: str, *values: str, time: int = 0) -> Mutation:
    """Return a mutation that adds values to an entity."""
    return mutation(OperationName.DIFF, entity, time=time, added=frozenset(triple(entity, value) for value in values))


class StoreCopy(NamedTuple):
    """Backup of a store."""

    graph: frozenset[Triple]
    held: dict[Partition, StorePosition]
    token: WriteToken | None


class MemoryStore:
    """Triple store in memory; see `TripleStore` for the protocol.

    Args:
        clock: Clock on which a batch takes its time.

    Attributes:
        graph: Triples in the store.
        held: Positions in the store.
        token: Token of the last update.
        applied: Applied patches, in order.
        seconds: Duration of a batch.
        reported_form: Reported form of the entities.
        failure: Exception that the next batch raises.
    """

    def __init__(self, clock: ManualClock) -> None:
        self._clock = clock
        self.graph: set[Triple] = set()
        self.held: dict[Partition, StorePosition] = {}
        self.token: WriteToken | None = None
        self.applied: list[StorePatch] = []
        self.seconds = 0.0
        self.failure: Exception | None = None
        self.is_open = False
        self.reported_form = StoreForm.EMPTY
        self._back = asyncio.Event()
        self._back.set()

    def stop_responding(self) -> None:
        """Stop responding until `resume_responding`."""
        self._back.clear()

    def resume_responding(self) -> None:
        """Respond again."""
        self._back.set()

    def copy(self) -> StoreCopy:
        """Return a backup."""
        return StoreCopy(frozenset(self.graph), dict(self.held), self.token)

    def restore(self, copy: StoreCopy) -> None:
        """Restore a backup."""
        self.graph, self.held, self.token = set(copy.graph), dict(copy.held), copy.token

    async def open(self) -> StoreDescription:
        """See `TripleStore`."""
        self.is_open = True
        return StoreDescription(form=self.reported_form, positions=dict(self.held), token=self.token)

    async def apply(
        self,
        patch: StorePatch,
        positions: Mapping[Partition, StorePosition],
        freshness: int | None,  # noqa: ARG002  (see `TripleStore`)
    ) -> ApplyResult:
        """See `TripleStore`."""
        await self._back.wait()
        await self._clock.sleep(self.seconds)
        serialize_triples([*patch.added, *patch.linked])
        if self.failure is not None:
            raise self.failure
        gone = {NamedNode(f"urn:{entity}") for entity in patch.deleted | patch.reconciled}
        self.graph = {each for each in self.graph if each.subject not in gone} - patch.removed
        self.graph |= patch.added | patch.linked
        self.held |= positions
        self.applied.append(patch)
        return ApplyResult(None, self.seconds, 1)

    async def apply_after(
        self,
        expected: StoreState,
        patch: StorePatch,
        positions: Mapping[Partition, StorePosition],
        freshness: int | None,
    ) -> ApplyResult | StoreChanged:
        """See `TripleStore`."""
        found = await self.state()
        if found.token != expected.token or compare_states(found, expected) is not StoreComparison.SAME:
            return StoreChanged(found)
        applied = await self.apply(patch, positions, freshness)
        self.token = WriteToken(0 if found.token is None else found.token.number + 1, str(next(_BATCHES)))
        return applied._replace(token=self.token)

    async def form(self) -> StoreForm:
        """See `TripleStore`; not used here."""
        raise NotImplementedError

    async def state(self) -> StoreState:
        """See `TripleStore`."""
        return StoreState(dict(self.held), self.token)

    async def positions(self) -> Mapping[Partition, StorePosition]:
        """See `TripleStore`."""
        return dict(self.held)

    async def close(self) -> None:
        """See `TripleStore`."""
        self.is_open = False

    async def versions(self, entities: Collection[str]) -> dict[str, int]:
        """See `TripleStore`; not used here."""
        raise NotImplementedError

    async def counts(self) -> dict[str, int]:
        """See `TripleStore`; not used here."""
        raise NotImplementedError

    async def query(self, query: str) -> list[Row]:
        """See `TripleStore`; not used here."""
        raise NotImplementedError

    async def ask(self, query: str) -> bool:
        """See `TripleStore`; not used here."""
        raise NotImplementedError

    async def sweep(self) -> int | None:
        """See `TripleStore`; not used here."""
        raise NotImplementedError
