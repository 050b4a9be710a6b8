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
    """A revision that somebody asks for, who does not care."""
    return QueueEntry(rev_id, None, lambda _: None, asked)


def queue(max_batch: int = 50, domain: str = "w.example") -> WikiQueue:
    """An empty queue."""
    return WikiQueue(Wiki(domain, f"https://{domain}/w/api.php", None, "farm"), max_batch)


def filled(*rev_ids: int, max_batch: int = 50, domain: str = "w.example", asked: float = 0.0) -> WikiQueue:
    """A queue with these revisions in line."""
    made = queue(max_batch, domain)
    for rev_id in rev_ids:
        made.add(entry(rev_id, asked))
    return made


def farm(*queues: WikiQueue, concurrency: int = 4, rate: float | None = None) -> Farm:
    """A farm of these wikis, at its full concurrency."""
    made = Farm("farm", FarmSettings(max_concurrency=concurrency, rate=rate))
    made.concurrency.limit = concurrency
    made.queues = {(queue.wiki.domain, queue.batch_query): queue for queue in queues}
    return made


def test_nothing_waits_while_the_wiki_is_idle() -> None:
    """A single revision goes at once when no request is in flight."""
    assert filled(1, asked=7.0).ready_at(LINGER) == 7.0


def test_a_part_of_a_batch_lingers_while_the_wiki_is_busy() -> None:
    """Some milliseconds from its oldest revision on, not from its newest."""
    busy = filled(1, asked=7.0)
    busy.in_flight = 1
    busy.add(entry(2, 7.003))
    assert busy.ready_at(LINGER) == 7.0 + LINGER


def test_a_full_batch_does_not_linger() -> None:
    """Nothing is gained by waiting."""
    busy = filled(1, 2, max_batch=2, asked=7.0)
    busy.in_flight = 1
    assert busy.ready_at(LINGER) == 7.0


def test_a_pause_holds_everything() -> None:
    """Also what is full or kept."""
    paused = filled(1)
    paused.pause.extend(9.0)
    assert paused.ready_at(LINGER) == 9.0


def test_an_empty_queue_is_never_ready() -> None:
    """And can be forgotten, unless its pause must be remembered."""
    empty = queue()
    assert empty.ready_at(LINGER) == inf
    assert empty.is_idle(5.0)
    empty.pause.extend(6.0)
    assert not empty.is_idle(5.0)


def test_a_revision_is_asked_for_once_in_a_request() -> None:
    """Two events with the same revision share the answer, and do not count twice against the size."""
    doubled = filled(1, 2, 1, 3, max_batch=2)
    batch = doubled.take()
    assert {rev_id: len(entries) for rev_id, entries in batch.entries.items()} == {1: 2, 2: 1}
    assert (len(batch), batch.size) == (2, 3)
    assert list(doubled.take().entries) == [3]


def test_kept_batches_keep_together_until_their_time() -> None:
    """They are not filled up, and go before what came later."""
    mixed = queue()
    mixed.retry_together(Batch([entry(1), entry(2)]), due=5.0)
    mixed.add(entry(3, 6.0))
    mixed.promote_due(4.0)
    assert mixed.ready_at(LINGER) == 5.0
    mixed.promote_due(6.0)
    assert list(mixed.take().entries) == [1, 2]
    assert list(mixed.take().entries) == [3]


def test_readded_revisions_go_with_whatever_is_in_line() -> None:
    """A revision that was not there yet travels with fresh ones."""
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
def test_no_revision_is_lost_or_doubled(steps: list[tuple[str, list[int]]], max_batch: int) -> None:
    """However entries come and go: what was put in is taken out once each, in requests that are not too large."""
    line, put, taken = queue(max_batch), [], []
    for now, (step, rev_ids) in enumerate(steps):
        entries = [entry(rev_id, float(now)) for rev_id in rev_ids[:max_batch]]
        match step:
            case "add":
                for each in entries:
                    line.add(each)
            case "keep":
                line.retry_together(Batch(entries), due=now + 2.0)
            case "readd":
                for each in entries:
                    line.requeue(each, due=now + 3.0)
            case _:
                entries = []
                line.promote_due(now)
                if line.ready_at(0.0) <= now:
                    taken.append(line.take())
        put.extend(entries)
    line.promote_due(inf)
    while line.ready_at(0.0) < inf:
        taken.append(line.take())
    assert all(1 <= len(batch) <= max_batch for batch in taken)
    assert sorted(id(each) for batch in taken for each in batch) == sorted(map(id, put))
    assert line.is_idle(inf)


@given(st.lists(st.integers(1, 20), min_size=1))
def test_splitting_keeps_every_entry(rev_ids: list[int]) -> None:
    """Halves and singles hold what the whole held; halves are smaller, singles are single."""
    whole = Batch(map(entry, rev_ids))
    for parts in (whole.halves(), whole.singles()):
        assert sorted(id(each) for part in parts for each in part) == sorted(map(id, whole))
    assert all(len(single) == 1 for single in whole.singles())
    if len(whole) > 1:
        assert all(0 < len(half) < len(whole) for half in whole.halves())


def test_the_wiki_that_waited_longest_is_asked_first() -> None:
    """Small wikis are not starved by large ones."""
    large, small = filled(*range(100), domain="large.example", asked=2.0), filled(1, domain="small.example", asked=1.0)
    assert farm(large, small).next_queue(3.0, LINGER) is small


def test_a_scarce_request_goes_where_it_carries_most_until_one_has_waited_too_long() -> None:
    """Under a rate the batch of a small wiki may fill; near the latency bound it goes first all the same."""
    large, small = filled(*range(100), domain="large.example", asked=2.0), filled(1, domain="small.example", asked=1.0)
    limited = farm(large, small, rate=5.0)
    assert limited.next_queue(3.0, LINGER) is large
    assert limited.next_queue(1.0 + FarmSettings().latency_bound, LINGER) is small


def test_no_more_than_the_farm_allows_at_once() -> None:
    """The answer of one that is out is what lets the next one go."""
    busy = farm(filled(1), concurrency=2)
    busy.in_flight = 2
    assert busy.next_queue(0.0, LINGER) == inf


def test_a_farm_looks_again_when_something_is_due() -> None:
    """The earliest of all its wikis; never, when nothing waits."""
    one, other = queue(domain="a.example"), queue(domain="b.example")
    one.retry_together(Batch([entry(1)]), due=8.0)
    other.retry_together(Batch([entry(1)]), due=6.0)
    assert farm(one, other).next_queue(5.0, LINGER) == 6.0
    assert farm(queue()).next_queue(5.0, LINGER) == inf


def test_the_rate_is_that_of_the_farm() -> None:
    """When it is used up, the farm says when the next request may go."""
    limited = farm(filled(1), rate=2.0)
    limited.rate.reserve(10.0)
    limited.rate.reserve(10.0)
    assert limited.next_queue(10.0, LINGER) == 10.0 + limited.rate.delay(10.0) > 11.0


def test_too_many_requests_pauses_the_whole_farm() -> None:
    """All wikis of a farm share the limit that was hit."""
    one, other = filled(1, domain="a.example"), filled(1, domain="b.example")
    both = farm(one, other)
    both.failed(one, FailureKind.TOO_MANY_REQUESTS, sent=0.0, now=1.0, wait=30.0)
    assert both.next_queue(1.0, LINGER) == 31.0
    assert both.concurrency.limit == 2


def test_a_lagging_wiki_pauses_alone() -> None:
    """Its neighbours are asked meanwhile."""
    one, other = filled(1, domain="a.example"), filled(1, domain="b.example", asked=0.5)
    both = farm(one, other)
    both.failed(one, FailureKind.MAXLAG, sent=0.0, now=1.0, wait=5.0)
    assert both.next_queue(1.0, LINGER) is other
    assert both.concurrency.limit == 2


def test_other_failures_slow_nothing() -> None:
    """A time-out of one request is no reason to slow down the others."""
    alone = farm(filled(1))
    alone.failed(alone.queues["w.example", REVISIONS], FailureKind.READ_TIMEOUT, sent=0.0, now=1.0, wait=5.0)
    assert isinstance(alone.next_queue(1.0, LINGER), WikiQueue)
    assert alone.concurrency.limit == 4


def test_slow_answers_do_not_raise_concurrency() -> None:
    """Only fast ones do."""
    adaptive = Farm("farm", FarmSettings(max_concurrency=4, slow_answer=5.0))
    for _ in range(10):
        adaptive.answered(6.0)
    assert adaptive.concurrency.limit == 2
    for _ in range(2):
        adaptive.answered(0.1)
    assert adaptive.concurrency.limit == 3
