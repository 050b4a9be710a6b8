from __future__ import annotations

from math import inf

from hypothesis import given
from hypothesis import strategies as st

from wikistate.adapters.mediawiki.batch_query import REVISIONS
from wikistate.adapters.mediawiki.farm import Farm
from wikistate.adapters.mediawiki.limits import FarmSettings
from wikistate.adapters.mediawiki.queue import Batch, QueueEntry, WikiQueue
from wikistate.adapters.mediawiki.wikis import Wiki
from wikistate.core.enrichment.failures import FailureKind

LINGER = 0.004


def entry(rev_id: int, asked: float = 0.0) -> QueueEntry:
    """Return the entry of a revision without a callback."""
    return QueueEntry(rev_id, None, lambda _: None, asked)


def queue(max_batch: int = 50, domain: str = "w.example") -> WikiQueue:
    """Return an empty queue."""
    return WikiQueue(Wiki(domain, f"https://{domain}/w/api.php", None, "farm"), max_batch)


def filled(*rev_ids: int, max_batch: int = 50, domain: str = "w.example", asked: float = 0.0) -> WikiQueue:
    """Return a queue with these revisions."""
    made = queue(max_batch, domain)
    for rev_id in rev_ids:
        made.add(entry(rev_id, asked))
    return made


def farm(*queues: WikiQueue, concurrency: int = 4, rate: float | None = None) -> Farm:
    """Return a farm of these wikis, at its full concurrency."""
    made = Farm("farm", FarmSettings(max_concurrency=concurrency, rate=rate))
    made.concurrency.limit = concurrency
    made.queues = {(queue.wiki.domain, queue.batch_query): queue for queue in queues}
    return made


def test_nothing_waits_while_the_wiki_is_idle() -> None:
    """A single revision is ready at once when no request is in flight."""
    assert filled(1, asked=7.0).ready_at(LINGER) == 7.0


def test_partial_batch_lingers_while_the_wiki_is_busy() -> None:
    """The linger time begins with the oldest revision, not with the newest."""
    busy = filled(1, asked=7.0)
    busy.in_flight = 1
    busy.add(entry(2, 7.003))
    assert busy.ready_at(LINGER) == 7.0 + LINGER


def test_full_batch_does_not_linger() -> None:
    """A wait would gain nothing."""
    busy = filled(1, 2, max_batch=2, asked=7.0)
    busy.in_flight = 1
    assert busy.ready_at(LINGER) == 7.0


def test_pause_delays_every_batch() -> None:
    """The pause also holds full batches and retried ones."""
    paused = filled(1)
    paused.pause.extend(9.0)
    assert paused.ready_at(LINGER) == 9.0


def test_empty_queue_is_never_ready() -> None:
    """It can be dropped, unless its pause must be remembered."""
    empty = queue()
    assert empty.ready_at(LINGER) == inf
    assert empty.is_idle(5.0)
    empty.pause.extend(6.0)
    assert not empty.is_idle(5.0)


def test_revision_is_in_a_request_once() -> None:
    """Two events with the same revision share the result, and do not count twice towards the size."""
    doubled = filled(1, 2, 1, 3, max_batch=2)
    batch = doubled.take()
    assert {rev_id: len(entries) for rev_id, entries in batch.entries.items()} == {1: 2, 2: 1}
    assert (len(batch), batch.size) == (2, 3)
    assert list(doubled.take().entries) == [3]


def test_retried_batches_stay_together_until_they_are_due() -> None:
    """They are not filled up, and are sent before later revisions."""
    mixed = queue()
    mixed.retry_together(Batch([entry(1), entry(2)]), due=5.0)
    mixed.add(entry(3, 6.0))
    mixed.promote_due(4.0)
    assert mixed.ready_at(LINGER) == 5.0
    mixed.promote_due(6.0)
    assert list(mixed.take().entries) == [1, 2]
    assert list(mixed.take().entries) == [3]


def test_requeued_revisions_join_other_waiting_ones() -> None:
    """A revision that did not exist yet shares a request with new ones."""
    mixed = queue()
    mixed.requeue(entry(1), due=5.0)
    mixed.promote_due(4.0)
    assert mixed.ready_at(LINGER) == 5.0
    mixed.add(entry(2, 4.5))
    mixed.promote_due(5.0)
    assert sorted(mixed.take().entries) == [1, 2]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["add", "keep", "readd", "take"]), st.lists(st.integers(1, 9), min_size=1, max_size=6)
        ),
        max_size=40,
    ),
    st.integers(1, 5),
)
def test_no_revision_is_lost_or_duplicated(steps: list[tuple[str, list[int]]], max_batch: int) -> None:
    """Each entry is taken exactly once, in requests that are not too large."""
    waiting, put, taken = queue(max_batch), [], []
    for now, (step, rev_ids) in enumerate(steps):
        entries = [entry(rev_id, float(now)) for rev_id in rev_ids[:max_batch]]
        match step:
            case "add":
                for each in entries:
                    waiting.add(each)
            case "keep":
                waiting.retry_together(Batch(entries), due=now + 2.0)
            case "readd":
                for each in entries:
                    waiting.requeue(each, due=now + 3.0)
            case _:
                entries = []
                waiting.promote_due(now)
                if waiting.ready_at(0.0) <= now:
                    taken.append(waiting.take())
        put.extend(entries)
    waiting.promote_due(inf)
    while waiting.ready_at(0.0) < inf:
        taken.append(waiting.take())
    assert all(1 <= len(batch) <= max_batch for batch in taken)
    assert sorted(id(each) for batch in taken for each in batch) == sorted(map(id, put))
    assert waiting.is_idle(inf)


@given(st.lists(st.integers(1, 20), min_size=1))
def test_splitting_keeps_every_entry(rev_ids: list[int]) -> None:
    """Halves and singles hold all entries of the batch; halves are smaller, and singles have one entry."""
    whole = Batch(map(entry, rev_ids))
    for parts in (whole.halves(), whole.singles()):
        assert sorted(id(each) for part in parts for each in part) == sorted(map(id, whole))
    assert all(len(single) == 1 for single in whole.singles())
    if len(whole) > 1:
        assert all(0 < len(half) < len(whole) for half in whole.halves())


def test_wiki_that_waited_longest_is_first() -> None:
    """Large wikis do not starve small ones."""
    large, small = filled(*range(100), domain="large.example", asked=2.0), filled(1, domain="small.example", asked=1.0)
    assert farm(large, small).next_queue(3.0, LINGER) is small


def test_largest_batch_is_first_under_a_rate_until_one_has_waited_too_long() -> None:
    """Under a rate limit the batch of a small wiki may fill; near the latency bound it is sent first in any case."""
    large, small = filled(*range(100), domain="large.example", asked=2.0), filled(1, domain="small.example", asked=1.0)
    limited = farm(large, small, rate=5.0)
    assert limited.next_queue(3.0, LINGER) is large
    assert limited.next_queue(1.0 + FarmSettings().latency_bound, LINGER) is small


def test_concurrency_of_the_farm_is_a_bound() -> None:
    """The next request is sent after a response to one in flight."""
    busy = farm(filled(1), concurrency=2)
    busy.in_flight = 2
    assert busy.next_queue(0.0, LINGER) == inf


def test_next_time_is_that_of_the_first_batch_due() -> None:
    """It is the earliest of all wikis of the farm, or never if nothing waits."""
    one, other = queue(domain="a.example"), queue(domain="b.example")
    one.retry_together(Batch([entry(1)]), due=8.0)
    other.retry_together(Batch([entry(1)]), due=6.0)
    assert farm(one, other).next_queue(5.0, LINGER) == 6.0
    assert farm(queue()).next_queue(5.0, LINGER) == inf


def test_rate_is_that_of_the_farm() -> None:
    """A farm without a token returns the time of the next request."""
    limited = farm(filled(1), rate=2.0)
    limited.rate.reserve(10.0)
    limited.rate.reserve(10.0)
    assert limited.next_queue(10.0, LINGER) == 10.0 + limited.rate.delay(10.0) > 11.0


def test_too_many_requests_pauses_the_whole_farm() -> None:
    """All wikis of a farm share the exceeded limit."""
    one, other = filled(1, domain="a.example"), filled(1, domain="b.example")
    both = farm(one, other)
    both.failed(one, FailureKind.TOO_MANY_REQUESTS, sent=0.0, now=1.0, wait=30.0)
    assert both.next_queue(1.0, LINGER) == 31.0
    assert both.concurrency.limit == 2


def test_lagging_wiki_pauses_alone() -> None:
    """Requests to other wikis continue."""
    one, other = filled(1, domain="a.example"), filled(1, domain="b.example", asked=0.5)
    both = farm(one, other)
    both.failed(one, FailureKind.MAXLAG, sent=0.0, now=1.0, wait=5.0)
    assert both.next_queue(1.0, LINGER) is other
    assert both.concurrency.limit == 2


def test_other_failures_do_not_slow_requests_down() -> None:
    """A time-out of one request is not a reason to slow down the others."""
    alone = farm(filled(1))
    alone.failed(alone.queues["w.example", REVISIONS], FailureKind.READ_TIMEOUT, sent=0.0, now=1.0, wait=5.0)
    assert isinstance(alone.next_queue(1.0, LINGER), WikiQueue)
    assert alone.concurrency.limit == 4


def test_slow_responses_do_not_raise_concurrency() -> None:
    """Only fast responses do."""
    adaptive = Farm("farm", FarmSettings(max_concurrency=4, slow_answer=5.0))
    for _ in range(10):
        adaptive.answered(6.0)
    assert adaptive.concurrency.limit == 2
    for _ in range(2):
        adaptive.answered(0.1)
    assert adaptive.concurrency.limit == 3
