"""page-content-change: page changes in, page changes with the content of their revision out.

Nothing is decided here: the core decodes, plans, judges, folds and encodes; the MediaWiki adapter fetches. This file
says in which order, and turns everything that is refused on the way into an error event.
"""

from __future__ import annotations

import traceback
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from wikistate.core.enrichment.content import Content, fold
from wikistate.core.enrichment.failures import Failure
from wikistate.core.enrichment.judge import Fail
from wikistate.core.enrichment.plan import Fetch, PassThrough, Refuse, plan
from wikistate.core.events.meta import domain_of, event_time, ingestion_time
from wikistate.core.events.refusal import Filtered, Refused
from wikistate.core.record import Done, Output, Record, Work
from wikistate.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from wikistate.adapters.mediawiki.revisions import RevisionClient
    from wikistate.adapters.mediawiki.wikis import Wiki, Wikis
    from wikistate.core.events.decoder import Decoder
    from wikistate.core.events.encoder import Encoder, ErrorEncoder
    from wikistate.core.events.meta import Event
    from wikistate.telemetry.meter import Meter, Report

NAME = "page-content-change"

DEFAULTS = {
    "stream_manager": {
        "job_name": NAME,
        "source": {"stream": "mediawiki.page_change.v1:1.7.0"},
        "sink": {"stream": "mediawiki.page_content_change.v1:1.7.0"},
        "error_sink": {"stream": "mw_page_content_change_enrich.error:2.1.0"},
    }
}
"""Settings that hold for this job unless the operator says otherwise."""


class _Pending(NamedTuple):
    """A valid event whose revision is to be fetched."""

    record: Record
    event: Event
    key: bytes | None
    wiki: Wiki
    rev_id: int


class PageContentChange:
    """The job; see `wikistate.jobs.job.Job` for the protocol.

    Args:
        decoder: Of the source stream.
        encoder: Of the sink.
        errors: Of the error stream.
        wikis: Which wikis may be asked, by domain.
        revisions: Fetches content; opened and closed by the job.
        max_content_size: Bytes that the slots of a revision may have together.
        meter: Where measurements go.
        clock: Seconds since the epoch.
    """

    def __init__(
        self,
        *,
        decoder: Decoder,
        encoder: Encoder,
        errors: ErrorEncoder,
        wikis: Wikis,
        revisions: RevisionClient,
        max_content_size: int,
        meter: Meter,
        clock: Callable[[], float],
    ) -> None:
        self._decoder = decoder
        self._encoder = encoder
        self._errors = errors
        self._wikis = wikis
        self._revisions = revisions
        self._max_content_size = max_content_size
        self._meter = meter
        self._clock = clock
        self._filtered: dict[str, Report] = {}
        self._refused: dict[str, Report] = {}

    async def open(self) -> None:
        """See `Job`."""
        await self._revisions.open()

    async def close(self) -> None:
        """See `Job`."""
        await self._revisions.close()

    def accept(self, record: Record) -> Work:
        """See `Job`. The payload is the outputs where they are known already, else a `_Pending`."""
        try:
            decoded = self._decoder.decode(record)
            if isinstance(decoded, dict):
                return self._plan(record, decoded)
        except Exception as error:  # noqa: BLE001  (whatever a record does to us, the job goes on)
            decoded = _unforeseen(error)
        if isinstance(decoded, Filtered):
            self._count(metrics.EVENTS_FILTERED, self._filtered, reason=decoded.reason)
            return Work(None, [])
        return Work(None, [self._refuse(record, decoded)])

    def _plan(self, record: Record, event: Event) -> Work:
        key = self._encoder.key_of(event)
        if isinstance(key, Refused):
            return Work(None, [self._refuse(record, key)])
        lane: Hashable = key
        domain = domain_of(event)
        if not domain:
            return Work(lane, [self._refuse(record, Refused("NoDomain", "meta.domain must name the wiki.", event))])
        wiki = self._wikis.lookup(domain)
        if isinstance(wiki, Fail):
            return Work(lane, [self._refuse(record, Refused(wiki.error_type, wiki.message, event))])
        match plan(event):
            case PassThrough():
                return Work(lane, [self._emit(record, event, key)])
            case Refuse(error_type, message):
                return Work(lane, [self._refuse(record, Refused(error_type, message, event))])
            case Fetch(rev_id=rev_id):
                return Work(lane, _Pending(record, event, key, wiki, rev_id))

    def perform(self, work: Work, done: Done) -> None:
        """See `Job`."""
        match work.payload:
            case _Pending() as pending:
                born = max(event_time(pending.event) or 0, ingestion_time(pending.event) or 0) / 1000
                self._revisions.fetch(
                    pending.wiki, pending.rev_id, born=born or None, done=partial(self._fetched, pending, done)
                )
            case list() as outputs:
                done(outputs)

    def _fetched(self, pending: _Pending, done: Done, answer: Content | Fail) -> None:
        try:
            output = self._enrich(pending, answer)
        except Exception as error:  # noqa: BLE001  (see `accept`)
            output = self._refuse(pending.record, _unforeseen(error)._replace(event=pending.event))
        done([output])

    def _enrich(self, pending: _Pending, answer: Content | Fail) -> Output:
        record, event = pending.record, pending.event
        if isinstance(answer, Fail):
            return self._refuse(record, Refused(answer.error_type, answer.message, event))
        enriched = fold(event, answer, max_content_size=self._max_content_size)
        if isinstance(enriched, Failure):
            return self._refuse(record, Refused(enriched.kind, f"{enriched.detail}.", event))
        return self._emit(record, enriched, pending.key)

    def _emit(self, record: Record, event: Event, key: bytes | None) -> Output:
        output = self._encoder.encode(event, key, self._now())
        return self._refuse(record, output) if isinstance(output, Refused) else output

    def _refuse(self, record: Record, refused: Refused) -> Output:
        self._count(metrics.EVENTS_ERRORS, self._refused, error_type=refused.error_type)
        return self._errors.encode(refused, record, self._now())

    def _now(self) -> int:
        return int(self._clock() * 1000)

    def _count(self, metric: metrics.Counter, bound: dict[str, Report], **label: str) -> None:
        (value,) = label.values()
        report = bound.get(value)
        if report is None:
            report = bound[value] = self._meter.counter(metric, **label)
        report(1)


def _unforeseen(error: Exception) -> Refused:
    stack = "".join(traceback.format_exception(error))
    return Refused(type(error).__name__, f"Not foreseen, please report it: {error!s:.500}", stack=stack)
