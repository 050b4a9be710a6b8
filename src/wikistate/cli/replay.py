"""``wikistate replay``: what an error stream holds, and doing it again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from wikistate.adapters.connectors.start_stop import Moment, parse_end
from wikistate.cli.execution import run_async, run_until_done
from wikistate.cli.exits import Exit
from wikistate.cli.settings import load_configuration
from wikistate.cli.status import Status
from wikistate.core.events.message_key import MessageKey
from wikistate.core.events.replay import ReplayFilter
from wikistate.errors import ConfigError
from wikistate.ops.replay import ReplaySource, resolve_error_stream, survey_error_stream
from wikistate.ops.requeue import RequeueJob
from wikistate.runners.local.launch import build_runner
from wikistate.telemetry.logs import configure_logs
from wikistate.telemetry.meter import RecordingMeter
from wikistate.wiring.endpoints import ParquetEndpoint
from wikistate.wiring.pipeline import StatelessPipeline
from wikistate.wiring.registry import find_stateless_job
from wikistate.wiring.streams import read_streams

if TYPE_CHECKING:
    from wikistate.cli.settings import CliSettings
    from wikistate.config.model import Configuration
    from wikistate.ops.replay import Survey
    from wikistate.telemetry.meter import Meter
    from wikistate.wiring.registry import JobSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayRequest:
    """What ``wikistate replay`` was asked for.

    Attributes:
        to: The name of a job, or the URL of a stream to put the events back on.
        job: The job whose errors they are, when `to` is a stream.
        types: The error types; empty for all.
        since: RFC 3339, empty for no bound.
        until: RFC 3339, empty for no bound.
        limit: The most events.
        group: The consumer group; empty for the default.
        dry_run: Only look.
    """

    to: str
    job: str
    types: tuple[str, ...] = ()
    since: str = ""
    until: str = ""
    limit: int | None = None
    group: str = ""
    dry_run: bool = False

    def build_filter(self) -> ReplayFilter:
        """Which error events are meant.

        Raises:
            ConfigError: A time is none.
        """
        since, until = _parse_moment(self.since, key="--since"), _parse_moment(self.until, key="--until")
        return ReplayFilter(types=frozenset(self.types), since=since, until=until)


def run_replay(request: ReplayRequest, flags: CliSettings) -> Exit:
    """Shows what there is, and does it again unless only asked to look.

    Args:
        request: What to replay.
        flags: Settings; `flags.source` is the error stream.

    Raises:
        WikistateError: The error stream cannot be read, or the job cannot go on.
    """
    onto_stream = ":" in request.to or "/" in request.to  # a job that is misspelt must not become a file
    entry = find_stateless_job(request.job if onto_stream else request.to)
    configuration = load_configuration(
        entry.name, _settings_for_stream(request, flags) if onto_stream else flags
    ).configuration
    configure_logs(configuration.telemetry, job_name=configuration.stream_manager.job_name)
    meter, choice = RecordingMeter(), request.build_filter()
    pipeline = _assemble_requeue(entry, configuration, meter) if onto_stream else entry.assemble(configuration, meter)
    job, ends = pipeline.job, pipeline.endpoints
    ends = replace(ends, source=resolve_error_stream(ends.source, choice, group=request.group))
    found = run_async(survey_error_stream(ends.source, choice, limit=request.limit))
    _print_survey(found)
    if request.dry_run or not found.selected_count:
        return Exit.OK
    replayed = StatelessPipeline(
        job=job, endpoints=ends, wrap_source=lambda source: ReplaySource(source, choice, found.end_offsets)
    )
    status = Status(meter, total=found.selected_count, live=Console(stderr=True).is_terminal)
    runner = build_runner(lambda: replayed, configuration.local, meter, error_limit=configuration.error_limit)
    end = run_async(run_until_done(runner, status))
    status.summary()
    return end


def _settings_for_stream(request: ReplayRequest, flags: CliSettings) -> CliSettings:
    if flags.sink or flags.error_sink:
        raise ConfigError("--to names a stream, so --sink and --error-sink have no meaning.", key="--sink")
    return replace(flags, sink=request.to)


def _assemble_requeue(spec: JobSpec, configuration: Configuration, meter: Meter) -> StatelessPipeline:
    """A job that puts events back onto their stream. Nothing fails there, so there is no error stream."""
    ends = spec.assemble(configuration, meter).endpoints
    if isinstance(ends.sink, ParquetEndpoint):
        raise ConfigError("--to: a Parquet folder is no stream that a job reads.", key="--to")
    source = read_streams(configuration).source
    return StatelessPipeline(
        job=RequeueJob(MessageKey(source.config.message_key_fields)), endpoints=replace(ends, error=ends.sink)
    )


def _parse_moment(text: str, *, key: str) -> int | None:
    match parse_end(text, key=key):
        case None:
            return None
        case Moment(milliseconds):
            return milliseconds
        case _:
            raise ConfigError(
                f"{key} is {text!r}, which is no time.", hint="For example 2026-01-31T12:00:00Z.", key=key
            )


def _print_survey(found: Survey) -> None:
    console = Console(stderr=True)
    if not found.counts:
        console.print("There is nothing new on the error stream.")
        return
    table = Table(box=None, padding=(0, 2))
    table.add_column("events", justify="right")
    table.add_column("error type")
    table.add_column("")
    for (kind, fate), count in found.counts.most_common():
        table.add_row(f"{count:,}", kind or "-", fate.value)
    console.print(table)
    if not found.selected_count:
        console.print("There is nothing to do again.")
