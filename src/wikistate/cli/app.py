"""The command line: ``wikistate run``, ``wikistate replay``, ``wikistate config``, ``wikistate demo``.

Command bodies are imported when they run, so that ``wikistate --help`` and a job's start do not pay for each other.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wikistate import __version__
from wikistate.cli.exits import report_error
from wikistate.cli.runner_name import RunnerName
from wikistate.errors import WikistateError

if TYPE_CHECKING:
    from collections.abc import Sequence

app = typer.Typer(
    name="wikistate",
    help="Event-carried state transfer for MediaWiki: streams that say what a page changed to.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
config_app = typer.Typer(help="Look at configuration without running anything.", no_args_is_help=True)
app.add_typer(config_app, name="config")
flink_app = typer.Typer(help="What Apache Flink needs.", no_args_is_help=True)
app.add_typer(flink_app, name="flink")
store_app = typer.Typer(help="What a triple store holds.", no_args_is_help=True)
app.add_typer(store_app, name="store")

Config = Annotated[
    list[Path] | None,
    typer.Option("--config", "-c", metavar="FILE", help="YAML file; repeat it, later files win key by key."),
]
Set = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="One setting, for example enrich.batch_size=20; repeatable."),
]
SourceUrl = Annotated[
    str,
    typer.Option(
        "--source",
        metavar="URL",
        help="kafka://host:port/topic[?group=…&start=committed|earliest|latest|TIME&end=latest|TIME], file:PATH, or - "
        "for standard input. A new group starts at the latest record; start=earliest reads what is there already. "
        "eventstreams:STREAM[?since=TIME&end=TIME&base=URL] reads a public stream, recentchanges:API_URL"
        "[?since=TIME&end=TIME] a wiki that sends no events; both keep their position in --state.",
    ),
]
SinkUrl = Annotated[
    str,
    typer.Option(
        "--sink",
        metavar="URL",
        help="kafka://host:port/topic, file:PATH[.gz|.zst], parquet:FOLDER, or -, the default, for standard output.",
    ),
]
ErrorSinkUrl = Annotated[
    str,
    typer.Option(
        "--error-sink",
        metavar="URL",
        help="Where error events go, as for --sink; by default beside the sink, for - to standard error.",
    ),
]
Wiki = Annotated[
    list[str] | None,
    typer.Option(
        "--wiki",
        metavar="DOMAIN=API_URL",
        help="A wiki that events may name, beside Wikimedia's own; repeatable.",
    ),
]
Rate = Annotated[
    float | None,
    typer.Option(
        metavar="N",
        help="Requests a second at the most, to each farm of wikis; by default 5 for Wikimedia's, no cap for others.",
    ),
]
State = Annotated[
    str,
    typer.Option(
        metavar="FOLDER",
        help="Where eventstreams and recentchanges keep their position, and rdf-updater its state; by default "
        "~/.local/state/wikistate/JOB_NAME.",
    ),
]
WikibaseUrl = Annotated[
    str,
    typer.Option(
        "--wikibase",
        metavar="URL",
        help="For rdf-sync: address of the wiki that the store follows. It is asked for all that is not set.",
    ),
]
StoreLocation = Annotated[
    str,
    typer.Option(
        "--store",
        metavar="FOLDER|URL",
        help="A triple store: a folder, or the URL of a SPARQL 1.1 Update endpoint. For rdf-consumer, which goes on where "
        "the store says that it is.",
    ),
]
Job = Annotated[
    str,
    typer.Argument(
        metavar="JOB",
        help="What to run: page-content-change, content-history-reconcile, custom, rdf-updater, rdf-consumer or rdf-sync.",
    ),
]


@app.command()
def run(
    job: Job,
    *,
    runner: Annotated[
        RunnerName,
        typer.Option(help="What runs it: local, this one process; flink, Apache Flink (needs the extra `flink`)."),
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
    metrics_port: Annotated[
        int | None, typer.Option(help="Serve Prometheus metrics on this port of loopback; 0 takes a free one.")
    ] = None,
    state: State = "",
    store: StoreLocation = "",
    wikibase: WikibaseUrl = "",
    create_topics: Annotated[bool, typer.Option("--create-topics", help="Make Kafka topics that are missing.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Connect to everything, read and write nothing.")] = False,
    progress: Annotated[
        bool | None, typer.Option("--progress/--no-progress", help="A live line; by default at a terminal.")
    ] = None,
) -> None:
    """Run a job until its source ends or it is told to stop.

    SIGTERM or Ctrl+C finishes what is in flight and commits it; a second one stops at once.
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
    raise typer.Exit(
        run_job(job, flags, RunOptions(runner=runner, create_topics=create_topics, check=check, progress=progress))
    )


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
            help="A job, which does the events again as it is configured; or the stream to put them back on, "
            "kafka://host:port/topic or file:PATH.",
        ),
    ],
    types: Annotated[
        list[str] | None, typer.Option("--type", metavar="TYPE", help="Only errors of this type; repeatable.")
    ] = None,
    since: Annotated[str, typer.Option(metavar="TIME", help="Only what failed then or later.")] = "",
    until: Annotated[str, typer.Option(metavar="TIME", help="Only what failed before.")] = "",
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="At most so many events.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what there is.")] = False,
    group: Annotated[
        str, typer.Option(metavar="GROUP", help="Consumer group that keeps how far the error stream was replayed.")
    ] = "",
    job: Annotated[
        str, typer.Option(help="The job whose errors they are, when --to is a stream.")
    ] = "page-content-change",
    config: Config = None,
    set_: Set = None,
    sink: SinkUrl = "",
    error_sink: ErrorSinkUrl = "",
    wiki: Wiki = None,
    rate: Rate = None,
) -> None:
    """Do again what failed: read error events, show their kinds and counts, put their originals through the job.

    What fails again is on the error stream again, for the next replay; this one ends where the stream ended when it began.
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
    )
    flags = CliSettings(
        source=source,
        sink=sink,
        error_sink=error_sink,
        wikis=tuple(wiki or ()),
        rate=rate,
        assignments=tuple(set_ or ()),
        files=tuple(config or ()),
    )
    raise typer.Exit(run_replay(request, flags))


@app.command()
def rdf_bootstrap(
    lists: Annotated[
        list[Path],
        typer.Argument(
            metavar="FILE...", help="What the store holds: lines ENTITY,REVISION; plain, .bz2, .gz or .zst."
        ),
    ],
    *,
    state: State = "",
    config: Config = None,
    set_: Set = None,
) -> None:
    """Make the state that rdf-updater begins with, for a store that was loaded from a dump."""
    from wikistate.cli.bootstrap import bootstrap  # noqa: PLC0415
    from wikistate.cli.settings import CliSettings  # noqa: PLC0415

    flags = CliSettings(state=state, assignments=tuple(set_ or ()), files=tuple(config or ()))
    raise typer.Exit(bootstrap(lists, flags))


@app.command()
def lag(
    *,
    store: StoreLocation = "",
    most: Annotated[
        float | None, typer.Option("--max", metavar="SECONDS", help="Exit with 6 when the store is further behind.")
    ] = None,
    config: Config = None,
    set_: Set = None,
) -> None:
    """Print by how many seconds a store is behind its stream, for monitoring or a wiki's maxlag hook."""
    from wikistate.cli.lag import print_lag  # noqa: PLC0415
    from wikistate.cli.settings import CliSettings  # noqa: PLC0415

    flags = CliSettings(store=store, assignments=tuple(set_ or ()), files=tuple(config or ()))
    raise typer.Exit(print_lag(flags, most))


@app.command()
def demo(
    *,
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="Where the output goes.")] = Path("out"),
    events: Annotated[int, typer.Option(metavar="N", min=1, help="How many changes the sample has.")] = 3000,
) -> None:
    """See it work: a small wiki, a sample of its changes, page-content-change over both."""
    from wikistate.cli.demo import run_demo  # noqa: PLC0415

    raise typer.Exit(run_demo(out, events))


@config_app.command("check")
def config_check(
    *,
    job: Annotated[str, typer.Option(help="The job that the configuration is for.")] = "page-content-change",
    config: Config = None,
    set_: Set = None,
) -> None:
    """Say whether the configuration is right; unknown keys count as wrong here."""
    from wikistate.cli import configuration  # noqa: PLC0415

    raise typer.Exit(configuration.check(job, tuple(config or ()), tuple(set_ or ())))


@config_app.command("show")
def config_show(
    *,
    job: Annotated[str, typer.Option(help="The job that the configuration is for.")] = "page-content-change",
    config: Config = None,
    set_: Set = None,
) -> None:
    """Print the configuration that would hold, defaults included, as YAML."""
    from wikistate.cli import configuration  # noqa: PLC0415

    raise typer.Exit(configuration.show(job, tuple(config or ()), tuple(set_ or ())))


@config_app.command("schema")
def config_schema() -> None:
    """Print the JSON Schema of the configuration, for editors and charts."""
    from wikistate.cli import configuration  # noqa: PLC0415

    raise typer.Exit(configuration.schema())


@flink_app.command("jars")
def flink_jars() -> None:
    """Fetch the jars that a job on Flink needs beside Flink, and print their paths: the Kafka connector, the bridge."""
    from wikistate.cli.jars import print_jars  # noqa: PLC0415

    raise typer.Exit(print_jars())


@store_app.command("counts")
def store_counts(*, store: StoreLocation = "", config: Config = None, set_: Set = None) -> None:
    """Print how many entities of each type a store holds: a whole kind that is missing shows here."""
    from wikistate.cli.settings import CliSettings  # noqa: PLC0415
    from wikistate.cli.stores import print_counts  # noqa: PLC0415

    flags = CliSettings(store=store, assignments=tuple(set_ or ()), files=tuple(config or ()))
    raise typer.Exit(print_counts(flags))


@store_app.command("sweep")
def store_sweep(*, store: StoreLocation = "", config: Config = None, set_: Set = None) -> None:
    """Take out values, references and sitelinks that no entity uses any more, where store.delete_orphans is off."""
    from wikistate.cli.settings import CliSettings  # noqa: PLC0415
    from wikistate.cli.stores import sweep  # noqa: PLC0415

    flags = CliSettings(store=store, assignments=tuple(set_ or ()), files=tuple(config or ()))
    raise typer.Exit(sweep(flags))


@store_app.command("verify")
def store_verify(
    *,
    store: StoreLocation = "",
    wikibase: WikibaseUrl = "",
    sample: Annotated[int, typer.Option(metavar="N", min=1, help="How many entities to look at.")] = 100,
    entity: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Look at this entity and no sample; repeatable.")
    ] = None,
    repair: Annotated[
        bool, typer.Option("--repair", help="Bring what is wrong to what the wiki has. For a store of rdf-sync's.")
    ] = False,
    config: Config = None,
    set_: Set = None,
) -> None:
    """Compare entities in a store with the wiki, triple for triple, each at the revision that the store holds.

    Half of the sample was edited lately; the rest is from anywhere in the wiki and in the store. Exits with 7 when
    something is wrong that nothing will mend by itself.
    """
    from wikistate.cli.settings import CliSettings  # noqa: PLC0415
    from wikistate.cli.verify import VerifyRequest, verify  # noqa: PLC0415

    flags = CliSettings(store=store, wikibase=wikibase, assignments=tuple(set_ or ()), files=tuple(config or ()))
    raise typer.Exit(verify(flags, VerifyRequest(tuple(entity or ()), sample=sample, repair=repair)))


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main(arguments: Sequence[str] | None = None) -> None:
    """The entry point: runs a command, and turns our errors into a message and an exit code.

    Args:
        arguments: The command line after the program's name; None for the process's own.
    """
    try:
        app(arguments)
    except WikistateError as error:
        sys.exit(report_error(error))
