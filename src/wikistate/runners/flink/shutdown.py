"""The end of a job on an embedded cluster: it ends itself, or a signal stops it."""

from __future__ import annotations

import signal
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from wikistate.errors import EngineError

if TYPE_CHECKING:
    from wikistate.runners.flink.cluster import RunningJob

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class StopSignals:
    """The number of stop signals that the process has received."""

    count: int = 0


def install_signal_counter() -> StopSignals:
    """Count SIGTERM and SIGINT from now on, instead of ending the process."""
    stops = StopSignals()

    def react(*_: object) -> None:
        stops.count += 1

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, react)
    return stops


def wait_for_job(job: RunningJob, stops: StopSignals) -> bool:
    """Wait for the end of the job. The first signal stops it with a savepoint, the second one cancels it.

    Returns:
        Whether the job has ended in order.

    Raises:
        EngineError: The job failed.
    """
    if job.wait(lambda: stops.count > 0):
        job.result()
        return True
    log.info("flink_stop_requested")
    threading.Thread(target=_stop_with_savepoint, args=(job,), daemon=True).start()
    if job.wait(lambda: stops.count > 1):
        job.result()
        return True
    job.cancel()
    return False


def _stop_with_savepoint(job: RunningJob) -> None:
    try:
        job.stop()
    except EngineError as error:
        log.warning("flink_savepoint_failed", reason=str(error))
        job.cancel()
