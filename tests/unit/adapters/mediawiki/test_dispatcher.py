from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.adapters.mediawiki.scripted_api import Fate, Harness, ScriptedApi, content_of, fetched

from wikistate.adapters.mediawiki.dispatcher import BatchSettings
from wikistate.adapters.mediawiki.limits import FarmSettings
from wikistate.core.enrichment.content import Content
from wikistate.core.enrichment.failures import TABLE, Failure, FailureKind, RetryRule
from wikistate.core.enrichment.retry import Fail, RetryPolicy
from wikistate.telemetry.metrics import WIKI_RETRIES, WIKI_WAITING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from wikistate.adapters.mediawiki.action_api import ParsedResponse
    from wikistate.adapters.mediawiki.batch_query import BatchQuery, ResponseParser

# Those that pause a wiki or a farm end well, too, but not at once.
POISONS = [
    FailureKind.READ_TIMEOUT,
    FailureKind.SERVER_ERROR,
    FailureKind.UNPARSABLE,
    FailureKind.EMPTY,
    FailureKind.CLIENT_ERROR,
    FailureKind.API_ERROR,
    FailureKind.TOO_LARGE,
]
FATES = st.sampled_from([*POISONS, "gone", "absent", "damaged", "endless"])


def error_type(fate: Fate) -> str:
    """What a revision with this fate ends as."""
    match fate:
        case FailureKind():
            return fate.value
        case "damaged":
            return "TextMissing"
        case "endless":
            return "ContinuationStalled"
        case _:
            return "BadRevision"


async def test_what_is_asked_for_in_one_tick_goes_together() -> None:
    """Fifty to a request, without waiting for more."""
    api = ScriptedApi()
    await fetched(api, range(1, 121))
    assert sorted(map(len, api.requests)) == [20, 50, 50]


async def test_a_full_batch_and_a_lonely_one_do_not_wait() -> None:
    """With an hour of lingering allowed, only a part of a batch beside a request in flight would wait for it."""
    harness = Harness(ScriptedApi(), batches=BatchSettings(linger=3600.0))
    for rev_id in range(1, 101):
        harness.fetch(rev_id)
    await harness.settled()
    assert all(len(results) == 1 for results in harness.told.values())


async def test_a_part_of_a_batch_goes_when_the_wiki_is_idle_again() -> None:
    """The answer that comes in lets it go, long before it has lingered."""
    harness = Harness(ScriptedApi(), batches=BatchSettings(linger=3600.0))
    for rev_id in range(1, 61):
        harness.fetch(rev_id)
    await harness.settled()
    assert len(harness.told) == 60


async def test_the_same_revision_is_asked_for_once() -> None:
    """Two events, one id in the request, two answers."""
    api = ScriptedApi()
    harness = await fetched(api, [7, 8, 7])
    assert api.requests == [[7, 8]]
    assert harness.told == {7: [content_of(7)] * 2, 8: [content_of(8)]}


async def test_single_requests_are_a_setting() -> None:
    """`max_batch=1`."""
    api = ScriptedApi()
    harness = Harness(api, batches=BatchSettings(max_batch=1))
    for rev_id in (1, 2, 3):
        harness.fetch(rev_id)
    await harness.settled()
    assert sorted(api.requests) == [[1], [2], [3]]


async def test_concurrency_is_bounded() -> None:
    """Never more requests at once than the farm allows, which are used."""
    api = ScriptedApi()
    harness = Harness(api, farm=FarmSettings(max_concurrency=3), batches=BatchSettings(max_batch=1))
    for rev_id in range(1, 60):
        harness.fetch(rev_id)
    await harness.settled()
    assert api.at_once == 3


async def test_continuations_are_followed_to_the_end() -> None:
    """Seven at a time until all fifty are there, each told once, with the same ids in each request."""
    api = ScriptedApi(page_size=7)
    harness = await fetched(api, range(1, 51))
    assert harness.told == {rev_id: [content_of(rev_id)] for rev_id in range(1, 51)}
    assert api.requests == [list(range(1, 51))] * 8


async def test_a_revision_that_fits_into_no_answer_stalls_alone() -> None:
    """Those behind it are asked for singly and arrive; it fails for good."""
    api = ScriptedApi({3: "endless"})
    harness = await fetched(api, [1, 2, 3, 4, 5])
    failed = {rev_id for rev_id, (result,) in harness.told.items() if isinstance(result, Fail)}
    assert failed == {3}
    assert api.requests[2:] == [[3], [4], [5]]


@pytest.mark.parametrize("kind", [row.kind for row in TABLE if row.retry_rule is RetryRule.UNTIL_LIMIT])
async def test_a_bad_revision_among_fifty(kind: FailureKind) -> None:
    """It is asked for exactly four times, and none of its forty-nine neighbours fails."""
    api = ScriptedApi({25: kind})
    harness = await fetched(api, range(1, 51))
    assert api.asked[25] == 4
    (verdict,) = harness.told.pop(25)
    assert isinstance(verdict, Fail)
    assert verdict.error_type == kind
    assert harness.told == {rev_id: [content_of(rev_id)] for rev_id in range(1, 51) if rev_id != 25}


async def test_a_revision_that_is_bad_for_good_is_found_by_halving() -> None:
    """No try is counted, and far fewer than fifty requests are needed."""
    api = ScriptedApi({25: FailureKind.TOO_LARGE})
    harness = await fetched(api, range(1, 51))
    assert [rev_id for rev_id, (result,) in harness.told.items() if isinstance(result, Fail)] == [25]
    assert len(api.requests) < 15


async def test_an_outage_costs_one_more_request_for_each_revision() -> None:
    """Three shared tries, then each alone; all succeed when the wiki is back by then."""
    api = ScriptedApi()
    api.outage = [Failure(FailureKind.CONNECTION_FAILED, "refused")] * 3
    harness = await fetched(api, range(1, 51))
    assert harness.told == {rev_id: [content_of(rev_id)] for rev_id in range(1, 51)}
    assert list(map(len, api.requests)) == [50, 50, 50] + [1] * 50
    assert harness.meter.by_label(WIKI_RETRIES) == {("ConnectionFailed",): 150}


async def test_a_revision_that_is_not_replicated_yet_is_asked_for_again() -> None:
    """More often than the limit of tries, because the event is young; its neighbours are not asked for again."""
    api = ScriptedApi({2: 6})
    harness = await fetched(api, [1, 2, 3], young=True)
    assert harness.told == {rev_id: [content_of(rev_id)] for rev_id in (1, 2, 3)}
    assert api.asked == {1: 1, 2: 7, 3: 1}


async def test_a_wait_that_is_asked_for_is_kept() -> None:
    """Retry-After of a 429 holds the whole farm; nothing is sent before."""
    api = ScriptedApi()
    api.outage = [Failure(FailureKind.TOO_MANY_REQUESTS, "slow down", retry_after=0.05)]
    harness = Harness(api, batches=BatchSettings(max_batch=1), farm=FarmSettings(max_concurrency=1))
    loop = asyncio.get_running_loop()
    started = loop.time()
    harness.fetch(1)
    harness.fetch(2)
    await harness.settled()
    assert loop.time() - started >= 0.05
    assert harness.told == {1: [content_of(1)], 2: [content_of(2)]}


async def test_nothing_is_left_waiting() -> None:
    """The gauge of waiting revisions ends where it began, whatever happened between."""
    harness = await fetched(ScriptedApi({3: FailureKind.READ_TIMEOUT, 5: FailureKind.TOO_LARGE}), range(1, 20))
    assert harness.meter.total(WIKI_WAITING) == 0


class BrokenApi(ScriptedApi):
    """Breaks in a way that nobody thought of."""

    async def fetch_page(
        self,
        batch_query: BatchQuery,
        rev_ids: Collection[int],
        continuation: Mapping[str, str],
        *,
        parser: ResponseParser,
    ) -> ParsedResponse | Failure:
        """Raises with revision 13."""
        if 13 in rev_ids:
            raise RuntimeError("unlucky")
        return await super().fetch_page(batch_query, rev_ids, continuation, parser=parser)


async def test_a_defect_of_ours_loses_nothing() -> None:
    """Every revision of the request that broke is told so; the next request is made as usual."""
    api = BrokenApi()
    harness = Harness(api, batches=BatchSettings(max_batch=3))
    for rev_id in (11, 12, 13, 14):
        harness.fetch(rev_id)
    await harness.settled()
    assert harness.told[14] == [content_of(14)]
    for rev_id in (11, 12, 13):
        (verdict,) = harness.told[rev_id]
        assert isinstance(verdict, Fail)
        assert verdict.error_type == "InternalError"
        assert "unlucky" in verdict.message


async def test_a_callback_that_raises_hurts_nobody_else() -> None:
    """Its neighbours are told all the same, and the farm goes on."""
    harness = Harness(ScriptedApi())
    told = harness.told

    class Stubborn(list[Content | Fail]):
        def append(self, result: Content | Fail) -> None:
            super().append(result)
            if len(told[2]) == 1 and self is told[2]:
                harness._expected -= 1
                raise RuntimeError("no room")

    for rev_id in (1, 2, 3):
        told[rev_id] = Stubborn()
        harness.fetch(rev_id)
    await harness.settled()
    assert told == {rev_id: [content_of(rev_id)] for rev_id in (1, 2, 3)}


async def test_closing_abandons_what_is_left() -> None:
    """Nobody is told after the end, and nothing hangs."""
    harness = Harness(ScriptedApi(), policy=RetryPolicy(base_delay=3600.0, max_delay=3600.0))
    harness.fetch(1)
    await harness.dispatcher.close()
    await asyncio.sleep(0)
    assert harness.told == {1: []}


@settings(max_examples=80, deadline=None)
@given(
    rev_ids=st.lists(st.integers(1, 30), min_size=1, max_size=60),
    fates=st.dictionaries(st.integers(1, 30), FATES, max_size=6),
    max_batch=st.integers(1, 20),
    page_size=st.integers(1, 20),
    concurrency=st.integers(1, 4),
    max_attempts=st.integers(1, 5),
)
def test_each_revision_gets_its_own_verdict_exactly_once(
    rev_ids: list[int],
    fates: dict[int, Fate],
    max_batch: int,
    page_size: int,
    concurrency: int,
    max_attempts: int,
) -> None:
    """Whatever is wrong with some: each `fetch` is told once, the good get their content, the bad their own error."""

    async def scenario() -> Harness:
        harness = Harness(
            ScriptedApi(fates, page_size=page_size),
            policy=RetryPolicy(max_attempts=max_attempts, base_delay=0.0, max_delay=0.0),
            farm=FarmSettings(max_concurrency=concurrency),
            batches=BatchSettings(max_batch=max_batch, linger=0.0),
        )
        for rev_id in rev_ids:
            harness.fetch(rev_id)
        await harness.settled()
        return harness

    for rev_id, results in asyncio.run(scenario()).told.items():
        assert len(results) == rev_ids.count(rev_id)
        for result in results:
            match result:
                case Content():
                    assert rev_id not in fates
                    assert result == content_of(rev_id)
                case Fail():
                    assert result.error_type == error_type(fates[rev_id])
