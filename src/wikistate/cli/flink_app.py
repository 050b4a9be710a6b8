"""The commands ``wikistate flink`` and ``wikistate flink-job``: jobs on Flink clusters.

The name of a job stands before its command: ``wikistate flink --env eqiad JOB deploy``. Each name that is not a command of
``wikistate flink`` is the name of a job.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from typer.core import TyperGroup

if TYPE_CHECKING:
    from wikistate.cli.flink_jobs import JobRequest

_FOR_JOBS = "JOB"
_DEFAULT_JOB = "WDQS"


class Place(NamedTuple):
    """The environment that the command line names, and the job before the command of ``flink-job``."""

    env: str
    environments: Path | None
    job: str = ""


class JobOrCommand(TyperGroup):
    """Group in which each name that is not a command leads to the commands of a job."""

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command of a name."""
        return super().get_command(ctx, cmd_name) or super().get_command(ctx, _FOR_JOBS)


flink_app = typer.Typer(
    cls=JobOrCommand,
    help="Control jobs on Flink clusters: wikistate flink --env ENV JOB COMMAND. Or prepare a cluster.",
    no_args_is_help=True,
)
job_app = typer.Typer(
    help="Control a job, which is named here as in the file of environments: by its name or an alias.",
    no_args_is_help=True,
)
flink_app.add_typer(job_app, name=_FOR_JOBS)
flink_job_app = typer.Typer(
    help="The commands of `wikistate flink` with the arguments of the script flink-job.py.", no_args_is_help=True
)

Env = Annotated[str, typer.Option("--env", metavar="ENV", help="The environment, a name in the file of environments.")]
Environments = Annotated[
    Path | None,
    typer.Option(
        "--environments",
        metavar="FILE",
        help="The file of environments; by default $WIKISTATE_FLINK_ENVIRONMENTS, or flink-environments.yaml in the current "
        "folder.",
    ),
]
Package = Annotated[
    Path | None,
    typer.Option(
        "--jar",
        "--package",
        metavar="FILE",
        help="The code of this version: a wheel, a zip file or a module that is imported before the installed packages, or a "
        "packed virtual environment. By default the installed version.",
    ),
]
OptionsFile = Annotated[
    Path | None,
    typer.Option(
        "--options-file", metavar="FILE", help="A configuration file that overrides those of the file of environments."
    ),
]
InitialState = Annotated[
    str,
    typer.Option(
        "--initial-state",
        metavar="PATH",
        help="The savepoint or checkpoint to start from: a URI, or a path in the folder of savepoints of the environment.",
    ),
]
Savepoint = Annotated[
    str,
    typer.Option(
        "--savepoint",
        metavar="PATH",
        help="The folder for the savepoint: a URI, or a path in the folder of savepoints of the environment. By default "
        "that of the job.",
    ),
]
AllowNonRestored = Annotated[
    bool,
    typer.Option("--allow-non-restored", help="Drop state in the snapshot that no operator of the job has any more."),
]
Rollback = Annotated[
    bool,
    typer.Option(
        "--rollback/--no-rollback", help="Start the old version from the same savepoint if the new one does not work."
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Check everything, print the steps, and change nothing.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
From = Annotated[
    str, typer.Option("--from", metavar="PATH", help="The snapshot to start from, instead of the last one.")
]


@flink_app.callback()
def choose_environment(context: typer.Context, *, env: Env = "", environments: Environments = None) -> None:
    """Control jobs on Flink clusters: wikistate flink --env ENV JOB COMMAND. Or prepare a cluster."""
    context.obj = Place(env, environments)


@flink_job_app.callback()
def choose_job(
    context: typer.Context,
    *,
    env: Env = "",
    job_name: Annotated[str, typer.Option("--job-name", metavar="JOB", help="The job.")] = _DEFAULT_JOB,
    environments: Environments = None,
) -> None:
    """Control a job on a Flink cluster with the arguments of the script flink-job.py."""
    context.obj = Place(env, environments, job_name)


@flink_app.command("jars")
def flink_jars() -> None:
    """Fetch the jars that a job on Flink needs beside Flink, and print their paths: Kafka connector and bridge."""
    from wikistate.cli.commands import print_jars  # noqa: PLC0415

    raise typer.Exit(print_jars())


@flink_app.command("list")
def list_jobs(context: typer.Context) -> None:
    """List the jobs of the environment, and other jobs on its cluster."""
    from wikistate.cli import flink_jobs  # noqa: PLC0415

    raise typer.Exit(flink_jobs.list_jobs(_request(context)))


@job_app.command("list")
def list_snapshots(context: typer.Context) -> None:
    """List the complete snapshots in the folders of the job, newest first: savepoints, and the last checkpoint of each run."""
    from wikistate.cli import flink_jobs  # noqa: PLC0415

    raise typer.Exit(flink_jobs.list_snapshots(_request(context)))


@job_app.command()
@flink_job_app.command()
def deploy(
    context: typer.Context,
    *,
    package: Package = None,
    options_file: OptionsFile = None,
    initial_state: InitialState = "",
    allow_non_restored: AllowNonRestored = False,
    dry_run: DryRun = False,
) -> None:
    """Start the job, wait until it runs and has completed a checkpoint, and print its id.

    A job that does not start is cancelled, so that it holds no slots.
    """
    from wikistate.cli.flink_jobs import deploy_job  # noqa: PLC0415

    raise typer.Exit(
        deploy_job(
            _request(context, dry_run=dry_run),
            package,
            options_file,
            initial_state,
            allow_non_restored=allow_non_restored,
        )
    )


@job_app.command()
@flink_job_app.command()
def redeploy(
    context: typer.Context,
    *,
    package: Package = None,
    options_file: OptionsFile = None,
    savepoint: Savepoint = "",
    rollback: Rollback = True,
    dry_run: DryRun = False,
) -> None:
    """Stop the job with a savepoint, start a new version from it, and print the id of the new job.

    If the new version does not run with a completed checkpoint in time, it is cancelled, and the old version starts again
    from the same savepoint: exit code 28.
    """
    from wikistate.cli.flink_jobs import redeploy_job  # noqa: PLC0415

    raise typer.Exit(
        redeploy_job(_request(context, dry_run=dry_run), package, options_file, savepoint, may_roll_back=rollback)
    )


@job_app.command()
@flink_job_app.command()
def save(context: typer.Context, *, savepoint: Savepoint = "", dry_run: DryRun = False) -> None:
    """Take a savepoint of the running job, and print its path alone on standard output."""
    from wikistate.cli.flink_jobs import save_job  # noqa: PLC0415

    raise typer.Exit(save_job(_request(context, dry_run=dry_run), savepoint))


@job_app.command()
@flink_job_app.command()
def stop(context: typer.Context, *, savepoint: Savepoint = "", dry_run: DryRun = False) -> None:
    """Stop the job with a savepoint, and print its path alone on standard output."""
    from wikistate.cli.flink_jobs import stop_job  # noqa: PLC0415

    raise typer.Exit(stop_job(_request(context, dry_run=dry_run), savepoint))


@job_app.command()
def recover(
    context: typer.Context,
    *,
    package: Package = None,
    options_file: OptionsFile = None,
    from_: From = "",
    allow_non_restored: AllowNonRestored = False,
    dry_run: DryRun = False,
    yes: Yes = False,
) -> None:
    """Start the job from its last snapshot, after it or its cluster has failed, and print its id.

    The version is the one that ran last, unless --jar or --options-file names another. The cluster is asked for the
    snapshot; if it does not know the job, its folders of checkpoints and savepoints are searched. The snapshot is shown with its time
    before it is used.
    """
    from wikistate.cli.flink_jobs import recover_job  # noqa: PLC0415

    raise typer.Exit(
        recover_job(
            _request(context, dry_run=dry_run),
            package,
            options_file,
            from_,
            allow_non_restored=allow_non_restored,
            yes=yes,
        )
    )


@job_app.command()
def status(context: typer.Context) -> None:
    """Print the state of the job, its last checkpoint and savepoint, and its last failure. Exit code 24: it does not run."""
    from wikistate.cli.flink_jobs import print_status  # noqa: PLC0415

    raise typer.Exit(print_status(_request(context)))


def _request(context: typer.Context, *, dry_run: bool = False) -> JobRequest:
    from wikistate.cli.flink_jobs import JobRequest  # noqa: PLC0415

    place: Place = context.obj
    name = place.job or (context.parent.info_name if context.parent is not None else None) or ""
    return JobRequest(place.env, place.environments, name, dry_run=dry_run)
