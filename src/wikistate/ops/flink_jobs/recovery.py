"""The start of a job from its last snapshot, after it or its cluster has failed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from wikistate.ops.flink_jobs.answers import Snapshot
from wikistate.ops.flink_jobs.failures import FlinkJobError, JobFailure
from wikistate.ops.flink_jobs.life_cycle import start_again, start_version
from wikistate.ops.flink_jobs.snapshot_paths import resolve_path
from wikistate.ops.flink_jobs.snapshots import find_snapshots, require_snapshot
from wikistate.ops.flink_jobs.versions import Version

if TYPE_CHECKING:
    from collections.abc import Callable

    from wikistate.ops.flink_jobs.environments import JobTarget
    from wikistate.ops.flink_jobs.life_cycle import JobControl


class LastSnapshot(NamedTuple):
    """The snapshot from which a job resumes.

    Attributes:
        snapshot: Newest complete snapshot.
        origin: Origin of the answer, in words.
        others: Snapshots of other runs of the job, newest first.
    """

    snapshot: Snapshot
    origin: str
    others: tuple[Snapshot, ...]


async def find_last_snapshot(control: JobControl) -> LastSnapshot:
    """Return the newest complete snapshot of a job: by the cluster while it knows the job, else in the folders of the job.

    Raises:
        FlinkJobError: There is none, or the job runs.
    """
    try:
        known = await _ask_cluster(control)
    except FlinkJobError as error:
        if error.failure is not JobFailure.CLUSTER_UNAVAILABLE:
            raise
        control.progress.report(f"{error.message} The folders of the job are searched instead.")
        known = None
    if known is not None:
        return LastSnapshot(known, "by the cluster", ())
    target = control.target
    found = await list_snapshots(target)
    if not found:
        raise FlinkJobError(
            f"There is no complete snapshot of {target.name!r}: not in {target.checkpoints}, and not in {target.savepoints}.",
            hint="Name one by --from, or start the job without state: `deploy`.",
            failure=JobFailure.SNAPSHOT_MISSING,
        )
    return LastSnapshot(found[0], "in the folders of the job", found[1:])


async def list_snapshots(target: JobTarget) -> tuple[Snapshot, ...]:
    """Return the complete snapshots in the folders of a job, newest first. Raises as `find_snapshots`."""
    access = target.environment.settings.s3
    found = [
        *await find_snapshots(target.checkpoints, are_savepoints=False, access=access),
        *await find_snapshots(target.savepoints, are_savepoints=True, access=access),
    ]
    return tuple(sorted(found, key=lambda each: each.time, reverse=True))


async def _ask_cluster(control: JobControl) -> Snapshot | None:
    """Return the newest snapshot of the last run that the cluster knows; None if it knows none.

    A run that failed before its first checkpoint leads to the snapshot that it was started from.
    """
    active = await control.find_active()
    if active is not None:
        raise FlinkJobError(
            f"The job {control.target.name!r} runs already: {active.job_id} is {active.state}.",
            hint="A running job recovers automatically. `stop` ends it, if that is intended.",
            failure=JobFailure.ALREADY_RUNNING,
        )
    ended = [each for each in await control.rest.list_jobs() if each.name == control.target.name]
    for job in sorted(ended, key=lambda each: each.start_time, reverse=True):
        checkpoints = await control.rest.get_checkpoints(job.job_id)
        if checkpoints.newest is not None:
            return checkpoints.newest
    return None


async def recover(
    control: JobControl,
    version: Version | None,
    chosen: str,
    *,
    confirm: Callable[[LastSnapshot], bool],
    allow_non_restored: bool = False,
) -> str | None:
    """Start a job from its last snapshot, and return its id once it is known to work.

    Args:
        control: The job.
        version: Version to start; None for the version that worked last, or without a record for the installed one.
        chosen: Snapshot to start from, as `resolve_path` takes it; empty for the last one.
        confirm: Shows the snapshot, and returns whether to start from it.
        allow_non_restored: Whether state that no operator of the job has may be dropped.

    Returns:
        The id; None if the snapshot was not confirmed.

    Raises:
        ConfigError: A file or a setting is wrong.
        FlinkJobError: There is no snapshot, the job runs, or it does not start.
    """
    environment = control.target.environment
    if chosen:
        path = resolve_path(environment, chosen, option="--from")
        found = LastSnapshot(Snapshot(path, 0, "", is_savepoint=True), "by --from", ())
    else:
        found = await find_last_snapshot(control)
    await require_snapshot(found.snapshot.path, option="The snapshot", access=environment.settings.s3)
    if not confirm(found):
        return None
    if version is not None:
        control.check(version)
        return await start_version(control, version, found.snapshot.path, allow_non_restored=allow_non_restored)
    last = control.records.find_last()
    if last is None:
        control.check(Version())
        return await start_version(control, Version(), found.snapshot.path, allow_non_restored=allow_non_restored)
    control.progress.report(f"Start the version of {last.created} again.")
    return await start_again(control, last, found.snapshot.path, allow_non_restored=allow_non_restored)
