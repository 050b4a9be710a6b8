"""The life cycle of one job in one environment: deploy, redeploy, save, stop, recover.

A function first checks everything that can be checked without a change, then reports each step. With ``dry_run`` it returns
after the checks, and reports the steps that it would take.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wikistate.errors import StateError, WikistateError
from wikistate.ops.flink_jobs.failures import FlinkJobError, JobFailure
from wikistate.ops.flink_jobs.snapshot_paths import resolve_path
from wikistate.ops.flink_jobs.snapshots import require_snapshot
from wikistate.ops.flink_jobs.start import await_good_start
from wikistate.ops.flink_jobs.submission import build_command, find_flink, format_command, run_submission
from wikistate.ops.flink_jobs.versions import Version, check_version, list_layers

if TYPE_CHECKING:
    from wikistate.ops.flink_jobs.answers import JobSummary
    from wikistate.ops.flink_jobs.deployments import Deployment, DeploymentRecords
    from wikistate.ops.flink_jobs.environments import JobTarget
    from wikistate.ops.flink_jobs.progress import Progress
    from wikistate.ops.flink_jobs.rest import FlinkRest


class _UncertainError(FlinkJobError):
    """Failure after which the new version is not known to have ended: a second job could run beside it."""


@dataclass(frozen=True, slots=True)
class JobControl:
    """A job and all that a command needs to control it.

    Attributes:
        target: The job in its environment.
        rest: Client of the cluster.
        records: The deployments of the job.
        progress: Report of steps.
        dry_run: Whether to change nothing.
    """

    target: JobTarget
    rest: FlinkRest
    records: DeploymentRecords
    progress: Progress
    dry_run: bool = False

    def check(self, version: Version) -> None:
        """Check a version and report warnings. Raises as `check_version`."""
        for warning in check_version(self.target, version):
            self.progress.report(warning)

    async def find_active(self) -> JobSummary | None:
        """Return the job on the cluster that has not ended; None without one.

        Raises:
            FlinkJobError: The cluster does not answer, or several jobs have the name.
        """
        await self.rest.check()
        active = [each for each in await self.rest.list_jobs() if each.name == self.target.name and each.is_active]
        if len(active) > 1:
            ids = ", ".join(f"{each.job_id} ({each.state})" for each in active)
            raise FlinkJobError(
                f"Several jobs with the name {self.target.name!r} are on the cluster: {ids}.",
                hint="Cancel all but one of them in Flink's web interface: two jobs with one name share their consumer group.",
                failure=JobFailure.ALREADY_RUNNING,
            )
        return active[0] if active else None

    async def require_active(self) -> JobSummary:
        """Return the job on the cluster. Raises as `find_active`, and `FlinkJobError` if it does not run."""
        active = await self.find_active()
        if active is None:
            raise FlinkJobError(
                f"The job {self.target.name!r} does not run in the environment {self.target.environment.name}.",
                hint="`list` shows the jobs of the cluster. `recover` starts the job from its last snapshot.",
                failure=JobFailure.NOT_RUNNING,
            )
        return active


async def deploy(control: JobControl, version: Version, initial_state: str, *, allow_non_restored: bool = False) -> str:
    """Start a job that does not run, and return its id once it is known to work.

    Args:
        control: The job.
        version: The version to start.
        initial_state: Savepoint or checkpoint to start from, as `resolve_path` takes it; empty for a start without state.
        allow_non_restored: Whether state that no operator of the job has may be dropped.

    Raises:
        ConfigError: A file or a setting is wrong.
        FlinkJobError: It runs already, or does not start. A job that does not start is cancelled.
    """
    target = control.target
    snapshot = resolve_path(target.environment, initial_state, option="--initial-state") if initial_state else ""
    control.check(version)
    if snapshot:
        await require_snapshot(snapshot, option="--initial-state", access=target.environment.settings.s3)
    return await start_version(control, version, snapshot, allow_non_restored=allow_non_restored)


async def start_version(
    control: JobControl, version: Version, snapshot: str, *, allow_non_restored: bool = False
) -> str:
    """Start a version from the URI of a snapshot. See `deploy`."""
    await _require_start(control)
    deployment = _prepare(control, version)
    try:
        return await _start(control, deployment, snapshot, allow_non_restored=allow_non_restored)
    finally:
        _forget_unused(control, deployment)


async def start_again(
    control: JobControl, deployment: Deployment, snapshot: str, *, allow_non_restored: bool = False
) -> str:
    """Start an earlier deployment from the URI of a snapshot. See `deploy`."""
    await _require_start(control)
    return await _start(control, deployment, snapshot, allow_non_restored=allow_non_restored)


async def _require_start(control: JobControl) -> None:
    active = await control.find_active()
    if active is not None:
        raise FlinkJobError(
            f"The job {control.target.name!r} runs already: {active.job_id} is {active.state}.",
            hint="`redeploy` replaces it by a new version, `stop` ends it.",
            failure=JobFailure.ALREADY_RUNNING,
        )
    await _require_slots(control, freed=0)


async def save(control: JobControl, folder: str) -> str:
    """Take a savepoint of a running job, and return its address.

    Args:
        control: The job.
        folder: Folder for the savepoint, as `resolve_path` takes it; empty for that of the job.

    Raises:
        FlinkJobError: The job does not run, or the savepoint failed.
    """
    place = _savepoint_folder(control.target, folder)
    job = await control.require_active()
    control.progress.report(f"Take a savepoint of {job.job_id} in {place}.")
    if control.dry_run:
        return ""
    within = control.target.environment.settings.savepoint_timeout
    path = await control.rest.take_savepoint(job.job_id, place, within=within)
    await dispose_of_surplus(control, path)
    return path


async def stop(control: JobControl, folder: str) -> str:
    """Stop a running job with a savepoint, and return its address. See `save`."""
    path = await _stop(control, await control.require_active(), _savepoint_folder(control.target, folder))
    if control.dry_run:
        return ""
    await dispose_of_surplus(control, path)
    return path


async def redeploy(control: JobControl, version: Version, folder: str, *, may_roll_back: bool) -> str:
    """Replace a running job by a new version, and return the id of the new job once it is known to work.

    Args:
        control: The job.
        version: The new version.
        folder: Folder for the savepoint, as for `save`.
        may_roll_back: Whether to start the old version again if the new one does not work.

    Raises:
        ConfigError: A file or a setting is wrong; the old version keeps running.
        FlinkJobError: The savepoint failed, or the new version does not work. The message names the version that runs.
    """
    place = _savepoint_folder(control.target, folder)
    control.check(version)
    job = await control.require_active()
    old = control.records.find(job.job_id)
    if may_roll_back and old is None:
        raise FlinkJobError(
            f"There is no record of the running version of {control.target.name!r} in {control.target.records}, so it could "
            "not be started again if the new version fails.",
            hint="Run the command where it was deployed, share `records` of the environment, or add --no-rollback.",
            failure=JobFailure.NOT_RUNNING,
        )
    await _require_slots(control, freed=(await control.rest.get_job(job.job_id)).parallelism)
    new = _prepare(control, version)
    try:
        savepoint = await _stop(control, job, place)
        job_id = await _start_or_roll_back(control, new, old if may_roll_back else None, savepoint)
    finally:
        _forget_unused(control, new)
    if not control.dry_run:
        await dispose_of_surplus(control, savepoint)
    return job_id


async def _start_or_roll_back(control: JobControl, new: Deployment, old: Deployment | None, savepoint: str) -> str:
    try:
        return await _start(control, new, savepoint)
    except FlinkJobError as error:
        if old is None or isinstance(error, _UncertainError):
            raise FlinkJobError(
                f"{error.message} {_state_after(error)} The savepoint of the old version is {savepoint}.",
                hint=error.hint,
                failure=error.failure,
            ) from error
        control.progress.report(f"The new version does not work: {error.message}")
        job_id = await _roll_back(control, old, savepoint, error)
        await dispose_of_surplus(control, savepoint)
        raise FlinkJobError(
            f"The new version does not work, and the old one runs again as {job_id}: {error.message}",
            hint=error.hint,
            failure=JobFailure.ROLLED_BACK,
        ) from error
    except WikistateError as error:
        raise FlinkJobError(
            f"{error.message} No version runs. The savepoint of the old version is {savepoint}.",
            hint=error.hint,
            failure=JobFailure.ROLLBACK_FAILED,
        ) from error


async def _roll_back(control: JobControl, old: Deployment, savepoint: str, error: FlinkJobError) -> str:
    """Start the old version again, and return its id."""
    control.progress.report(f"Go back to the version of {old.created}.")
    try:
        return await _start(control, old, savepoint)
    except FlinkJobError as second:
        raise FlinkJobError(
            f"The new version does not work: {error.message} The old version of {old.created} does not start again: "
            f"{second.message} {_state_after(second)}",
            hint=f"The savepoint is {savepoint}, and the files of the old version are in {old.folder}.",
            failure=JobFailure.ROLLBACK_FAILED,
        ) from second


def _state_after(error: FlinkJobError) -> str:
    return "It may still run." if isinstance(error, _UncertainError) else "No version runs."


async def _stop(control: JobControl, job: JobSummary, place: str) -> str:
    control.progress.report(f"Stop {job.job_id} with a savepoint in {place}.")
    if control.dry_run:
        return f"{place}/savepoint-ID"  # Flink chooses the id
    within = control.target.environment.settings.savepoint_timeout
    path = await control.rest.stop(job.job_id, place, within=within)
    await _await_end(control, job.job_id)
    control.progress.report(f"{job.job_id} has stopped; its savepoint is {path}.")
    return path


async def _start(
    control: JobControl, deployment: Deployment, snapshot: str, *, allow_non_restored: bool = False
) -> str:
    """Submit a deployment and return its id once it is known to work; else cancel it and raise."""
    settings = control.target.environment.settings
    program = find_flink(settings)
    command = build_command(program, settings, deployment, snapshot, allow_non_restored=allow_non_restored)
    control.progress.report(f"Submit: {format_command(command)}")
    if control.dry_run:
        return ""
    try:
        job_id = await run_submission(command, python=program.python, within=settings.submit_timeout)
    except FlinkJobError:
        await _cancel_unknown(control)
        raise
    deployment = _note_job(control, deployment, job_id)
    try:
        await await_good_start(control.rest, job_id, settings, control.progress)
    except FlinkJobError as error:
        if error.failure is JobFailure.CLUSTER_UNAVAILABLE:
            raise _UncertainError(error.message, hint=error.hint, failure=error.failure) from error
        await _cancel(control, job_id)
        raise
    _note_success(control, deployment)
    control.progress.report(f"{job_id} runs, and has completed a checkpoint.")
    return job_id


def _note_job(control: JobControl, deployment: Deployment, job_id: str) -> Deployment:
    """Record a submitted deployment. A failure is reported and ends nothing: the job runs."""
    try:
        return control.records.note_job(deployment, job_id)
    except StateError as error:
        control.progress.report(f"No rollback to this version will be possible. {error}")
        return deployment


def _note_success(control: JobControl, deployment: Deployment) -> None:
    try:
        control.records.note_success(deployment)
    except StateError as error:
        control.progress.report(f"`recover` will not choose this version. {error}")


async def _cancel_unknown(control: JobControl) -> None:
    """Cancel a job that was submitted although ``flink run`` failed, or was killed: none ran before.

    Raises:
        FlinkJobError: As `_cancel`.
    """
    try:
        active = await control.find_active()
    except FlinkJobError as error:
        raise _UncertainError(error.message, hint=error.hint, failure=error.failure) from error
    if active is not None:
        await _cancel(control, active.job_id)


async def _cancel(control: JobControl, job_id: str) -> None:
    """Cancel a job that does not work, and wait for its end.

    Raises:
        FlinkJobError: It is not known to have ended.
    """
    control.progress.report(f"Cancel {job_id}, which does not work.")
    try:
        await control.rest.cancel(job_id)
        await _await_end(control, job_id)
    except FlinkJobError as error:
        raise _UncertainError(error.message, hint=error.hint, failure=error.failure) from error


async def _await_end(control: JobControl, job_id: str) -> None:
    """Wait until a job has ended, so that its slots are free."""
    within = control.target.environment.settings.savepoint_timeout
    deadline = control.rest.patience.now() + within
    while any(each.job_id == job_id and each.is_active for each in await control.rest.list_jobs()):
        if control.rest.patience.now() >= deadline:
            raise FlinkJobError(
                f"The job {job_id} has not ended within {within:g} s.",
                hint="Cancel it in Flink's web interface.",
                failure=JobFailure.TIMED_OUT,
            )
        await control.rest.patience.sleep(control.rest.patience.poll)


async def _require_slots(control: JobControl, *, freed: int) -> None:
    """Check the number of free slots, where the cluster does not add any on demand."""
    settings, needed = control.target.environment.settings, control.target.parallelism
    if settings.target != "remote":
        return
    free = await control.rest.count_free_slots()
    if free + freed < needed:
        raise FlinkJobError(
            f"The cluster has {free} free slots, and {control.target.name!r} needs {needed}.",
            hint="Stop another job, add TaskManagers, or lower `parallelism`.",
            failure=JobFailure.NOT_ENOUGH_SLOTS,
        )


def _savepoint_folder(target: JobTarget, folder: str) -> str:
    return resolve_path(target.environment, folder, option="--savepoint") if folder else target.savepoints


def _prepare(control: JobControl, version: Version) -> Deployment:
    return control.records.create(
        control.target.settings.run,
        list_layers(control.target, version),
        package=version.package,
        parallelism=control.target.parallelism,
    )


def _forget_unused(control: JobControl, deployment: Deployment) -> None:
    """Remove the files of a deployment that was never submitted."""
    if all(each.folder != deployment.folder for each in control.records.list_all()):
        control.records.remove(deployment)


async def dispose_of_surplus(control: JobControl, savepoint: str) -> None:
    """Record a savepoint, and dispose of those that are one too many. A failure is reported and ends nothing."""
    settings = control.target.environment.settings
    for old in control.records.note_savepoint(savepoint, settings.keep_savepoints):
        control.progress.report(f"Dispose of {old}: there are {settings.keep_savepoints} newer savepoints.")
        try:
            await control.rest.dispose(old, within=settings.savepoint_timeout)
        except FlinkJobError as error:
            control.progress.report(f"It stays: {error.message}")
        else:
            control.records.forget_savepoint(old)
