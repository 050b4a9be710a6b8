"""The job: it awaits the user's function for each event, and turns the result or the error into outputs."""

from __future__ import annotations

import asyncio
import traceback
from typing import TYPE_CHECKING, Any, NamedTuple
from uuid import UUID, uuid5

from wikistate.core.events.rejection import RejectedEvent
from wikistate.errors import InputError
from wikistate.jobs.custom.context import FetchError, Skip
from wikistate.jobs.event_io import unexpected_error
from wikistate.streaming.record import WorkItem

if TYPE_CHECKING:
    from collections.abc import Hashable

    from wikistate.adapters.mediawiki.revisions import RevisionClient
    from wikistate.core.events.message_key import MessageKey
    from wikistate.core.events.meta import Event
    from wikistate.jobs.custom.context import Context
    from wikistate.jobs.custom.function import Enrich
    from wikistate.jobs.event_io import EventIO
    from wikistate.streaming.record import OnDone, Output, Record

NAME = "custom"

DEFAULTS = {
    "stream_manager": {
        "job_name": NAME,
        "source": {"stream": "mediawiki.page_change.v1:1.7.0"},
        "sink": {"stream": "custom_enriched.v1:1.7.0"},
        "error_sink": {"stream": "custom_enrich.error:2.1.0"},
    }
}
"""Default settings of this job."""

_ID_NAMESPACE = UUID("3b1f0a5e-8a0c-5d0c-9c1b-6f2f6f0d9a37")
"""Namespace of the ids of outputs: the same input leads to the same ids, so that duplicates can be dropped."""

_MAX_REASON_LENGTH = 64  # characters; a longer reason is not a useful label


class _PendingEvent(NamedTuple):
    """Valid event that the function has not processed yet."""

    record: Record
    event: Event


class CustomJob:
    """The job; see `wikistate.streaming.job.Job` for the protocol.

    Args:
        event_io: Reads and writes the events of the job's streams.
        message_key: Message key of the source; events of one key stay in order.
        enrich: Function of the user.
        context: Second argument of the function.
        client: Client of the context; opened and closed by the job.
        timeout: Longest time that the function may take for one event, in seconds.
    """

    def __init__(
        self,
        event_io: EventIO,
        message_key: MessageKey,
        enrich: Enrich,
        context: Context,
        *,
        client: RevisionClient,
        timeout: float,
    ) -> None:
        self._event_io = event_io
        self._message_key = message_key
        self._enrich = enrich
        self._context = context
        self._client = client
        self._timeout = timeout
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing = False

    async def open(self) -> None:
        """See `Job`."""
        await self._client.open()

    async def close(self) -> None:
        """See `Job`."""
        self._closing = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._client.close()

    def report_refusal(self, record: Record, reason: str, *, by_size: bool) -> Output:
        """See `wikistate.streaming.job.RefusalReporter`."""
        return self._event_io.report_refusal(record, reason, by_size=by_size)

    def shorten(self, error: Output, max_bytes: int) -> Output:
        """See `wikistate.streaming.job.RefusalReporter`."""
        return self._event_io.shorten(error, max_bytes)

    def plan(self, record: Record) -> WorkItem:
        """See `Job`. The payload is a list of outputs if they are known already, else a `_PendingEvent`."""
        try:
            event = self._event_io.read(record)
            return self._plan_event(record, event) if isinstance(event, dict) else WorkItem(None, event)
        except Exception as error:  # noqa: BLE001  (no record may stop the job)
            return WorkItem(None, [self._event_io.to_error_output(record, unexpected_error(error))])

    def _plan_event(self, record: Record, event: Event) -> WorkItem:
        try:
            order_key: Hashable = self._message_key.build(event)
        except InputError as error:
            return WorkItem(
                None, [self._event_io.to_error_output(record, RejectedEvent("NoMessageKey", error.message, event))]
            )
        return WorkItem(order_key, _PendingEvent(record, event))

    def execute(self, item: WorkItem, on_done: OnDone) -> None:
        """See `Job`."""
        match item.payload:
            case _PendingEvent() as pending:
                task = asyncio.get_running_loop().create_task(self._run(pending, on_done))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
            case list() as outputs:
                on_done(outputs)

    async def _run(self, pending: _PendingEvent, on_done: OnDone) -> None:
        try:
            outputs = await self._call_function(pending)
        except asyncio.CancelledError as error:
            if self._closing:
                raise
            # The function cancelled itself: its event must not be lost.
            outputs = [self._to_error_output(pending, error)]
        except Exception as error:  # noqa: BLE001  (no error of the function may stop the job)
            outputs = [self._to_error_output(pending, error)]
        on_done(outputs)

    async def _call_function(self, pending: _PendingEvent) -> list[Output]:
        limit = asyncio.timeout(self._timeout)
        try:
            async with limit:
                made = await self._enrich(pending.event, self._context)
        except Skip as skip:
            made = skip
        except TimeoutError as error:
            if not limit.expired():
                raise
            raise TimeoutError(f"The function took longer than custom.timeout allows, {self._timeout:g} s.") from error
        if isinstance(made, Skip):
            self._event_io.drop(made.reason[:_MAX_REASON_LENGTH])
            return []
        events = [made] if isinstance(made, dict) else made
        if not isinstance(events, list | tuple) or not all(isinstance(event, dict) for event in events):
            raise TypeError(
                f"The function returned {type(made).__name__}; return an event, a list of events, or Skip(reason)."
            )
        return [self._to_output(pending.record, event) for event in _with_ids(events, pending)]

    def _to_output(self, record: Record, event: Event) -> Output:
        key = self._event_io.key_of(event)
        return (
            self._event_io.to_error_output(record, key)
            if isinstance(key, RejectedEvent)
            else self._event_io.to_output(record, event, key)
        )

    def _to_error_output(self, pending: _PendingEvent, error: BaseException) -> Output:
        event = pending.event
        if isinstance(error, FetchError):
            return self._event_io.to_error_output(pending.record, RejectedEvent(error.error_type, error.message, event))
        stack = "".join(traceback.format_exception(error))
        return self._event_io.to_error_output(
            pending.record, RejectedEvent(type(error).__name__, str(error) or type(error).__name__, event, stack)
        )


def _with_ids(events: list[Event] | tuple[Event, ...], pending: _PendingEvent) -> list[Event]:
    """Return the events, each with a unique id, and with the wiki and the request of the source if they have no `meta`.

    Consumers drop duplicates by ``meta.id``: several events that were copied from one must not share its id.
    """
    meta: dict[str, Any] = pending.event.get("meta") or {}
    own = meta.get("id") or f"{pending.record.partition}/{pending.record.offset}"
    traces = {name: meta[name] for name in ("domain", "request_id") if name in meta}
    identified = []
    for number, event in enumerate(events):
        stated = event.get("meta", traces)
        if isinstance(stated, dict) and stated.get("id", own) == own and (len(events) > 1 or "id" not in stated):
            identified.append({**event, "meta": {**stated, "id": str(uuid5(_ID_NAMESPACE, f"{own} {number}"))}})
        else:
            identified.append(event)
    return identified
