"""The job that asks a wiki about each event and folds the answer in: what all such jobs have in common.

What is asked and what is folded is an `Enrichment`'s; nothing else differs between these jobs. The core plans and
folds, the MediaWiki adapter asks; this file says in which order.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

from wikistate.core.enrichment.failures import Failure
from wikistate.core.enrichment.plan import Fetch, PassThrough, Reject
from wikistate.core.enrichment.retry import Fail
from wikistate.core.events.meta import domain_of, event_time, ingestion_time
from wikistate.core.events.rejection import RejectedEvent
from wikistate.jobs.event_io import unexpected_error
from wikistate.streaming.record import WorkItem

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from wikistate.adapters.mediawiki.revisions import RevisionClient
    from wikistate.adapters.mediawiki.wikis import Wiki, Wikis
    from wikistate.core.enrichment.plan import Plan
    from wikistate.core.events.meta import Event
    from wikistate.jobs.event_io import EventIO
    from wikistate.streaming.record import OnDone, Output, Record

Answer = TypeVar("Answer")


class Enrichment(Protocol[Answer]):
    """What is asked of a wiki for an event, and how its answer is folded in.

    Protocol: on the loop's thread, `plan` for each event, `fetch` for those that it says to fetch, and `with_answer` for each
    answer. Only `fetch` may take its time, and it answers exactly once.
    """

    def plan(self, event: Event) -> Plan:
        """Whether the event passes, is refused, or needs an answer. Pure."""

    def fetch(
        self, wiki: Wiki, rev_id: int, *, event_time: float | None, on_done: Callable[[Answer | Fail], None]
    ) -> None:
        """Ask, and tell `on_done` what came of it.

        Args:
            wiki: From the list of allowed wikis.
            rev_id: The revision that the event is about.
            event_time: When the event came into being, seconds since the epoch; None where that is not known.
            on_done: Takes the answer, or why there is none.
        """

    def with_answer(self, event: Event, answer: Answer) -> Event | Failure:
        """A new event with the answer in it, or why there can be none. Pure."""


class _PendingFetch(NamedTuple):
    """A valid event that needs an answer."""

    record: Record
    event: Event
    key: bytes | None
    wiki: Wiki
    rev_id: int


class EnrichmentJob(Generic[Answer]):
    """The job; see `wikistate.streaming.job.Job` for the protocol.

    Args:
        event_io: Of the job's streams.
        wikis: Which wikis may be asked, by domain.
        enrichment: What is asked.
        client: What it asks with; opened and closed by the job.
    """

    def __init__(
        self, event_io: EventIO, wikis: Wikis, enrichment: Enrichment[Answer], *, client: RevisionClient
    ) -> None:
        self._event_io = event_io
        self._wikis = wikis
        self._enrichment = enrichment
        self._client = client

    async def open(self) -> None:
        """See `Job`."""
        await self._client.open()

    async def close(self) -> None:
        """See `Job`."""
        await self._client.close()

    def plan(self, record: Record) -> WorkItem:
        """See `Job`. The payload is the outputs where they are known already, else a `_Pending`."""
        try:
            event = self._event_io.read(record)
            return self._plan_event(record, event) if isinstance(event, dict) else WorkItem(None, event)
        except Exception as error:  # noqa: BLE001  (whatever a record does to us, the job goes on)
            return WorkItem(None, [self._event_io.to_error_output(record, unexpected_error(error))])

    def _plan_event(self, record: Record, event: Event) -> WorkItem:
        key = self._event_io.key_of(event)
        if isinstance(key, RejectedEvent):
            return WorkItem(None, [self._event_io.to_error_output(record, key)])
        lane: Hashable = key
        wiki = self._wiki_of(event)
        if isinstance(wiki, RejectedEvent):
            return WorkItem(lane, [self._event_io.to_error_output(record, wiki)])
        match self._enrichment.plan(event):
            case PassThrough():
                return WorkItem(lane, [self._event_io.to_output(record, event, key)])
            case Reject(error_type, message):
                return WorkItem(
                    lane, [self._event_io.to_error_output(record, RejectedEvent(error_type, message, event))]
                )
            case Fetch(rev_id=rev_id):
                return WorkItem(lane, _PendingFetch(record, event, key, wiki, rev_id))

    def _wiki_of(self, event: Event) -> Wiki | RejectedEvent:
        domain = domain_of(event)
        if not domain:
            return RejectedEvent("NoDomain", "meta.domain must name the wiki.", event)
        wiki = self._wikis.lookup(domain)
        return RejectedEvent(wiki.error_type, wiki.message, event) if isinstance(wiki, Fail) else wiki

    def execute(self, item: WorkItem, on_done: OnDone) -> None:
        """See `Job`."""
        match item.payload:
            case _PendingFetch() as pending:
                answered = partial(self._on_answer, pending, on_done)
                self._enrichment.fetch(
                    pending.wiki, pending.rev_id, event_time=event_created_at(pending.event), on_done=answered
                )
            case list() as outputs:
                on_done(outputs)

    def _on_answer(self, pending: _PendingFetch, done: OnDone, answer: Answer | Fail) -> None:
        try:
            output = self._to_output(pending, answer)
        except Exception as error:  # noqa: BLE001  (see `accept`)
            output = self._event_io.to_error_output(pending.record, unexpected_error(error, pending.event))
        done([output])

    def _to_output(self, pending: _PendingFetch, answer: Answer | Fail) -> Output:
        record, event = pending.record, pending.event
        if isinstance(answer, Fail):
            return self._event_io.to_error_output(record, RejectedEvent(answer.error_type, answer.message, event))
        enriched = self._enrichment.with_answer(event, answer)
        if isinstance(enriched, Failure):
            return self._event_io.to_error_output(record, RejectedEvent(enriched.kind, f"{enriched.detail}.", event))
        return self._event_io.to_output(record, enriched, pending.key)


def event_created_at(event: Event) -> float | None:
    """When an event came into being, seconds since the epoch: the later of its two times, None when it states none."""
    return max(event_time(event) or 0, ingestion_time(event) or 0) / 1000 or None
