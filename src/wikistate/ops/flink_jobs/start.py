"""The observation of a started job until it is known to work: all subtasks run, and one checkpoint is complete."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.ops.flink_jobs.failures import FlinkJobError, JobFailure
from wikistate.ops.flink_jobs.rest import NOTICE_SECONDS
from wikistate.ops.flink_jobs.submission import MISSING_SNAPSHOT, NO_SLOTS

if TYPE_CHECKING:
    from wikistate.config.flink_environments import EnvironmentSettings
    from wikistate.ops.flink_jobs.progress import Progress
    from wikistate.ops.flink_jobs.rest import FlinkRest


async def await_good_start(rest: FlinkRest, job_id: str, settings: EnvironmentSettings, progress: Progress) -> None:
    """Return when all subtasks of a job run and it has completed a checkpoint.

    Raises:
        FlinkJobError: It ended, failed more often than the settings accept, waits for slots for too long, or is not that far
            in time.
    """
    start = rest.patience.now()
    waiting_since: float | None = None
    shown, reported = "", start
    while True:
        now = rest.patience.now()
        job = await rest.get_job(job_id)
        failures = await rest.list_failures(job_id)
        if job.state in ("FAILED", "CANCELED", "FINISHED") or len(failures) > settings.start_failures:
            raise _failed(job_id, job.state, [cause for _, cause in failures])
        state = job.state
        if job.runs:
            checkpoints = await rest.get_checkpoints(job_id)
            if checkpoints.completed:
                return
            state = f"{job.state}, waits for its first checkpoint"
            if checkpoints.failed:
                state = f"{state}; {checkpoints.failed} failed: {checkpoints.last_failure}"
        if not job.waits_for_slots or await rest.count_free_slots():
            waiting_since = None
        else:
            waiting_since = now if waiting_since is None else waiting_since
            state = f"{job.state}, waits for slots"
            if now - waiting_since >= settings.slots_timeout:
                raise _lacks_slots(job_id, job.parallelism)
        if state != shown or now - reported >= NOTICE_SECONDS:
            shown, reported = state, now
            progress.report(f"The job {job_id} is {state}.")
        if now - start >= settings.start_timeout:
            raise FlinkJobError(
                f"The job {job_id} is not known to work within {settings.start_timeout:g} s: it is {state}."
                + (f" Its last failure: {failures[0][1]}" if failures else ""),
                hint="See its checkpoints in Flink's web interface. The limit is `start_timeout`.",
                failure=JobFailure.TIMED_OUT,
            )
        await rest.patience.sleep(rest.patience.poll)


def _failed(job_id: str, state: str, causes: list[str]) -> FlinkJobError:
    if any(NO_SLOTS in cause for cause in causes):
        return _lacks_slots(job_id, 0)
    if missing := next((cause for cause in causes if MISSING_SNAPSHOT in cause), ""):
        return FlinkJobError(
            f"The cluster does not find the snapshot: {missing}",
            hint="Check its path, and that the JobManager can read it.",
            failure=JobFailure.SNAPSHOT_MISSING,
        )
    reason = causes[0] if causes else "Flink names no cause"
    count = f", after {len(causes)} failures" if len(causes) > 1 else ""
    return FlinkJobError(
        f"The job {job_id} does not start; its state is {state}{count}. The last cause: {reason}",
        hint="See the log of the TaskManager for the whole trace.",
        failure=JobFailure.FAILED_AT_START,
    )


def _lacks_slots(job_id: str, parallelism: int) -> FlinkJobError:
    needs = f"It needs {parallelism} slots, and no further one is free." if parallelism else "No slot is free."
    return FlinkJobError(
        f"The job {job_id} waits for slots in vain. {needs}",
        hint="Stop another job, add TaskManagers, or lower `parallelism`.",
        failure=JobFailure.NOT_ENOUGH_SLOTS,
    )
