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
from wikistate.runners.error_limit import ErrorLimit

if TYPE_CHECKING:
    from wikistate.core.record import Output, Record
    from wikistate.errors import WikistateError
    from wikistate.jobs.job import Job
    from wikistate.runners.lanes import Lanes, Ticket
    from wikistate.runners.measurements import Measurements


class Performer:
    """Hands records to a job and awaits what becomes of each.

    The order of the calls of `outputs_of` is the order within a key; across keys nobody waits for anybody.

    Args:
        job: Not yet open; the first record opens it, because only then there is a loop.
        lanes: Order and bounds.
        measurements: Where it reports.
        error_limit: Ends the job when too many events fail.
    """

    def __init__(
        self, job: Job, lanes: Lanes, measurements: Measurements, *, error_limit: ErrorLimit | None = None
    ) -> None:
        self._job = job
        self._lanes = lanes
        self._measure = measurements
        self._error_limit = error_limit or ErrorLimit()
        self._opening: asyncio.Task[None] | None = None
        self._queue: deque[tuple[Record, asyncio.Future[list[Output]]]] = deque()
        self._promises: dict[Ticket, asyncio.Future[list[Output]]] = {}
        self._admitting = False
        self._defect: WikistateError | None = None

    async def outputs_of(self, record: Record) -> list[Output]:
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
        while self._queue and self._lanes.room():
            self._hand_over(*self._queue.popleft())
        self._admitting = False
        self._measure.in_flight(self._lanes)

    def _hand_over(self, record: Record, promise: asyncio.Future[list[Output]]) -> None:
        ticket = self._lanes.admit(record, time.monotonic())
        self._promises[ticket] = promise
        work = self._job.accept(record)
        self._lanes.line_up(ticket, work.key)
        self._measure.consumed(1)
        self._job.perform(work, partial(self._finished, ticket))

    def _finished(self, ticket: Ticket, outputs: list[Output]) -> None:
        try:
            self._lanes.finish(ticket, outputs)
        except RuntimeError as defect:
            # Whoever calls us back may not let it through; a job whose order is broken must not go on.
            self._defect = InternalError(str(defect), hint="Please report it.")
            self._break_off(self._defect)
            return
        released = self._lanes.take_released()
        try:
            for each in released:
                self._error_limit.look_at(each.outputs or ())
        except ErrorLimitError as reached:
            self._defect = reached
            self._break_off(reached)
            return
        for each in released:
            self._keep_promise(each)
        self._lanes.wrote(released)
        if self._queue:
            self._admit()

    def _keep_promise(self, ticket: Ticket) -> None:
        outputs = ticket.outputs or []
        self._measure.wrote([ticket], outputs)
        promise = self._promises.pop(ticket)
        if not promise.done():  # cancelled, when the operator goes down
            promise.set_result(outputs)

    def _break_off(self, defect: WikistateError) -> None:
        for promise in self._promises.values():
            if not promise.done():
                promise.set_exception(defect)
