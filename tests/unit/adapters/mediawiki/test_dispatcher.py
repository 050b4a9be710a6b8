from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.adapters.mediawiki.scripted_api import Fault, Harness, ScriptedApi, content_of, fetched

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

# Failures that pause a wiki or a farm end in the same way, but not at once.
FAILURES = [
    FailureKind.READ_TIMEOUT,
    FailureKind.SERVER_ERROR,
    FailureKind.UNPARSABLE,
    FailureKind.EMPTY,
    FailureKind.CLIENT_ERROR,
    FailureKind.API_ERROR,
    FailureKind.TOO_LARGE,
]
FAULTS = st.sampled_from([*FAILURES, "gone", "absent", "damaged", "endless"])


def error_type(fault: Fault) -> str:
    """Return the error type of a revision with this fault."""
    match fault:
        case FailureKind():
            return fault.value
        case "damaged":
            return "TextMissing"
        case "endless":
            return "ContinuationStalled"
        case _:
            return "BadRevision"


async def test_revisions_of_one_tick_share_requests() -> None:
    """Fifty revisions share a request, without a wait for more."""
    api = ScriptedApi()
    await fetched(api, range(1, 121))
    assert sorted(map(len, api.requests)) == [20, 50, 50]


async def test_full_batch_and_single_revision_do_not_wait() -> None:
    """With a linger time of an hour, only a partial batch beside a request in flight would wait for it."""
    harness = Harness(ScriptedApi(), batches=BatchSettings(linger=3600.0))
    for rev_id in range(1, 101):
        harness.fetch(rev_id)
    await harness.wait_until_done()
    assert all(len(results) == 1 for results in harness.results.values())


async def test_partial_batch_is_sent_when_the_wiki_is_idle() -> None:
    """The response in flight triggers it, long before the linger time has passed."""
    harness = Harness(ScriptedApi(), batches=BatchSettings(linger=3600.0))
    for rev_id in range(1, 61):
        harness.fetch(rev_id)
    await harness.wait_until_done()
    assert len(harness.results) == 60


async def test_same_revision_is_requested_once() -> None:
    """Two events share one id in the request and get two results."""
    api = ScriptedApi()
    harness = await fetched(api, [7, 8, 7])
    assert api.requests == [[7, 8]]
    assert harness.results == {7: [content_of(7)] * 2, 8: [content_of(8)]}


async def test_single_requests_are_a_setting() -> None:
    """The setting is `max_batch=1`."""
    api = ScriptedApi()
    harness = Harness(api, batches=BatchSettings(max_batch=1))
    for rev_id in (1, 2, 3):
        harness.fetch(rev_id)
    await harness.wait_until_done()
    assert sorted(api.requests) == [[1], [2], [3]]


async def test_concurrency_is_bounded() -> None:
    """The dispatcher uses all requests that the farm allows, and never more."""
    api = ScriptedApi()
    harness = Harness(api, farm=FarmSettings(max_concurrency=3), batches=BatchSettings(max_batch=1))
    for rev_id in range(1, 60):
        harness.fetch(rev_id)
    await harness.wait_until_done()
    assert api.at_once == 3


async def test_continuations_are_followed_to_the_end() -> None:
    """Seven revisions arrive at a time until all fifty have one result each; each request has the same ids."""
    api = ScriptedApi(page_size=7)
    harness = await fetched(api, range(1, 51))
    assert harness.results == {rev_id: [content_of(rev_id)] for rev_id in range(1, 51)}
    assert api.requests == [list(range(1, 51))] * 8


async def test_revision_larger_than_a_response_stalls_alone() -> None:
    """The revisions after it are requested singly and succeed; it is a final failure."""
    api = ScriptedApi({3: "endless"})
    harness = await fetched(api, [1, 2, 3, 4, 5])
    failed = {rev_id for rev_id, (result,) in harness.results.items() if isinstance(result, Fail)}
    assert failed == {3}
    assert api.requests[2:] == [[3], [4], [5]]


@pytest.mark.parametrize("kind", [row.kind for row in TABLE if row.retry_rule is RetryRule.UNTIL_LIMIT])
async def test_bad_revision_does_not_affect_the_others_of_its_batch(kind: FailureKind) -> None:
    """It is requested exactly four times, and none of the other forty-nine revisions fails."""
    api = ScriptedApi({25: kind})
    harness = await fetched(api, range(1, 51))
    assert api.asked[25] == 4
    (failure,) = harness.results.pop(25)
    assert isinstance(failure, Fail)
    assert failure.error_type == kind
    assert harness.results == {rev_id: [content_of(rev_id)] for rev_id in range(1, 51) if rev_id != 25}


async def test_revision_with_a_final_failure_is_found_by_halving() -> None:
    """No attempt is counted, and far fewer than fifty requests are needed."""
    api = ScriptedApi({25: FailureKind.TOO_LARGE})
    harness = await fetched(api, range(1, 51))
    assert [rev_id for rev_id, (result,) in harness.results.items() if isinstance(result, Fail)] == [25]
    assert len(api.requests) < 15


async def test_outage_needs_one_more_request_for_each_revision() -> None:
    """After three shared attempts each revision has one alone; all succeed if the wiki is back by then."""
    api = ScriptedApi()
    api.outage = [Failure(FailureKind.CONNECTION_FAILED, "refused")] * 3
    harness = await fetched(api, range(1, 51))
    assert harness.results == {rev_id: [content_of(rev_id)] for rev_id in range(1, 51)}
    assert list(map(len, api.requests)) == [50, 50, 50] + [1] * 50
    assert harness.meter.by_label(WIKI_RETRIES) == {("ConnectionFailed",): 150}


async def test_revision_that_is_not_replicated_yet_is_requested_again() -> None:
    """A young event exceeds the limit of attempts; the other revisions are not requested again."""
    api = ScriptedApi({2: 6})
    harness = await fetched(api, [1, 2, 3], young=True)
    assert harness.results == {rev_id: [content_of(rev_id)] for rev_id in (1, 2, 3)}
    assert api.asked == {1: 1, 2: 7, 3: 1}


async def test_requested_delay_is_kept() -> None:
    """`Retry-After` of a 429 pauses the whole farm; nothing is sent before."""
    api = ScriptedApi()
    api.outage = [Failure(FailureKind.TOO_MANY_REQUESTS, "slow down", retry_after=0.05)]
    harness = Harness(api, batches=BatchSettings(max_batch=1), farm=FarmSettings(max_concurrency=1))
    loop = asyncio.get_running_loop()
    started = loop.time()
    harness.fetch(1)
    harness.fetch(2)
    await harness.wait_until_done()
    assert loop.time() - started >= 0.05
    assert harness.results == {1: [content_of(1)], 2: [content_of(2)]}


async def test_gauge_of_waiting_revisions_returns_to_zero() -> None:
    """The gauge ends at its first value after any failures."""
    harness = await fetched(ScriptedApi({3: FailureKind.READ_TIMEOUT, 5: FailureKind.TOO_LARGE}), range(1, 20))
    assert harness.meter.total(WIKI_WAITING) == 0


class BrokenApi(ScriptedApi):
    """API with a defect that the code does not expect."""

    async def fetch_page(
        self,
        batch_query: BatchQuery,
        rev_ids: Collection[int],
        continuation: Mapping[str, str],
        *,
        parser: ResponseParser,
    ) -> ParsedResponse | Failure:
        """Raise for revision 13."""
        if 13 in rev_ids:
            raise RuntimeError("unlucky")
        return await super().fetch_page(batch_query, rev_ids, continuation, parser=parser)


async def test_internal_defect_loses_no_revision() -> None:
    """Every revision of the broken request gets a failure; the next request is made as usual."""
    api = BrokenApi()
    harness = Harness(api, batches=BatchSettings(max_batch=3))
    for rev_id in (11, 12, 13, 14):
        harness.fetch(rev_id)
    await harness.wait_until_done()
    assert harness.results[14] == [content_of(14)]
    for rev_id in (11, 12, 13):
        (failure,) = harness.results[rev_id]
        assert isinstance(failure, Fail)
        assert failure.error_type == "InternalError"
        assert "unlucky" in failure.message


async def test_callback_that_raises_affects_no_other() -> None:
    """The other callbacks are called, and the farm continues."""
    harness = Harness(ScriptedApi())
    results_by_revision = harness.results

    class Stubborn(list[Content | Fail]):
        def append(self, result: Content | Fail) -> None:
            super().append(result)
            if len(results_by_revision[2]) == 1 and self is results_by_revision[2]:
                harness._expected -= 1
                raise RuntimeError("no room")

    for rev_id in (1, 2, 3):
        results_by_revision[rev_id] = Stubborn()
        harness.fetch(rev_id)
    await harness.wait_until_done()
    assert results_by_revision == {rev_id: [content_of(rev_id)] for rev_id in (1, 2, 3)}


async def test_close_abandons_pending_revisions() -> None:
    """No callback is called after the end, and nothing hangs."""
    harness = Harness(ScriptedApi(), policy=RetryPolicy(base_delay=3600.0, max_delay=3600.0))
    harness.fetch(1)
    await harness.dispatcher.close()
    await asyncio.sleep(0)
    assert harness.results == {1: []}


@settings(max_examples=80, deadline=None)
@given(
    rev_ids=st.lists(st.integers(1, 30), min_size=1, max_size=60),
    faults=st.dictionaries(st.integers(1, 30), FAULTS, max_size=6),
    max_batch=st.integers(1, 20),
    page_size=st.integers(1, 20),
    concurrency=st.integers(1, 4),
    max_attempts=st.integers(1, 5),
)
def test_each_revision_gets_its_own_result_exactly_once(
    rev_ids: list[int],
    faults: dict[int, Fault],
    max_batch: int,
    page_size: int,
    concurrency: int,
    max_attempts: int,
) -> None:
    """Each `fetch` gets one result: good revisions their content, bad ones their own error."""

    async def scenario() -> Harness:
        harness = Harness(
            ScriptedApi(faults, page_size=page_size),
            policy=RetryPolicy(max_attempts=max_attempts, base_delay=0.0, max_delay=0.0),
            farm=FarmSettings(max_concurrency=concurrency),
            batches=BatchSettings(max_batch=max_batch, linger=0.0),
        )
        for rev_id in rev_ids:
            harness.fetch(rev_id)
        await harness.wait_until_done()
        return harness

    for rev_id, results in asyncio.run(scenario()).results.items():
        assert len(results) == rev_ids.count(rev_id)
        for result in results:
            match result:
                case Content():
                    assert rev_id not in faults
                    assert result == content_of(rev_id)
                case Fail():
                    assert result.error_type == error_type(faults[rev_id])
