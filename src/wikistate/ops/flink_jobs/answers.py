"""The answers of Flink's REST interface as typed values. Source: Apache Flink 2.3 documentation, "REST API"."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from wikistate.core.events.integers import MAX_TIME
from wikistate.ops.flink_jobs.traces import find_root_cause

if TYPE_CHECKING:
    from wikistate.core.events.fields import Fields

RUNNING = "RUNNING"
TERMINAL = frozenset({"FINISHED", "CANCELED", "FAILED"})
"""States of a job that has ended. A JobManager resumes a ``SUSPENDED`` one."""

WAITING_FOR_SLOTS = frozenset({"CREATED", "SCHEDULED"})
"""States of a task that has no slot yet."""


class JobSummary(NamedTuple):
    """A job in the overview of a cluster.

    Attributes:
        job_id: Id.
        name: Name; several jobs may have the same.
        state: State.
        start_time: Time of its start; milliseconds since the epoch.
    """

    job_id: str
    name: str
    state: str
    start_time: int

    @property
    def is_active(self) -> bool:
        """Whether it has not ended."""
        return self.state not in TERMINAL


class JobDetails(NamedTuple):
    """A job.

    Attributes:
        state: State.
        tasks: Number of subtasks by their states.
        parallelism: Largest parallelism of an operator.
    """

    state: str
    tasks: dict[str, int]
    parallelism: int

    @property
    def runs(self) -> bool:
        """Whether all of its subtasks run, or have read all of their input."""
        active = {state for state, count in self.tasks.items() if count}
        return self.state == RUNNING and active <= {"RUNNING", "FINISHED"}

    @property
    def waits_for_slots(self) -> bool:
        """Whether a subtask waits for a slot."""
        if self.state not in (RUNNING, "CREATED"):
            return False
        return not self.tasks or any(self.tasks.get(state) for state in WAITING_FOR_SLOTS)


class Snapshot(NamedTuple):
    """A complete checkpoint or savepoint.

    Attributes:
        path: Address.
        time: Time of its trigger; milliseconds since the epoch.
        job_id: Id of its job; empty if it is not known.
        is_savepoint: Whether it is a savepoint.
    """

    path: str
    time: int
    job_id: str
    is_savepoint: bool


class Checkpoints(NamedTuple):
    """Checkpoints of a job.

    Attributes:
        completed: Number of completed checkpoints and savepoints since the start of the job.
        failed: Number of failed ones.
        last_checkpoint: Last completed checkpoint that still exists; None without one.
        last_savepoint: Last savepoint; None without one.
        restored: Address of the snapshot that the job was started from; empty for a start without one.
        last_failure: Message of the last failed checkpoint; empty without one.
    """

    completed: int
    failed: int
    last_checkpoint: Snapshot | None
    last_savepoint: Snapshot | None
    restored: str
    last_failure: str

    @property
    def newest(self) -> Snapshot | None:
        """Newest complete snapshot."""
        found = [each for each in (self.last_checkpoint, self.last_savepoint) if each is not None]
        return max(found, key=lambda each: each.time, default=None)


class Operation(NamedTuple):
    """State of an asynchronous operation.

    Attributes:
        is_done: Whether it has ended, with success or not.
        location: Address of the savepoint.
        failure: Root cause of a failure; empty for a success.
    """

    is_done: bool
    location: str
    failure: str


def read_overview(answer: Fields) -> tuple[JobSummary, ...]:
    """Return the jobs of ``/jobs/overview``."""
    return tuple(
        JobSummary(
            each.text("jid"),
            each.get_text("name"),
            each.text("state"),
            _read_time(each, "start-time"),
        )
        for each in answer.get_all("jobs")
    )


def read_job(answer: Fields) -> JobDetails:
    """Return the job of ``/jobs/ID``."""
    tasks: dict[str, int] = {}
    parallelism = 0
    for vertex in answer.get_all("vertices"):
        parallelism = max(parallelism, vertex.integer("parallelism"))
        counts = vertex.fields("tasks")
        for state in counts.values:
            tasks[state] = tasks.get(state, 0) + counts.integer(state)
    return JobDetails(answer.text("state"), tasks, parallelism)


def read_failures(answer: Fields) -> tuple[tuple[int, str], ...]:
    """Return the time and the root cause of each failure of ``/jobs/ID/exceptions``, newest first."""
    entries = answer.get_fields("exceptionHistory").get_all("entries")
    return tuple((_read_time(each, "timestamp"), find_root_cause(each.get_text("stacktrace"))) for each in entries)


def read_checkpoints(answer: Fields, job_id: str) -> Checkpoints:
    """Return the checkpoints of ``/jobs/ID/checkpoints``."""
    counts, latest = answer.get_fields("counts"), answer.get_fields("latest")
    return Checkpoints(
        completed=counts.get_integer("completed") or 0,
        failed=counts.get_integer("failed") or 0,
        last_checkpoint=_read_snapshot(latest.get_fields("completed"), job_id),
        last_savepoint=_read_snapshot(latest.get_fields("savepoint"), job_id),
        restored=latest.get_fields("restored").get_text("external_path"),
        last_failure=latest.get_fields("failed").get_text("failure_message"),
    )


def _read_snapshot(answer: Fields, job_id: str) -> Snapshot | None:
    path = answer.get_text("external_path")
    # A checkpoint that is not externalized has no address, but a text in angle brackets.
    if not path or path.startswith("<") or answer.values.get("discarded") is True:
        return None
    return Snapshot(path, _read_time(answer, "trigger_timestamp"), job_id, bool(answer.values.get("is_savepoint")))


def read_operation(answer: Fields) -> Operation:
    """Return the operation of ``/jobs/ID/savepoints/TRIGGER``: a failed one is complete, too."""
    is_done = answer.fields("status").text("id") == "COMPLETED"
    result = answer.get_fields("operation")
    failure = result.get_fields("failure-cause")
    cause = find_root_cause(failure.get_text("stack-trace") or failure.get_text("class")) if failure.values else ""
    return Operation(is_done, result.get_text("location"), cause)


def read_free_slots(answer: Fields) -> int:
    """Return the number of free slots of ``/overview``."""
    return answer.integer("slots-available")


def _read_time(answer: Fields, name: str) -> int:
    """Return a time in milliseconds since the epoch; Flink writes -1 for none."""
    return answer.integer(name, minimum=-1, maximum=MAX_TIME)
