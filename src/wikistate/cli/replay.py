"""``wikistate replay``: show the failed events of an error stream, and process them again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from wikistate.adapters.connectors.start_stop import Moment, parse_end
from wikistate.cli.execution import create_topics, run_async, run_locally
from wikistate.cli.exits import Exit
from wikistate.cli.outputs import announce_outputs
from wikistate.cli.settings import load_configuration
from wikistate.cli.terminal import Terminal
from wikistate.core.events.replay import ReplayFilter
from wikistate.errors import ConfigError
from wikistate.ops.replay import survey_error_stream
from wikistate.ops.replay_plan import assemble_replay, is_stream
from wikistate.telemetry.logs import configure_logs
from wikistate.telemetry.meter import RecordingMeter
from wikistate.wiring.endpoints import STANDARD_STREAM
from wikistate.wiring.registry import find_job, require_stateless

if TYPE_CHECKING:
    from wikistate.cli.settings import CliSettings
    from wikistate.config.model import StreamManager
    from wikistate.ops.replay import Survey


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayRequest:
    """The arguments of ``wikistate replay``.

    Attributes:
        to: The name of a job, or the URL of a stream that the events are put back on.
        job: The job that the errors belong to, if `to` is a stream.
        types: The error types; empty for all.
        since: RFC 3339, empty for no bound.
        until: RFC 3339, empty for no bound.
        limit: The most events.
        group: The consumer group; empty for the default.
        dry_run: Whether to only show the events.
        create_topics: Whether to create missing Kafka topics first.
    """

    to: str
    job: str
    types: tuple[str, ...] = ()
    since: str = ""
    until: str = ""
    limit: int | None = None
    group: str = ""
    dry_run: bool = False
    create_topics: bool = False

    def build_filter(self) -> ReplayFilter:
        """Return the filter of error events.

        Raises:
            ConfigError: A bound is not a valid time.
        """
        since, until = _parse_time(self.since, key="--since"), _parse_time(self.until, key="--until")
        return ReplayFilter(types=frozenset(self.types), since=since, until=until)


def run_replay(request: ReplayRequest, flags: CliSettings) -> Exit:
    """Show the failed events, and process them again unless the request is a dry run.

    Args:
        request: The selection of events, and their target.
        flags: Settings; `flags.source` is the error stream.

    Raises:
        WikistateError: The error stream cannot be read, or the job cannot continue.
    """
    onto_stream = is_stream(request.to)
    spec = find_job(request.job if onto_stream else request.to)
    require_stateless(spec)
    flags = _redirect_sink(request, flags) if onto_stream else flags
    configuration = load_configuration(spec.name, flags).configuration
    configure_logs(configuration.telemetry, job_name=configuration.stream_manager.job_name)
    meter, replay_filter = RecordingMeter(), request.build_filter()
    plan = assemble_replay(spec, configuration, meter, replay_filter, group=request.group, onto_stream=onto_stream)
    if not (request.dry_run or onto_stream):
        _require_sinks(configuration.stream_manager)
    found = run_async(survey_error_stream(plan.source, replay_filter, limit=request.limit))
    _print_survey(found)
    if request.dry_run or not found.selected_count:
        return Exit.OK
    pipeline = plan.build(found)
    if request.create_topics:
        create_topics(pipeline)
    announce_outputs(pipeline)
    return run_locally(pipeline, configuration, meter, rebuild=lambda: plan.build(found), total=found.selected_count)


def _redirect_sink(request: ReplayRequest, flags: CliSettings) -> CliSettings:
    if flags.sink or flags.error_sink:
        raise ConfigError("--to names a stream, so --sink and --error-sink have no effect.", key="--sink")
    return replace(flags, sink=request.to)


def _require_sinks(manager: StreamManager) -> None:
    """Refuse outputs of a replay that only a terminal would show: the position in the error stream moves past them.

    Standard output and standard error are sinks of a replay only if they are named.

    Raises:
        ConfigError: No setting names a sink, or the error events would go to standard error.
    """
    sink, errors = manager.sink, manager.error_sink
    if sink.connector in (None, "file") and not sink.options.path:
        raise ConfigError(
            "A replay needs a sink: its events are marked as replayed, and would only be printed.",
            hint="Add the --sink or --config of the job, for example --sink file:enriched.ndjson; --sink - prints the events; "
            "--dry-run counts them and marks none.",
            key="--sink",
        )
    names_errors = errors.connector not in (None, "file") or errors.options.path
    if sink.options.path == STANDARD_STREAM and not names_errors:
        raise ConfigError(
            "With --sink -, events that fail again would go to standard error, and no later replay could read them.",
            hint="Add --error-sink, for example --error-sink file:failed.ndjson.",
            key="--error-sink",
        )


def _parse_time(text: str, *, key: str) -> int | None:
    match parse_end(text, key=key):
        case None:
            return None
        case Moment(milliseconds):
            return milliseconds
        case _:
            raise ConfigError(
                f"{key} is {text!r}, which is not a valid time.", hint="For example 2026-01-31T12:00:00Z.", key=key
            )


def _print_survey(found: Survey) -> None:
    terminal = Terminal(stderr=True)
    if not found.counts:
        terminal.print_line("There is nothing new on the error stream.")
        return
    rows = [(f"{count:,}", kind or "-", status.value) for (kind, status), count in found.counts.most_common()]
    terminal.print_table(rows, header=("events", "error type", ""))
    if not found.selected_count:
        terminal.print_line("There is no event to replay.")
