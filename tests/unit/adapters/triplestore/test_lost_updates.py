"""A served store that fails at every point of a run and comes back in any state: nothing is missing in the end."""

from __future__ import annotations

import re
from functools import partial
from itertools import product
from random import Random
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Quad
from tests.support.mutation_generator import ROOT, MutationGenerator
from tests.support.unreliable_store import Loss, Moment, StoreFault, UnreliableStore

from wikistate.adapters.triplestore.batch_size import BatchLimits
from wikistate.adapters.triplestore.endpoint import SparqlEndpoint
from wikistate.adapters.triplestore.endpoint_client import EndpointSettings
from wikistate.adapters.triplestore.writer import StoreWriter
from wikistate.core.rdf.diff import select_shared
from wikistate.core.rdf.uris import Uris
from wikistate.core.sparql.update_target import UpdateTarget
from wikistate.core.updater.store_metadata import StorePosition
from wikistate.errors import RewoundError, SinkError, StoreError
from wikistate.streaming.record import Partition
from wikistate.telemetry.meter import RecordingMeter

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wikistate.core.updater.mutation import Mutation

TOPIC = Partition("eqiad.mutation")
URIS = Uris.for_wikibase(ROOT)
LIMITS = BatchLimits(mutations=5, triples=100_000, seconds=3600.0)
SEVERAL_REQUESTS, ONE_REQUEST = 4_000, 8 << 20
"""Sizes of a request with which a batch is divided, or not."""

GENERATOR = MutationGenerator(Random(20_260_601), entities=12)
MUTATIONS = list(GENERATOR.generate(30))
GRAPH = {str(triple) for triple in GENERATOR.expected_graph()}


async def no_delay(_: float) -> None:
    """Do not wait, in place of `asyncio.sleep`."""


def make_writer(served: UnreliableStore, request_bytes: int) -> StoreWriter:
    """Return a writer of the store, not open."""
    endpoint = SparqlEndpoint(
        EndpointSettings(update_url="http://store.test/"),
        UpdateTarget(URIS, max_request_bytes=request_bytes),
        sleep=no_delay,
    )
    endpoint._client._http = served  # type: ignore[assignment]  # the part of it that an endpoint uses
    return StoreWriter(endpoint, LIMITS, partial(select_shared, uris=URIS), RecordingMeter())


async def consume(writer: StoreWriter, mutations: Sequence[Mutation] = MUTATIONS) -> int:
    """Write all mutations, from the position of the store on after each rewind; return the number of rewinds."""
    rewinds = 0
    await writer.open()
    while True:
        try:
            for offset in range(_position(writer), len(mutations)):
                await writer.write([mutations[offset]])
                writer.advance({TOPIC: StorePosition(offset + 1, mutations[offset].time)})
            await writer.flush()
        except RewoundError:
            rewinds += 1
            await writer.rewind()
        else:
            await writer.close()
            return rewinds


def _position(writer: StoreWriter) -> int:
    return writer.positions[TOPIC].next_offset if TOPIC in writer.positions else 0


def content(served: UnreliableStore) -> set[str]:
    """Return the triples of the entities in the store."""
    found = {str(quad.triple) for quad in served.store}
    return {each for each in found if not each.startswith(("<urn:wikistate:", f"<{ROOT}>"))}


async def run(faults: Mapping[int, StoreFault], request_bytes: int) -> tuple[UnreliableStore, int]:
    """Consume all mutations with these faults; return the store and the number of rewinds."""
    served = UnreliableStore(faults)
    rewinds = await consume(make_writer(served, request_bytes))
    return served, rewinds


def assert_complete(served: UnreliableStore, faults: object) -> None:
    """Assert that the store equals one that is loaded from scratch, and that its position is the end."""
    found = content(served)
    assert found == GRAPH, (faults, sorted(GRAPH - found)[:5], sorted(found - GRAPH)[:5])


CHECKS = 2
"""Updates of the check at the start, which no fault reaches: they hold no data."""


@pytest.mark.parametrize("request_bytes", [ONE_REQUEST, SEVERAL_REQUESTS])
@pytest.mark.parametrize(
    ("moment", "loss"),
    [
        *product([Moment.BEFORE, Moment.DURING, Moment.AFTER, Moment.BETWEEN], Loss),
        (Moment.LATE, Loss.NOTHING),
        (Moment.HALF_AND_LATE, Loss.NOTHING),
    ],
)
async def test_fault_of_any_update_loses_nothing(moment: Moment, loss: Loss, request_bytes: int) -> None:
    """Each update of a run fails once, in a run of its own: the first batch, each request of a batch and the last one."""
    whole, rewinds = await run({}, request_bytes)
    assert rewinds == 0
    assert_complete(whole, None)
    assert whole.updates > CHECKS + len(MUTATIONS) // LIMITS.mutations
    # A loss after the acknowledgement of the last update is noticed by the next batch; this run has none.
    last = whole.updates - (moment is Moment.BETWEEN and loss is not Loss.NOTHING)
    for number in range(CHECKS, last):
        faults = {number: StoreFault(moment, loss)}
        served, rewinds = await run(faults, request_bytes)
        assert_complete(served, faults)
        assert served.updates > whole.updates - (moment is not Moment.BEFORE)


FAULTS = st.dictionaries(
    st.integers(CHECKS, 60), st.builds(StoreFault, st.sampled_from(Moment), st.sampled_from(Loss)), max_size=8
)


@given(faults=FAULTS, request_bytes=st.sampled_from([ONE_REQUEST, SEVERAL_REQUESTS]))
@settings(max_examples=60)
async def test_any_sequence_of_faults_loses_nothing(faults: dict[int, StoreFault], request_bytes: int) -> None:
    """Several faults of a run meet each other: in a retry, after a rewind and in the first batch after it."""
    served = UnreliableStore(faults)
    await consume(make_writer(served, request_bytes))
    # One more batch, which notices a loss after the last one.
    await consume(make_writer(served, request_bytes))
    served.faults = {}
    await consume(make_writer(served, request_bytes))
    assert_complete(served, faults)


async def test_two_writers_of_one_store_do_not_mix() -> None:
    """The writer whose update meets the update of another one changes nothing and ends; the other one completes the store."""
    served = UnreliableStore({})
    first, second = (make_writer(served, ONE_REQUEST) for _ in range(2))
    await first.open()
    await first.write(MUTATIONS[:3])
    first.advance({TOPIC: StorePosition(3, 0)})
    await first.flush()
    await consume(second)
    complete = set(served.store)
    await first.write(MUTATIONS[3:6])
    first.advance({TOPIC: StorePosition(6, 0)})
    with pytest.raises(SinkError, match="Another process writes into the store") as caught:
        await first.flush()
    assert not isinstance(caught.value, RewoundError)
    assert "stop the other process" in caught.value.hint
    assert re.search(
        r"it is at eqiad\.mutation/0: 30 \(written .*was at eqiad\.mutation/0: 3 \(written ", caught.value.message
    )
    assert set(served.store) == complete
    assert_complete(served, None)


async def test_newer_copy_of_the_store_ends_the_run_and_the_next_run_continues() -> None:
    """A copy of a store that another process filled further is not overwritten."""
    newer = UnreliableStore({})
    await consume(make_writer(newer, ONE_REQUEST), MUTATIONS[:20])
    served = UnreliableStore({})
    writer = make_writer(served, ONE_REQUEST)
    await writer.open()
    await writer.write(MUTATIONS[:4])
    writer.advance({TOPIC: StorePosition(4, 0)})
    await writer.flush()
    served.store.clear()
    served.store.extend(newer.store)
    await writer.write(MUTATIONS[4:5])
    with pytest.raises(SinkError, match="replaced by a newer copy"):
        await writer.flush()
    await writer.close()
    assert set(served.store) == set(newer.store)
    await consume(make_writer(served, ONE_REQUEST))
    assert_complete(served, None)


async def test_update_of_a_killed_process_that_arrives_late_is_taken_over() -> None:
    """It arrives after the start of the next process, before the first batch of that: this happens once, and does not count as a second writer."""
    served = UnreliableStore({})
    writer = make_writer(served, ONE_REQUEST)
    await writer.open()
    await consume(make_writer(served, ONE_REQUEST), MUTATIONS[:10])
    await writer.write(MUTATIONS[:3])
    with pytest.raises(RewoundError, match="written to after it was opened"):
        await writer.flush()
    await writer.rewind()
    assert writer.positions[TOPIC].next_offset == 10
    await consume(make_writer(served, ONE_REQUEST), MUTATIONS[:12])
    await writer.write(MUTATIONS[10:12])
    with pytest.raises(SinkError, match="Another process writes") as caught:
        await writer.flush()
    assert not isinstance(caught.value, RewoundError)


async def test_copy_of_this_run_is_continued_also_after_the_store_was_empty() -> None:
    """A backup of this run is further than an emptied store; it is neither another process nor a newer copy."""
    served = UnreliableStore({})
    writer = make_writer(served, ONE_REQUEST)
    await writer.open()
    await writer.write(MUTATIONS[:4])
    writer.advance({TOPIC: StorePosition(4, 0)})
    await writer.flush()
    backup = list(served.store)
    for _ in range(2):
        served.store.clear()
        await writer.write(MUTATIONS[4:5])
        with pytest.raises(RewoundError, match="it is at no position"):
            await writer.flush()
        await writer.rewind()
        served.store.extend(backup)
        await writer.write(MUTATIONS[:1])
        with pytest.raises(RewoundError, match=r"it is at eqiad\.mutation/0: 4"):
            await writer.flush()
        await writer.rewind()
        assert writer.positions[TOPIC].next_offset == 4


@pytest.mark.parametrize("marked", [False, True])
async def test_loss_of_batches_without_a_position_is_noticed(*, marked: bool) -> None:
    """rdf-sync writes a position with each checkpoint only: a store that lost the batches since then has the same position."""
    served = UnreliableStore({})
    writer = make_writer(served, ONE_REQUEST)
    await writer.open()
    writer.advance({TOPIC: StorePosition(1, 0)})
    await writer.flush()
    backup = list(served.store)
    await writer.write(MUTATIONS[:1])
    await writer.flush()
    served.store.clear()
    served.store.extend(backup)
    if marked:
        writer.advance({TOPIC: StorePosition(2, 0)})
    await writer.write(MUTATIONS[1:2])
    with pytest.raises(RewoundError, match=r"went back: it is at eqiad\.mutation/0: 1 \(written .*was at"):
        await writer.flush()
    assert set(served.store) == set(backup)


async def test_update_that_is_accepted_and_never_shown_is_an_error() -> None:
    """A query address behind a cache would otherwise lead to an endless repetition."""
    served = UnreliableStore({number: StoreFault(Moment.BETWEEN, Loss.LAST) for number in range(CHECKS + 1, 40)})
    with pytest.raises(StoreError, match=r"accepted an update and does not show it.*6 times.*store\.query_url"):
        await consume(make_writer(served, ONE_REQUEST))


LOADED = [Quad(NamedNode(f"{ROOT}/entity/Q900"), NamedNode("http://schema.org/version"), Literal(7))]


def make_loaded(faults: Mapping[int, StoreFault]) -> UnreliableStore:
    """Return a store that another program has loaded from a dump."""
    served = UnreliableStore(faults)
    served.store.extend(LOADED)
    return served


@pytest.mark.parametrize("request_bytes", [ONE_REQUEST, SEVERAL_REQUESTS])
@pytest.mark.parametrize("moment", [Moment.BEFORE, Moment.DURING, Moment.AFTER])
async def test_loaded_store_that_comes_back_empty_ends_the_run(moment: Moment, request_bytes: int) -> None:
    """The stream does not hold what was loaded. Before, at and after the first position, a repetition would hide the loss."""
    whole = make_loaded({})
    await consume(make_writer(whole, request_bytes))
    assert content(whole) == GRAPH | {str(quad.triple) for quad in LOADED}
    for number in range(CHECKS, whole.updates):
        served = make_loaded({number: StoreFault(moment, Loss.EVERYTHING)})
        with pytest.raises(StoreError, match="without the entities that it was loaded with") as caught:
            await consume(make_writer(served, request_bytes))
        assert "Load the store again" in caught.value.hint
        assert content(served) == set()


async def test_loaded_store_is_recognised_by_later_runs() -> None:
    """The origin of a store is recorded with its first update: a store that began empty is read again from the beginning."""
    for served, error in ((make_loaded({}), True), (UnreliableStore({}), False)):
        await consume(make_writer(served, ONE_REQUEST), MUTATIONS[:10])
        served.faults = {served.updates + CHECKS: StoreFault(Moment.BEFORE, Loss.EVERYTHING)}
        if error:
            with pytest.raises(StoreError, match="without the entities that it was loaded with"):
                await consume(make_writer(served, ONE_REQUEST))
        else:
            await consume(make_writer(served, ONE_REQUEST))
            assert_complete(served, None)


async def test_loaded_store_that_comes_back_older_is_continued() -> None:
    """A backup with the loaded entities is enough, before or after the first position."""
    for number in range(CHECKS, CHECKS + 5):
        served = make_loaded({number: StoreFault(Moment.AFTER, Loss.SOME)})
        served._history = [frozenset(LOADED)]
        await consume(make_writer(served, ONE_REQUEST))
        assert content(served) == GRAPH | {str(quad.triple) for quad in LOADED}
