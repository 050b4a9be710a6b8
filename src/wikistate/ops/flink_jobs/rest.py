"""A client of Flink's REST interface. Source: Apache Flink 2.3 documentation, "REST API".

Each request that starts an operation has a trigger id of our own. Flink knows an operation by it, so a request that is
repeated after a lost answer does not start a second one.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, NamedTuple, Self, TypeVar
from uuid import uuid4

import orjson

from wikistate.adapters.http.client import HttpClient, HttpResponse, HttpSettings
from wikistate.core.events.fields import FieldError, Fields
from wikistate.core.events.first_line import quote_first_line
from wikistate.ops.flink_jobs import answers
from wikistate.ops.flink_jobs.failures import FlinkJobError, JobFailure
from wikistate.ops.flink_jobs.traces import find_root_cause

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from wikistate.core.enrichment.failures import Failure

MAX_ANSWER = 64 * 1024 * 1024
"""Bytes of an answer. That of a job with thousands of subtasks has some megabytes."""

NOTICE_SECONDS = 30.0
"""Seconds after which a step that still runs is reported again."""

T = TypeVar("T")
_JSON = {"Content-Type": "application/json"}


class Patience(NamedTuple):
    """Times of the client.

    Attributes:
        request: Seconds for which a request is repeated while the cluster does not answer.
        poll: Seconds between two questions.
        sleep: Waits a number of seconds.
        now: Returns seconds of a clock that only advances.
        notify: Reports a step that still runs; None for no reports.
    """

    request: float = 30.0
    poll: float = 1.0
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
    now: Callable[[], float] = time.monotonic
    notify: Callable[[str], None] | None = None


_OUTAGES = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT})
"""Statuses with which a proxy, or a JobManager that is starting, answers instead of Flink."""


class _UnknownError(Exception):
    """Answer 404: Flink does not know the job or the operation."""


class _RefusedError(FlinkJobError):
    """Answer with another error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message, hint="See the log of the JobManager.", failure=JobFailure.SUBMISSION_FAILED)
        self.status = status


class _Deadline:
    """Wait for an operation until a time.

    Args:
        patience: Times.
        subject: Operation, for messages.
        within: Seconds from now.
    """

    def __init__(self, patience: Patience, subject: str, within: float) -> None:
        self._patience, self._subject, self._within = patience, subject, within
        self._start = self._noticed = patience.now()

    async def wait(self) -> None:
        """Wait until the next question.

        Raises:
            FlinkJobError: The time is over.
        """
        now = self._patience.now()
        if now - self._start >= self._within:
            raise FlinkJobError(
                f"{self._subject} has not finished within {self._within:g} s.",
                hint="It may still finish: see `status` before the next step. The limit is `savepoint_timeout`.",
                failure=JobFailure.TIMED_OUT,
            )
        if self._patience.notify is not None and now - self._noticed >= NOTICE_SECONDS:
            self._noticed = now
            self._patience.notify(f"{self._subject} is in progress.")
        await self._patience.sleep(self._patience.poll)


class FlinkRest:
    """Client of one cluster, an asynchronous context manager.

    Args:
        url: Address of the REST interface.
        patience: Times.
        routes: See `HttpSettings`.
        ca_bundle: See `HttpSettings`.

    Raises:
        FlinkJobError: All methods raise it when the cluster does not answer, or answers with an error.
    """

    def __init__(
        self,
        url: str,
        patience: Patience,
        *,
        routes: Mapping[str, str] | None = None,
        ca_bundle: Path | None = None,
    ) -> None:
        self.url = url.rstrip("/")
        self.patience = patience
        self._client = HttpClient(
            HttpSettings(
                routes=routes or {}, ca_bundle=ca_bundle, total_timeout=30.0, read_timeout=30.0, max_connections=4
            )
        )

    async def __aenter__(self) -> Self:
        await self._client.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.close()

    async def check(self) -> int:
        """Return the number of free slots. An unavailable cluster is reported at once: nothing is in progress."""
        return await self._ask("/overview", answers.read_free_slots, is_first=True)

    async def count_free_slots(self) -> int:
        """Return the number of free slots."""
        return await self._ask("/overview", answers.read_free_slots)

    async def list_jobs(self) -> tuple[answers.JobSummary, ...]:
        """Return the jobs that the cluster knows, also those that have ended."""
        return await self._ask("/jobs/overview", answers.read_overview)

    async def get_job(self, job_id: str) -> answers.JobDetails:
        """Return a job."""
        return await self._ask(f"/jobs/{job_id}", answers.read_job)

    async def list_failures(self, job_id: str) -> tuple[tuple[int, str], ...]:
        """Return the times (milliseconds since the epoch) and root causes of the failures of a job, newest first."""
        return await self._ask(f"/jobs/{job_id}/exceptions?maxExceptions=20", answers.read_failures)

    async def get_checkpoints(self, job_id: str) -> answers.Checkpoints:
        """Return the checkpoints of a job."""
        return await self._ask(f"/jobs/{job_id}/checkpoints", partial(answers.read_checkpoints, job_id=job_id))

    async def cancel(self, job_id: str) -> None:
        """Cancel a job. Its checkpoints stay. A job that has ended or is unknown stays as it is."""
        try:
            await self._request(f"/jobs/{job_id}?mode=cancel", _ignore, method="PATCH")
        except _UnknownError:
            return
        except _RefusedError as error:
            if error.status != HTTPStatus.CONFLICT:
                raise

    async def take_savepoint(self, job_id: str, folder: str, *, within: float) -> str:
        """Take a savepoint of a running job and return its address.

        Raises:
            FlinkJobError: It failed, or did not finish in time.
        """
        body = {"target-directory": folder, "cancel-job": False}
        return await self._run_savepoint(f"/jobs/{job_id}/savepoints", job_id, body, within=within)

    async def stop(self, job_id: str, folder: str, *, within: float) -> str:
        """Stop a job with a savepoint and return its address. Raises as `take_savepoint`."""
        body = {"targetDirectory": folder, "drain": False}
        return await self._run_savepoint(f"/jobs/{job_id}/stop", job_id, body, within=within)

    async def dispose(self, savepoint: str, *, within: float) -> None:
        """Delete a savepoint. Raises as `take_savepoint`.

        The trigger id of a disposal is made by Flink, so a request that is repeated after a lost answer is a second disposal,
        which fails because the savepoint is gone.
        """
        body = {"savepoint-path": savepoint}
        trigger = await self._ask("/savepoint-disposal", lambda answer: answer.text("request-id"), body=body)
        deadline = _Deadline(self.patience, f"The disposal of {savepoint}", within)
        while not (found := await self._ask(f"/savepoint-disposal/{trigger}", answers.read_operation)).is_done:
            await deadline.wait()
        if found.failure:
            raise FlinkJobError(
                f"{savepoint} cannot be disposed of: {found.failure}", failure=JobFailure.SAVEPOINT_FAILED
            )

    async def _run_savepoint(self, path: str, job_id: str, body: dict[str, Any], *, within: float) -> str:
        trigger = uuid4().hex
        deadline = _Deadline(self.patience, f"The savepoint {trigger} of the job {job_id}", within)
        started = False
        while True:
            if not started:
                await self._trigger(path, job_id, {**body, "triggerId": trigger})
                started = True
            try:
                found = await self._request(f"/jobs/{job_id}/savepoints/{trigger}", answers.read_operation)
            except _UnknownError:
                started = False  # the request was lost on its way, or the JobManager has restarted
            else:
                if found.is_done:
                    return self._location_of(found, job_id)
            await deadline.wait()

    async def _trigger(self, path: str, job_id: str, body: dict[str, Any]) -> None:
        try:
            await self._request(path, _ignore, body=body)
        except _UnknownError:
            raise FlinkJobError(
                f"The cluster {self.url} does not know the job {job_id}.",
                hint="It has ended meanwhile, or the JobManager has restarted: see `status`.",
                failure=JobFailure.NOT_RUNNING,
            ) from None
        except _RefusedError as error:
            raise FlinkJobError(
                f"The savepoint cannot start: {error.message}", hint=error.hint, failure=JobFailure.SAVEPOINT_FAILED
            ) from None

    def _location_of(self, found: answers.Operation, job_id: str) -> str:
        if found.failure or not found.location:
            raise FlinkJobError(
                f"The savepoint of the job {job_id} failed: {found.failure or 'Flink names no address.'}",
                hint="The job keeps running unless its state says otherwise: see `status`. Check the folder of savepoints and "
                "the log of the JobManager. A job that restarts takes no savepoint: cancel it in Flink's web interface, then "
                "`recover`.",
                failure=JobFailure.SAVEPOINT_FAILED,
            )
        return found.location

    async def _ask(
        self, path: str, read: Callable[[Fields], T], *, body: dict[str, Any] | None = None, is_first: bool = False
    ) -> T:
        """Send a request to an address that every cluster knows, or for a job that was in its list."""
        try:
            return await self._request(path, read, body=body, is_first=is_first)
        except _UnknownError as error:
            raise FlinkJobError(
                f"{self.url}{path} is not known there: {error}",
                hint="Check that `rest` of the environment is the address of a Flink cluster. A JobManager that has "
                "restarted forgets its jobs.",
                failure=JobFailure.CLUSTER_UNAVAILABLE,
            ) from None

    async def _request(
        self,
        path: str,
        read: Callable[[Fields], T],
        *,
        body: dict[str, Any] | None = None,
        method: str = "",
        is_first: bool = False,
    ) -> T:
        """Send a request until the cluster answers, and read the answer.

        Raises:
            _UnknownError: It answers with 404.
            FlinkJobError: It does not answer in time, or answers with another error.
        """
        deadline = self.patience.now() + (0 if is_first else self.patience.request)
        place, _, query = path.partition("?")
        while True:
            found = await self._client.request(
                self._client.endpoint(f"{self.url}{place}"),
                query,
                headers={} if body is None else _JSON,
                limit=MAX_ANSWER,
                body=None if body is None else orjson.dumps(body),
                method=method,
            )
            if isinstance(found, HttpResponse) and found.status not in _OUTAGES:
                return self._read(found, place, read)
            if self.patience.now() >= deadline:
                raise self._unavailable(place, found)
            await self.patience.sleep(self.patience.poll)

    def _read(self, answer: HttpResponse, path: str, read: Callable[[Fields], T]) -> T:
        try:
            values = Fields(orjson.loads(answer.body or b"{}"))
            if HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
                return read(values)
            errors = [each for each in values.get_list("errors") if isinstance(each, str)]
        except (orjson.JSONDecodeError, FieldError) as error:
            reason = f"{error} in " if isinstance(error, FieldError) else ""
            raise FlinkJobError(
                f"{self.url}{path} does not answer as Flink does, with status {answer.status}: {reason}"
                f"{quote_first_line(answer.body)}.",
                hint="Check that `rest` of the environment is the address of a Flink cluster, and the proxies before it.",
                failure=JobFailure.CLUSTER_UNAVAILABLE,
            ) from None
        message = "; ".join(map(find_root_cause, errors)) or f"status {answer.status}"
        if answer.status == HTTPStatus.NOT_FOUND:
            raise _UnknownError(message)
        raise _RefusedError(answer.status, f"{self.url}{path} refuses the request: {message}")

    def _unavailable(self, path: str, found: HttpResponse | Failure) -> FlinkJobError:
        reason = f"status {found.status}" if isinstance(found, HttpResponse) else found.detail
        return FlinkJobError(
            f"The cluster does not answer {self.url}{path}: {reason}.",
            hint="Check that its JobManager runs, and `rest` of the environment. `recover` starts a job again once it runs.",
            failure=JobFailure.CLUSTER_UNAVAILABLE,
        )


def _ignore(answer: Fields) -> None:
    """Ignore an answer: only its status counts."""
    del answer
