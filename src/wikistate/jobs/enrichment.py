"""The common part of the jobs that query a wiki for each event and merge the answer into it.

The query and the merge belong to an `Enrichment`; the jobs differ in nothing else. The core plans and merges, the
MediaWiki adapter queries, and this module calls them in order.
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
    """Query to a wiki for an event, and the merge of its answer.

    Protocol, on the loop's thread: `plan` is called for each event, `fetch` if the plan is a fetch, and `with_answer` for
    each answer. Only `fetch` may take time, and it calls back exactly once.
    """

    def plan(self, event: Event) -> Plan:
        """Return whether the event passes unchanged, is rejected, or needs an answer. Pure."""

    def fetch(
        self, wiki: Wiki, rev_id: int, *, event_time: float | None, on_done: Callable[[Answer | Fail], None]
    ) -> None:
        """Query the wiki and pass the result to `on_done`.

        Args:
            wiki: From the list of allowed wikis.
            rev_id: Revision of the event.
            event_time: Time of the event, seconds since the epoch; None if it is unknown.
            on_done: Receives the answer or the failure.
        """

    def with_answer(self, event: Event, answer: Answer) -> Event | Failure:
        """Return a new event that holds the answer, or the reason why it cannot. Pure."""


class _PendingFetch(NamedTuple):
    """Valid event that needs an answer."""

    record: Record
    event: Event
    key: bytes | None
    wiki: Wiki
    rev_id: int


class EnrichmentJob(Generic[Answer]):
    """The job; see `wikistate.streaming.job.Job` for the protocol.

    Args:
        event_io: Reads and writes the events of the job's streams.
        wikis: Allowed wikis by domain.
        enrichment: Queries the wiki and merges the answer.
        client: Client of the enrichment; opened and closed by the job.
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

    def report_refusal(self, record: Record, reason: str, *, by_size: bool) -> Output:
        """See `wikistate.streaming.job.RefusalReporter`."""
        return self._event_io.report_refusal(record, reason, by_size=by_size)

    def shorten(self, error: Output, max_bytes: int) -> Output:
        """See `wikistate.streaming.job.RefusalReporter`."""
        return self._event_io.shorten(error, max_bytes)

    def plan(self, record: Record) -> WorkItem:
        """See `Job`. The payload is a list of outputs if they are known already, else a `_PendingFetch`."""
        try:
            event = self._event_io.read(record)
            return self._plan_event(record, event) if isinstance(event, dict) else WorkItem(None, event)
        except Exception as error:  # noqa: BLE001  (no record may stop the job)
            return WorkItem(None, [self._event_io.to_error_output(record, unexpected_error(error))])

    def _plan_event(self, record: Record, event: Event) -> WorkItem:
        key = self._event_io.key_of(event)
        if isinstance(key, RejectedEvent):
            return WorkItem(None, [self._event_io.to_error_output(record, key)])
        order_key: Hashable = key
        wiki = self._wiki_of(event)
        if isinstance(wiki, RejectedEvent):
            return WorkItem(order_key, [self._event_io.to_error_output(record, wiki)])
        match self._enrichment.plan(event):
            case PassThrough():
                return WorkItem(order_key, [self._event_io.to_output(record, event, key)])
            case Reject(error_type, message):
                return WorkItem(
                    order_key, [self._event_io.to_error_output(record, RejectedEvent(error_type, message, event))]
                )
            case Fetch(rev_id=rev_id):
                return WorkItem(order_key, _PendingFetch(record, event, key, wiki, rev_id))

    def _wiki_of(self, event: Event) -> Wiki | RejectedEvent:
        domain = domain_of(event)
        if not domain:
            return RejectedEvent("NoDomain", "meta.domain must name the wiki.", event)
        wiki = self._wikis.lookup(domain)
        if not isinstance(wiki, Fail):
            wiki = self._wikis.check_event(event, wiki) or wiki
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

    def _on_answer(self, pending: _PendingFetch, on_done: OnDone, answer: Answer | Fail) -> None:
        try:
            output = self._to_output(pending, answer)
        except Exception as error:  # noqa: BLE001  (see `plan`)
            output = self._event_io.to_error_output(pending.record, unexpected_error(error, pending.event))
        on_done([output])

    def _to_output(self, pending: _PendingFetch, answer: Answer | Fail) -> Output:
        record, event = pending.record, pending.event
        if isinstance(answer, Fail):
            return self._event_io.to_error_output(record, RejectedEvent(answer.error_type, answer.message, event))
        enriched = self._enrichment.with_answer(event, answer)
        if isinstance(enriched, Failure):
            return self._event_io.to_error_output(record, RejectedEvent(enriched.kind, f"{enriched.detail}.", event))
        return self._event_io.to_output(record, enriched, pending.key)


def event_created_at(event: Event) -> float | None:
    """Return the time of an event, seconds since the epoch: the later of its two times; None if it states neither."""
    return max(event_time(event) or 0, ingestion_time(event) or 0) / 1000 or None
