"""The bridge from a job with callbacks to an awaiting operator, in order and within bounds.

It uses asyncio and the job, and nothing of Flink.
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
    from wikistate.runners.flink.error_share import ErrorShare
    from wikistate.runners.metrics import RunnerMetrics
    from wikistate.streaming.job import Job
    from wikistate.streaming.ordering import InFlightRecord, OrderedRelease
    from wikistate.streaming.record import Output, Record


class CallbackBridge:
    """Bridge that submits records to a job and awaits the outputs of each.

    The order of the calls of `process` is the order within a key; keys do not wait for each other.

    Args:
        job: The job, not open yet. The first record opens it, because the loop does not exist before.
        ordering: Order and bounds.
        metrics: Takes the measurements.
        error_limit: Ends the job when too many events fail.
        error_share: Gives an alarm when most events fail.
    """

    def __init__(
        self,
        job: Job,
        ordering: OrderedRelease,
        metrics: RunnerMetrics,
        *,
        error_limit: ErrorLimit | None = None,
        error_share: ErrorShare | None = None,
    ) -> None:
        self._job = job
        self._ordering = ordering
        self._metrics = metrics
        self._error_limit = error_limit or ErrorLimit()
        self._error_share = error_share
        self._opening: asyncio.Task[None] | None = None
        self._queue: deque[tuple[Record, asyncio.Future[list[Output]]]] = deque()
        self._futures: dict[InFlightRecord, asyncio.Future[list[Output]]] = {}
        self._admitting = False
        self._defect: WikistateError | None = None

    async def process(self, record: Record) -> list[Output]:
        """Return the outputs of a record.

        Raises:
            WikistateError: The job cannot work at all, has finished a record twice, or too many events fail.
        """
        if self._defect is not None:
            raise self._defect
        future: asyncio.Future[list[Output]] = asyncio.get_running_loop().create_future()
        self._queue.append((record, future))
        if self._opening is None:
            self._opening = asyncio.ensure_future(self._job.open())
        if not self._opening.done():
            await asyncio.wait([self._opening])
        self._opening.result()
        self._admit()
        return await future

    def _admit(self) -> None:
        if self._admitting:  # a job may finish a record before `execute` returns: the loop below then continues
            return
        self._admitting = True
        while self._queue and self._ordering.room():
            self._submit(*self._queue.popleft())
        self._admitting = False
        self._metrics.record_in_flight(self._ordering)

    def _submit(self, record: Record, future: asyncio.Future[list[Output]]) -> None:
        admitted = self._ordering.admit(record, time.monotonic())
        self._futures[admitted] = future
        item = self._job.plan(record)
        self._ordering.enqueue(admitted, item.key)
        self._metrics.consumed(1)
        self._job.execute(item, partial(self._on_done, admitted))

    def _on_done(self, admitted: InFlightRecord, outputs: list[Output]) -> None:
        try:
            self._ordering.finish(admitted, outputs)
        except RuntimeError as defect:
            # The caller may swallow an exception, and a job whose order is broken must not continue.
            self._defect = InternalError(str(defect), hint="Please report it.")
            self._fail_all(self._defect)
            return
        released = self._ordering.take_released()
        try:
            for each in released:
                if self._error_share is not None:
                    self._error_share.observe(each.outputs or ())
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

    def _resolve(self, admitted: InFlightRecord) -> None:
        outputs = admitted.outputs or []
        self._metrics.record_written([admitted], outputs)
        future = self._futures.pop(admitted)
        if not future.done():  # cancelled when the operator ends
            future.set_result(outputs)

    def _fail_all(self, defect: WikistateError) -> None:
        for future in self._futures.values():
            if not future.done():
                future.set_exception(defect)
