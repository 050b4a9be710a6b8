"""The bodies of the commands that control jobs on Flink clusters."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from wikistate.cli.execution import run_async
from wikistate.cli.exits import Exit
from wikistate.cli.output import print_line
from wikistate.config.model import Telemetry
from wikistate.core.events.timestamps import format_timestamp
from wikistate.errors import ConfigError
from wikistate.ops.flink_jobs import life_cycle, recovery
from wikistate.ops.flink_jobs.deployments import DeploymentRecords
from wikistate.ops.flink_jobs.environments import (
    DEFAULT_FILE,
    ENVIRONMENTS_VARIABLE,
    find_environment,
    find_job_target,
)
from wikistate.ops.flink_jobs.environments import (
    list_jobs as list_targets,
)
from wikistate.ops.flink_jobs.life_cycle import JobControl
from wikistate.ops.flink_jobs.rest import FlinkRest, Patience
from wikistate.ops.flink_jobs.versions import Version
from wikistate.telemetry.logs import configure_logs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from wikistate.ops.flink_jobs.answers import Checkpoints, Snapshot
    from wikistate.ops.flink_jobs.environments import Environment, JobTarget

T = TypeVar("T")

_MAX_STEP = 20_000  # characters of a step: a command line may be long


class JobRequest(NamedTuple):
    """The place of a command.

    Attributes:
        env: The environment.
        environments: The file of environments; None for the default.
        job: The job.
        dry_run: Whether to change nothing.
    """

    env: str
    environments: Path | None
    job: str
    dry_run: bool


class PrintedProgress:
    """Report of steps on standard error, each with the seconds since the beginning."""

    def __init__(self, *, dry_run: bool) -> None:
        self._start = time.monotonic()
        self._mark = "dry run" if dry_run else ""

    def report(self, step: str) -> None:
        """Print a step."""
        mark = self._mark or f"{time.monotonic() - self._start:4.0f} s"
        print_line(f"{mark}  {step}", stderr=True, limit=_MAX_STEP)


def deploy_job(
    request: JobRequest,
    package: Path | None,
    options_file: Path | None,
    initial_state: str,
    *,
    allow_non_restored: bool,
) -> Exit:
    """Run ``deploy``. Raises `WikistateError`, as all functions here."""
    version = Version(package, options_file)
    job_id = _control(
        request,
        lambda control: life_cycle.deploy(control, version, initial_state, allow_non_restored=allow_non_restored),
    )
    return _print_result(job_id)


def redeploy_job(
    request: JobRequest, package: Path | None, options_file: Path | None, savepoint: str, *, may_roll_back: bool
) -> Exit:
    """Run ``redeploy``."""
    version = Version(package, options_file)
    return _print_result(
        _control(
            request,
            lambda control: life_cycle.redeploy(control, version, savepoint, may_roll_back=may_roll_back),
        )
    )


def save_job(request: JobRequest, savepoint: str) -> Exit:
    """Run ``save``."""
    return _print_result(_control(request, lambda control: life_cycle.save(control, savepoint)))


def stop_job(request: JobRequest, savepoint: str) -> Exit:
    """Run ``stop``."""
    return _print_result(_control(request, lambda control: life_cycle.stop(control, savepoint)))


def recover_job(
    request: JobRequest,
    package: Path | None,
    options_file: Path | None,
    chosen: str,
    *,
    allow_non_restored: bool,
    yes: bool,
) -> Exit:
    """Run ``recover``."""
    version = Version(package, options_file) if package or options_file else None

    def confirm(found: recovery.LastSnapshot) -> bool:
        _show_snapshots(found)
        return yes or request.dry_run or _ask(f"Start {request.job} from it?")

    job_id = _control(
        request,
        lambda control: recovery.recover(
            control, version, chosen, confirm=confirm, allow_non_restored=allow_non_restored
        ),
    )
    return Exit.STOPPED_AT_ONCE if job_id is None else _print_result(job_id)


def print_status(request: JobRequest) -> Exit:
    """Run ``status``."""
    return _control(request, _print_status)


def list_jobs(request: JobRequest) -> Exit:
    """Run ``list`` of an environment."""
    environment = _find_environment(request)

    async def read() -> None:
        async with _open(environment, PrintedProgress(dry_run=False)) as rest:
            await rest.check()
            active = [each for each in await rest.list_jobs() if each.is_active]
            names = {target.name for target in list_targets(environment)}
            for each in sorted(active, key=lambda each: each.name):
                print_line(f"{each.job_id}  {each.state}  {_format_time(each.start_time)}  {each.name}")
            for name in sorted(names - {each.name for each in active}):
                print_line(f"{'-' * 32}  NOT RUNNING  {'-' * 20}  {name}")

    run_async(read())
    return Exit.OK


def list_snapshots(request: JobRequest) -> Exit:
    """Run ``list`` of a job. The cluster is not asked."""
    target = find_job_target(_find_environment(request), request.job)
    for each in run_async(recovery.list_snapshots(target)):
        kind = "savepoint " if each.is_savepoint else "checkpoint"
        print_line(f"{_format_time(each.time)}  {kind}  {each.path}")
    return Exit.OK


async def _print_status(control: JobControl) -> Exit:
    await control.rest.check()
    runs = sorted(
        (each for each in await control.rest.list_jobs() if each.name == control.target.name),
        key=lambda each: (each.is_active, each.start_time),
    )
    print_line(f"job: {control.target.name}")
    print_line(f"environment: {control.target.environment.name}, {control.rest.url}")
    if not runs:
        print_line("state: not known to the cluster")
        return Exit.NOT_RUNNING
    job = runs[-1]
    checkpoints = await control.rest.get_checkpoints(job.job_id)
    failures = await control.rest.list_failures(job.job_id)
    print_line(f"state: {job.state}")
    print_line(f"id: {job.job_id}")
    print_line(f"since: {_format_time(job.start_time)}")
    _print_checkpoints(checkpoints)
    deployment = control.records.find(job.job_id)
    if deployment is not None:
        print_line(f"deployed: {deployment.created}, {deployment.package or 'the installed version'}")
    if failures:
        moment, cause = failures[0]
        print_line(f"last failure: {_format_time(moment)}, {cause}")
    return Exit.OK if job.state == "RUNNING" else Exit.NOT_RUNNING


def _print_checkpoints(checkpoints: Checkpoints) -> None:
    print_line(f"checkpoints: {checkpoints.completed} completed, {checkpoints.failed} failed")
    for name, found in (
        ("last checkpoint", checkpoints.last_checkpoint),
        ("last savepoint", checkpoints.last_savepoint),
    ):
        print_line(f"{name}: {_describe(found) if found else 'none'}")
    if checkpoints.restored:
        print_line(f"started from: {checkpoints.restored}")


def _show_snapshots(found: recovery.LastSnapshot) -> None:
    print_line(f"The last snapshot, {found.origin}: {_describe(found.snapshot)}", stderr=True)
    for other in found.others:
        print_line(f"Older: {_describe(other)}", stderr=True)


def _describe(snapshot: Snapshot) -> str:
    kind = "savepoint" if snapshot.is_savepoint else "checkpoint"
    job = f" of job {snapshot.job_id}" if snapshot.job_id else ""
    moment = f" at {_format_time(snapshot.time)}" if snapshot.time else ""
    return f"{snapshot.path}, a {kind}{job}{moment}"


def _format_time(milliseconds: int) -> str:
    return format_timestamp(milliseconds, "seconds")


def _ask(question: str) -> bool:
    """Ask at the terminal.

    Raises:
        ConfigError: There is no terminal.
    """
    if not sys.stdin.isatty():
        raise ConfigError(f"{question} There is no terminal to answer at.", hint="Add --yes.", key="--yes")
    print_line(f"{question} [y/N]", stderr=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _print_result(result: str) -> Exit:
    if result:  # a dry run has none
        print_line(result)
    return Exit.OK


def _control(request: JobRequest, use: Callable[[JobControl], Awaitable[T]]) -> T:
    configure_logs(Telemetry())
    target = find_job_target(_find_environment(request), request.job)
    return run_async(_use_job(request, target, use))


async def _use_job(request: JobRequest, target: JobTarget, use: Callable[[JobControl], Awaitable[T]]) -> T:
    progress = PrintedProgress(dry_run=request.dry_run)
    async with _open(target.environment, progress) as rest:
        control = JobControl(target, rest, DeploymentRecords(target.records), progress, dry_run=request.dry_run)
        try:
            return await use(control)
        except asyncio.CancelledError:
            progress.report("Stopped during this step, which the cluster may finish: see `status`.")
            raise


def _find_environment(request: JobRequest) -> Environment:
    stated = os.environ.get(ENVIRONMENTS_VARIABLE)
    file = request.environments or Path(stated or DEFAULT_FILE)
    if not request.env:
        raise ConfigError(
            "--env is missing: the environment of the job.",
            hint="For example: wikistate flink --env eqiad JOB status. Environments are the names in the file of environments.",
            key="--env",
        )
    return find_environment(file, request.env)


def _open(environment: Environment, progress: PrintedProgress) -> FlinkRest:
    settings = environment.settings
    return FlinkRest(
        settings.rest,
        Patience(request=settings.request_timeout, poll=settings.poll_interval, notify=progress.report),
        routes=settings.routes,
        ca_bundle=Path(settings.ca_bundle) if settings.ca_bundle else None,
    )
