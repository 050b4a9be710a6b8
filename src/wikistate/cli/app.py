"""The command line: one function for each command.

The body of a command is imported when the command runs, so that ``wikistate --help`` and the start of a job stay fast.
"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wikistate import __version__
from wikistate.cli.exits import Exit, report_error
from wikistate.cli.flink_app import flink_app, flink_job_app
from wikistate.cli.options import (
    Config,
    CreateTopics,
    ErrorSinkUrl,
    Job,
    MetricsPort,
    Rate,
    Set,
    SinkUrl,
    SourceUrl,
    State,
    StoreLocation,
    Timeout,
    Wiki,
    WikibaseUrl,
)
from wikistate.cli.output import print_line, print_lines
from wikistate.cli.runner_name import RunnerName
from wikistate.cli.stopping import handle_stop_signals
from wikistate.cli.store_app import store_app
from wikistate.errors import WikistateError
from wikistate.telemetry.standard_streams import guard_standard_streams

if TYPE_CHECKING:
    from collections.abc import Sequence

app = typer.Typer(
    name="wikistate",
    help="Event-carried state transfer for MediaWiki and Wikibase: streams that carry the new state of a page.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
config_app = typer.Typer(help="Check and print the configuration; runs no job.", no_args_is_help=True)
app.add_typer(config_app, name="config")
app.add_typer(flink_app, name="flink")
app.add_typer(flink_job_app, name="flink-job")
app.add_typer(store_app, name="store")


@app.command()
def run(
    job: Job,
    *,
    runner: Annotated[
        RunnerName,
        typer.Option(help="The runner: local, this one process; flink, Apache Flink (needs the extra `flink`)."),
    ] = RunnerName.LOCAL,
    config: Config = None,
    set_: Set = None,
    source: SourceUrl = "",
    sink: SinkUrl = "",
    error_sink: ErrorSinkUrl = "",
    wiki: Wiki = None,
    enrich: Annotated[
        str,
        typer.Option(
            metavar="MODULE:FUNCTION",
            help="For custom: an `async def` that takes an event and a context. The current folder is searched first.",
        ),
    ] = "",
    rate: Rate = None,
    metrics_port: MetricsPort = None,
    state: State = "",
    store: StoreLocation = "",
    wikibase: WikibaseUrl = "",
    create_topics: CreateTopics = False,
    overwrite: Annotated[
        bool,
        typer.Option(
            "--overwrite", help="Replace the output files, which a run otherwise appends to; for files as source."
        ),
    ] = False,
    check: Annotated[bool, typer.Option("--check", help="Open all connections, read and write nothing.")] = False,
    progress: Annotated[
        bool | None, typer.Option("--progress/--no-progress", help="Show a live line; by default at a terminal.")
    ] = None,
) -> None:
    """Run a job until its source ends or it is stopped.

    SIGTERM or Ctrl+C drains and commits the events in flight; a second one stops the job immediately.
    """
    from wikistate.cli.execution import RunOptions  # noqa: PLC0415
    from wikistate.cli.run import run_job  # noqa: PLC0415
    from wikistate.cli.settings import CliSettings  # noqa: PLC0415

    flags = CliSettings(
        source=source,
        sink=sink,
        error_sink=error_sink,
        wikis=tuple(wiki or ()),
        enrich=enrich,
        rate=rate,
        metrics_port=metrics_port,
        state=state,
        store=store,
        wikibase=wikibase,
        assignments=tuple(set_ or ()),
        files=tuple(config or ()),
    )
    options = RunOptions(
        runner=runner, create_topics=create_topics, check=check, progress=progress, overwrite=overwrite
    )
    raise typer.Exit(run_job(job, flags, options))


@app.command()
def replay(
    *,
    source: Annotated[
        str, typer.Option("--from", metavar="URL", help="The error stream: kafka://host:port/topic or file:PATH.")
    ],
    to: Annotated[
        str,
        typer.Option(
            metavar="JOB|URL",
            help="A job, which processes the events again as it is configured; or the stream to put them back on, "
            "kafka://host:port/topic or file:PATH.",
        ),
    ],
    types: Annotated[
        list[str] | None, typer.Option("--type", metavar="TYPE", help="Only errors of this type; repeatable.")
    ] = None,
    since: Annotated[str, typer.Option(metavar="TIME", help="Only events that failed at this time or later.")] = "",
    until: Annotated[str, typer.Option(metavar="TIME", help="Only events that failed before this time.")] = "",
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="The most events to replay.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the error events.")] = False,
    group: Annotated[
        str, typer.Option(metavar="GROUP", help="The consumer group that holds the position in the error stream.")
    ] = "",
    job: Annotated[
        str, typer.Option(help="The job that the errors belong to, if --to is a stream.")
    ] = "page-content-change",
    config: Config = None,
    set_: Set = None,
    sink: SinkUrl = "",
    error_sink: ErrorSinkUrl = "",
    wiki: Wiki = None,
    rate: Rate = None,
    metrics_port: MetricsPort = None,
    create_topics: CreateTopics = False,
) -> None:
    """Replay failed events: read error events, show their types and counts, process their original events again.

    An event that fails again is written to the error stream again, for the next replay. This replay ends at the end
    that the error stream had at its start.
    """
    from wikistate.cli.replay import ReplayRequest, run_replay  # noqa: PLC0415
    from wikistate.cli.settings import CliSettings  # noqa: PLC0415

    request = ReplayRequest(
        to=to,
        job=job,
        types=tuple(types or ()),
        since=since,
        until=until,
        limit=limit,
        group=group,
        dry_run=dry_run,
        create_topics=create_topics,
    )
    flags = CliSettings(
        source=source,
        sink=sink,
        error_sink=error_sink,
        wikis=tuple(wiki or ()),
        rate=rate,
        metrics_port=metrics_port,
        assignments=tuple(set_ or ()),
        files=tuple(config or ()),
    )
    raise typer.Exit(run_replay(request, flags))


@app.command()
def rdf_bootstrap(
    lists: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...",
            help="The entities of the store: lines ENTITY,REVISION; plain, gzip, Zstandard, bzip2 or xz.",
        ),
    ],
    *,
    runner: Annotated[
        RunnerName,
        typer.Option(
            help="The runner of the job: local writes its state file; flink writes a savepoint and prints it."
        ),
    ] = RunnerName.LOCAL,
    state: State = "",
    source: SourceUrl = "",
    config: Config = None,
    set_: Set = None,
) -> None:
    """Create the initial state of rdf-updater, for a store that was loaded from a dump.

    With --runner flink give the same settings as for the job: its next run on an embedded cluster starts from the savepoint.
    """
    from wikistate.cli.settings import CliSettings  # noqa: PLC0415

    flags = CliSettings(source=source, state=state, assignments=tuple(set_ or ()), files=tuple(config or ()))
    if runner is RunnerName.FLINK:
        from wikistate.cli.flink import bootstrap_on_flink  # noqa: PLC0415

        raise typer.Exit(bootstrap_on_flink(lists, flags))
    from wikistate.cli.commands import bootstrap  # noqa: PLC0415

    raise typer.Exit(bootstrap(lists, flags))


@app.command()
def lag(
    *,
    store: StoreLocation = "",
    most: Annotated[
        float | None, typer.Option("--max", metavar="SECONDS", help="Exit with code 6 if the store is further behind.")
    ] = None,
    timeout: Timeout = 10.0,
    config: Config = None,
    set_: Set = None,
) -> None:
    """Print the seconds that a store is behind its stream, for monitoring or the maxlag hook of a wiki."""
    from wikistate.cli.commands import print_lag  # noqa: PLC0415
    from wikistate.cli.settings import CliSettings  # noqa: PLC0415

    flags = CliSettings(store=store, assignments=tuple(set_ or ()), files=tuple(config or ()))
    raise typer.Exit(print_lag(flags, most, timeout))


@app.command()
def demo(
    *,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="The folder of the output.")] = Path("out"),
    events: Annotated[int, typer.Option(metavar="N", min=1, help="The number of sample changes.")] = 3000,
) -> None:
    """Run page-content-change over a small wiki and a sample of its changes."""
    from wikistate.cli.demo import run_demo  # noqa: PLC0415

    raise typer.Exit(run_demo(out, events))


@config_app.command("check")
def config_check(
    *,
    job: Annotated[str, typer.Option(help="The job that the configuration is for.")] = "page-content-change",
    config: Config = None,
    set_: Set = None,
) -> None:
    """Validate the configuration; unknown keys are errors."""
    from wikistate.cli import commands  # noqa: PLC0415

    raise typer.Exit(commands.check_configuration(job, tuple(config or ()), tuple(set_ or ())))


@config_app.command("show")
def config_show(
    *,
    job: Annotated[str, typer.Option(help="The job that the configuration is for.")] = "page-content-change",
    config: Config = None,
    set_: Set = None,
) -> None:
    """Print the effective configuration as YAML, with the defaults."""
    from wikistate.cli import commands  # noqa: PLC0415

    raise typer.Exit(commands.show_configuration(job, tuple(config or ()), tuple(set_ or ())))


@config_app.command("schema")
def config_schema() -> None:
    """Print the JSON Schema of the configuration, for editors and charts."""
    from wikistate.cli import commands  # noqa: PLC0415

    raise typer.Exit(commands.print_schema())


@app.command()
def version() -> None:
    """Print the version."""
    print_line(__version__)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command, and turn an error of wikistate into a message and an exit code.

    Args:
        arguments: The command line after the name of the program; None for that of the process.
    """
    with guard_standard_streams():
        try:
            with handle_stop_signals():
                app(arguments)
        except WikistateError as error:
            sys.exit(report_error(error))
        except Exception:  # noqa: BLE001  (a defect: the traceback is shown, without control characters and secrets)
            print_line("wikistate: a defect of wikistate; please report it.", stderr=True)
            print_lines(traceback.format_exc(), stderr=True, indent="  ")
            sys.exit(Exit.INTERNAL)
