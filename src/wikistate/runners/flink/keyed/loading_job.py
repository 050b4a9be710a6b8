"""The control of the job that loads an initial state: wait for its end, take a savepoint, cancel it.

All calls are those of the client of Flink, which reaches the job on every kind of cluster.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Protocol, Self

import structlog

from wikistate.errors import EngineError
from wikistate.runners.flink.cluster import root_cause

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

log = structlog.get_logger(__name__)

COUNTER = "wikistate-buckets"
"""Name of the accumulator that counts loaded buckets, and of the file with them."""

_POLL = 0.5  # seconds between two polls
_REPORT_EVERY = 10.0  # seconds between two log events about the progress


class Future(Protocol):
    """A future of Java."""

    def isDone(self) -> bool:  # noqa: N802  (its name in Java)
        """Return whether it is completed."""

    def get(self) -> Any:
        """Return its result, or raise its error."""


class JobClient(Protocol):
    """A client of PyFlink for one job; its own functions are not used, because some of them call functions that Flink no longer has."""

    _j_job_client: Any


class LoadingJob:
    """A submitted job that loads buckets. The end of the block cancels it.

    Args:
        client: The client of PyFlink.
        canonical: The format of a savepoint that every state backend reads.
        pause: Waits some seconds.
    """

    def __init__(self, client: JobClient, *, canonical: Any, pause: Callable[[float], None] = time.sleep) -> None:
        self._java = client._j_job_client
        self._canonical = canonical
        self._pause = pause
        self._end: Future = self._java.getJobExecutionResult()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Cancel the job: the savepoint is complete, or the load has failed."""
        try:
            if not self._end.isDone():
                self._java.cancel().get()
        except Exception as error:  # noqa: BLE001  (of Java; the load has its result already)
            log.warning("flink_bootstrap_left", reason=_reason(error))

    def wait_until_loaded(self, buckets: int) -> None:
        """Wait until the source has emitted all buckets. A savepoint that is taken afterwards holds them.

        Raises:
            EngineError: The job has failed or was cancelled.
        """
        started = reported = time.monotonic()
        while (loaded := self._count()) < buckets:
            self._pause(_POLL)
            self._check_running()
            if (now := time.monotonic()) - reported >= _REPORT_EVERY:
                reported = now
                log.info("flink_bootstrap_progress", loaded=loaded, buckets=buckets)
        log.info("flink_bootstrap_loaded", buckets=buckets, seconds=round(time.monotonic() - started, 1))

    def take_savepoint(self, folder: str) -> str:
        """Return the address of a new savepoint in a folder.

        Raises:
            EngineError: There is no savepoint.
        """
        try:
            future: Future = self._java.triggerSavepoint(folder, self._canonical)
            while not future.isDone():
                self._pause(_POLL)
            return str(future.get())
        except Exception as error:  # of Java, of several classes
            self._check_running()
            raise EngineError(
                f"There is no savepoint in {folder}: {_reason(error)}",
                hint="Check that Flink can write the folder, then start the bootstrap again: nothing is left of this one.",
            ) from error

    def _count(self) -> int:
        try:
            counters: Mapping[str, int] = self._java.getAccumulators().get()
            return int(counters.get(COUNTER) or 0)
        except Exception as error:  # noqa: BLE001  (of Java: the job is starting, or has ended, which is examined next)
            log.debug("flink_unavailable", reason=_reason(error))
            return 0

    def _check_running(self) -> None:
        try:
            if not self._end.isDone():
                return
            self._end.get()
        except Exception as error:
            raise EngineError(
                f"The job that loads the state has failed: {_reason(error)}",
                hint="See the log of Flink, then start the bootstrap again: nothing is left of this one.",
            ) from error
        raise EngineError(
            "The job that loads the state was ended by another client.", hint="Start the bootstrap again."
        )


def _reason(error: Exception) -> str:
    """Return the reason of an error of Java."""
    is_lost = type(error).__name__ in {"Py4JError", "Py4JNetworkError"}
    return "Flink's JVM has ended." if is_lost else root_cause(str(error))
