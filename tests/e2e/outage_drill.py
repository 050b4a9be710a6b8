"""Outages of a broker at chosen moments of the checkpoints and commits of a job on Flink."""

from __future__ import annotations

import sys
import time
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from tests.contract.runner.flink_rest import FlinkRest
from tests.support import topics
from tests.support.kafka_proxy import Gate, Request

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

    from tests.contract.runner.runs import Run
    from tests.support.kafka_proxy import ProxiedBroker

TRANSACTION_TIMEOUT = 30
"""Seconds. The job with its broker recovers within them from every outage but the long one."""


LONG_OUTAGE = 1.25 * TRANSACTION_TIMEOUT  # seconds


class Moment(StrEnum):
    """The moment at which an outage begins."""

    IDLE = "nothing is in flight"
    PRODUCE = "records are on their way to the broker"
    CHECKPOINT = "a checkpoint is in progress"
    PRE_COMMITTED = "the records are flushed, and the commit has not reached the broker"
    COMMITTED = "the broker has committed, and the job does not know it"
    LONG = "a checkpoint is in progress, and the outage takes longer than the time-out of transactions"


GATES = {
    Moment.PRODUCE: Gate(Request.PRODUCE, is_executed=False),
    Moment.PRE_COMMITTED: Gate(Request.END_TRANSACTION, is_executed=False),
    Moment.COMMITTED: Gate(Request.END_TRANSACTION, is_executed=True),
}

OPTIONS: dict[str, object] = {
    "stream_manager__sink__options__properties": {"transaction.timeout.ms": str(TRANSACTION_TIMEOUT * 1000)},
    # Flink repeats answers about checkpoints for three seconds by default.
    "flink__web__refresh-interval": 50,
    # The outages follow each other so quickly that they would use up the attempts of a job.
    "flink__restart-strategy__exponential-delay__max-backoff": "5 s",
    "flink__restart-strategy__exponential-delay__attempts-before-reset-backoff": 1000,
}
"""Settings of a job for a drill."""


class DrilledJob(Protocol):
    """A job that a drill interrupts."""

    @property
    def run(self) -> Run:
        """Its run."""

    @property
    def port(self) -> int:
        """The port of the REST interface of Flink."""

    @property
    def sinks(self) -> Sequence[str]:
        """The topics that it writes."""

    def write(self) -> None:
        """Put some more changes on its source."""

    def find_missing(self) -> Collection[object]:
        """Return the changes whose outputs a reader of committed records does not see."""

    def hold(self) -> None:
        """Let the wiki hold back each answer for longer than the interval of checkpoints."""

    def release(self) -> None:
        """Let the wiki answer at once."""


class OutageDrill:
    """Outages, after each of which a reader of committed records must see everything.

    Args:
        broker: The broker.
        job: The job, which runs.
        exactly_once: Whether it has transactions.

    Attributes:
        outages: The number of outages so far.
    """

    def __init__(self, broker: ProxiedBroker, job: DrilledJob, *, exactly_once: bool) -> None:
        self._broker, self._job, self._exactly_once = broker, job, exactly_once
        self.outages = 0
        self._rest = FlinkRest(job.port)

    def run(self, outages: Iterable[tuple[Moment, Callable[[], None]]]) -> None:
        """Begin each outage at its moment, end it, and wait until all outputs are visible and nothing is held back."""
        self._job.write()
        self._wait_until_visible()
        for moment, take_down in outages:
            self._wait_for(moment)
            down = time.monotonic()
            self._interrupt(moment, take_down)
            up = time.monotonic()
            self._job.write()
            self._wait_until_visible()
            self.outages += 1
            visible = time.monotonic()
            sys.stdout.write(
                f"{time.strftime('%H:%M:%S')} outage {self.outages}: {moment}; {take_down.__name__}, {up - down:.0f} s; "
                f"all visible after {visible - up:.0f} s\n"
            )

    def delay_commit(self) -> None:
        """Hold back a commit until the broker has aborted its transaction."""
        self._wait_for(Moment.PRE_COMMITTED)
        self._cut()

    def _cut(self) -> None:
        """Break the network for long; the clock of the broker does not stop."""
        self._broker.proxy.cut()
        time.sleep(LONG_OUTAGE)
        self._broker.proxy.restore()

    def _interrupt(self, moment: Moment, take_down: Callable[[], None]) -> None:
        if moment is Moment.LONG:
            self._cut()
        else:
            take_down()
            self._broker.proxy.release()
            self._broker.start()
        self._job.release()

    def _wait_for(self, moment: Moment) -> None:
        run, proxy = self._job.run, self._broker.proxy
        if moment in GATES and (self._exactly_once or moment is Moment.PRODUCE):
            proxy.arm(GATES[moment])
            self._job.write()
            run.wait_until(lambda: proxy.is_reached)
        elif moment in {Moment.CHECKPOINT, Moment.LONG}:
            self._job.hold()
            self._job.write()
            run.wait_until(self._rest.is_checkpointing)

    def _wait_until_visible(self) -> None:
        seen = ""

        def is_visible() -> bool:
            nonlocal seen
            missing, held_back = self._job.find_missing(), self.find_held_back()
            state = f"{len(missing)} missing, held back: {held_back}"
            if state != seen:
                sys.stdout.write(f"{time.strftime('%H:%M:%S')} {state}\n")
                seen = state
            return not missing and not held_back

        self._job.run.wait_until(is_visible)

    def find_held_back(self) -> dict[str, dict[int, int]]:
        """Return the numbers of records behind the last stable offset, by topic and partition."""
        held = {}
        for topic in self._job.sinks:
            stable, ends = topics.stable_offsets(self._broker, topic), topics.end_offsets(self._broker, topic)
            held[topic] = {partition: end - stable[partition] for partition, end in ends.items()}
        return {topic: counts for topic, counts in held.items() if any(counts.values())}
