"""The control of the job that loads an initial state, over a client of Flink in memory."""

from __future__ import annotations

from collections import deque
from typing import Any

import pytest
from structlog.testing import capture_logs

from wikistate.errors import EngineError
from wikistate.runners.flink.keyed.loading_job import COUNTER, LoadingJob


class Now:
    """Future that is completed; with an error if that is its result."""

    def __init__(self, result: Any = None) -> None:
        self._result = result

    def isDone(self) -> bool:  # noqa: N802  (its name in Java)
        """See `Future`."""
        return True

    def get(self) -> Any:
        """See `Future`."""
        if isinstance(self._result, Exception):
            raise self._result
        return self._result


class Later(Now):
    """Future that is completed after some polls."""

    def __init__(self, result: Any, polls: int) -> None:
        super().__init__(result)
        self._polls = polls

    def isDone(self) -> bool:  # noqa: N802  (its name in Java)
        """See `Future`."""
        self._polls -= 1
        return self._polls < 0


class Py4JNetworkError(Exception):
    """Error of PyFlink without a JVM."""


class Lost(Now):
    """Future in a JVM that is gone."""

    def isDone(self) -> bool:  # noqa: N802  (its name in Java)
        """See `Future`."""
        raise Py4JNetworkError("Answer from Java side is empty")


class JavaClient:
    """Client of a job.

    Attributes:
        counts: The next responses about the number of loaded buckets; the last one stays.
        end: The end of the job.
        savepoint: The result of a savepoint.
        cancellation: The result of a cancellation.
        calls: The calls that change something.
    """

    def __init__(self, *counts: Any) -> None:
        self.counts = deque(counts)
        self.end: Now = Later(None, 1000)
        self.savepoint: Now = Later("file:/savepoint", 2)
        self.cancellation = Now()
        self.calls: list[str] = []
        self._j_job_client = self

    def getJobExecutionResult(self) -> Now:  # noqa: N802  (its name in Java)
        """Return the end of the job."""
        return self.end

    def getAccumulators(self) -> Now:  # noqa: N802  (its name in Java)
        """Return the counters."""
        count = self.counts.popleft() if len(self.counts) > 1 else self.counts[0]
        return Now(count if isinstance(count, Exception) else {} if count is None else {COUNTER: count})

    def triggerSavepoint(self, folder: str, format_: object) -> Now:  # noqa: N802  (its name in Java)
        """Start a savepoint."""
        self.calls.append(f"savepoint {folder} {format_}")
        return self.savepoint

    def cancel(self) -> Now:
        """Cancel the job."""
        self.calls.append("cancel")
        return self.cancellation


def load(client: JavaClient) -> str:
    """Load three buckets and return the savepoint."""
    with LoadingJob(client, canonical="CANONICAL", pause=lambda _: None) as job:
        job.wait_until_loaded(3)
        return job.take_savepoint("file:/savepoints")


def test_savepoint_is_taken_when_all_buckets_are_loaded() -> None:
    """The job is cancelled afterwards. A starting job has no counters, or does not return them yet."""
    client = JavaClient(RuntimeError("the job is not initialized yet"), None, 0, 1, 3)
    with capture_logs() as logs:
        assert load(client) == "file:/savepoint"
    assert client.calls == ["savepoint file:/savepoints CANONICAL", "cancel"]
    assert not [line for line in logs if line["log_level"] == "warning"]


def test_failed_job_is_an_error_with_its_cause() -> None:
    """No savepoint is taken, and nothing is left to cancel."""
    client = JavaClient(0)
    client.end = Now(RuntimeError("Job failed\nCaused by: java.io.IOException: No space left on device"))
    with pytest.raises(EngineError, match=r"has failed: java\.io\.IOException: No space left"):
        load(client)
    assert client.calls == []


def test_lost_machine_is_an_error_of_its_own() -> None:
    """The messages of Py4J about it are not clear."""
    client = JavaClient(Py4JNetworkError("Answer from Java side is empty"))
    client.end = Lost()
    with pytest.raises(EngineError, match=r"has failed: Flink's JVM has ended\."):
        load(client)


def test_job_that_another_client_ends_is_an_error() -> None:
    """It never counts as loaded."""
    client = JavaClient(1)
    client.end = Now()
    with pytest.raises(EngineError, match="ended by another client"):
        load(client)


def test_savepoint_that_fails_is_an_error_and_the_job_is_cancelled() -> None:
    """The message names the folder and the cause."""
    client = JavaClient(3)
    client.savepoint = Later(RuntimeError("Checkpoint failed\nCaused by: java.io.IOException: Permission denied"), 2)
    with pytest.raises(
        EngineError, match=r"no savepoint in file:/savepoints: java\.io\.IOException: Permission denied"
    ):
        load(client)
    assert client.calls[-1] == "cancel"


def test_interrupted_load_cancels_the_job() -> None:
    """It would occupy its slot for ever."""
    client = JavaClient(0)

    def interrupt(_: float) -> None:
        raise SystemExit(130)

    with pytest.raises(SystemExit), LoadingJob(client, canonical="CANONICAL", pause=interrupt) as job:
        job.wait_until_loaded(3)
    assert client.calls == ["cancel"]


def test_job_that_cannot_be_cancelled_is_reported() -> None:
    """The savepoint is valid all the same."""
    client = JavaClient(3)
    client.cancellation = Now(RuntimeError("Connection refused"))
    with capture_logs() as logs:
        assert load(client) == "file:/savepoint"
    assert [line["event"] for line in logs][-1] == "flink_bootstrap_left"
