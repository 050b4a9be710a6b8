"""Awaits a job that answers by callback, in order and within bounds: what an asynchronous operator runs.

Knows asyncio and the job, and nothing of Flink.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from functools import partial
from typing import TYPE_CHECKING

from wikistate.errors import ErrorLimitError, InternalError
from wikistate.streaming.error_limit import ErrorLimit

if TYPE_CHECKING:
    from wikistate.errors import WikistateError
    from wikistate.runners.metrics import RunnerMetrics
    from wikistate.streaming.job import Job
    from wikistate.streaming.ordering import InFlightRecord, OrderedRelease
    from wikistate.streaming.record import Output, Record


class CallbackBridge:
    """Hands records to a job and awaits what becomes of each.

    The order of the calls of `process` is the order within a key; across keys nobody waits for anybody.

    Args:
        job: Not yet open; the first record opens it, because only then there is a loop.
        ordering: Order and bounds.
        metrics: Where it reports.
        error_limit: Ends the job when too many events fail.
    """

    def __init__(
        self, job: Job, ordering: OrderedRelease, metrics: RunnerMetrics, *, error_limit: ErrorLimit | None = None
    ) -> None:
        self._job = job
        self._ordering = ordering
        self._metrics = metrics
        self._error_limit = error_limit or ErrorLimit()
        self._opening: asyncio.Task[None] | None = None
        self._queue: deque[tuple[Record, asyncio.Future[list[Output]]]] = deque()
        self._futures: dict[InFlightRecord, asyncio.Future[list[Output]]] = {}
        self._admitting = False
        self._defect: WikistateError | None = None

    async def process(self, record: Record) -> list[Output]:
        """What the job makes of a record.

        Raises:
            WikistateError: The job cannot work at all, answered twice for a record, or too many events fail.
        """
        if self._defect is not None:
            raise self._defect
        promise: asyncio.Future[list[Output]] = asyncio.get_running_loop().create_future()
        self._queue.append((record, promise))
        if self._opening is None:
            self._opening = asyncio.ensure_future(self._job.open())
        if not self._opening.done():
            await asyncio.wait([self._opening])
        self._opening.result()
        self._admit()
        return await promise

    def _admit(self) -> None:
        if self._admitting:  # a job may answer before `perform` returns: the loop below goes on anyway
            return
        self._admitting = True
        while self._queue and self._ordering.room():
            self._submit(*self._queue.popleft())
        self._admitting = False
        self._metrics.record_in_flight(self._ordering)

    def _submit(self, record: Record, future: asyncio.Future[list[Output]]) -> None:
        ticket = self._ordering.admit(record, time.monotonic())
        self._futures[ticket] = future
        work = self._job.plan(record)
        self._ordering.enqueue(ticket, work.key)
        self._metrics.consumed(1)
        self._job.execute(work, partial(self._on_done, ticket))

    def _on_done(self, ticket: InFlightRecord, outputs: list[Output]) -> None:
        try:
            self._ordering.finish(ticket, outputs)
        except RuntimeError as defect:
            # Whoever calls us back may not let it through; a job whose order is broken must not go on.
            self._defect = InternalError(str(defect), hint="Please report it.")
            self._fail_all(self._defect)
            return
        released = self._ordering.take_released()
        try:
            for each in released:
                self._error_limit.observe(each.outputs or ())
        except ErrorLimitError as reached:
            self._defect = reached
            self._fail_all(reached)
            return
        for each in released:
            self._resolve(each)
        self._ordering.mark_written(released)
        if self._queue:
            self._admit()

    def _resolve(self, ticket: InFlightRecord) -> None:
        outputs = ticket.outputs or []
        self._metrics.record_written([ticket], outputs)
        promise = self._futures.pop(ticket)
        if not promise.done():  # cancelled, when the operator goes down
            promise.set_result(outputs)

    def _fail_all(self, defect: WikistateError) -> None:
        for promise in self._futures.values():
            if not promise.done():
                promise.set_exception(defect)
