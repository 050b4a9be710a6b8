"""``wikistate run`` for jobs that keep state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from wikistate.cli.run import drive, everything_answers, in_loop, metrics_endpoint, status_of
from wikistate.cli.runner import Runner
from wikistate.errors import ConfigError
from wikistate.runners.local.stateful_launch import check_stateful, stateful_runner

if TYPE_CHECKING:
    from wikistate.cli.exits import Exit
    from wikistate.config.model import Configuration
    from wikistate.jobs.catalogue import StatefulEntry
    from wikistate.telemetry.meter import RecordingMeter


class How(NamedTuple):
    """What the command line says of a run; see `wikistate.cli.run.run_job`."""

    runner: Runner
    create_topics: bool
    check: bool
    progress: bool | None


def run_stateful_job(entry: StatefulEntry, configuration: Configuration, meter: RecordingMeter, how: How) -> Exit:
    """Runs a job that keeps state.

    Raises:
        WikistateError: The job cannot start or cannot go on.
    """
    if how.runner is Runner.FLINK:
        raise ConfigError(
            f"{entry.name} runs in one process, with its state in a file beside it.", hint="Leave out --runner flink."
        )
    assembled = entry.assemble(configuration, meter)
    if how.create_topics:
        from wikistate.cli.topics import create_topics_of  # noqa: PLC0415  (its client takes 40 ms to import)

        in_loop(create_topics_of(assembled.source, assembled.written))
    if how.check:
        in_loop(check_stateful(assembled))
        return everything_answers()
    status = status_of(meter, assembled.source, progress=how.progress)
    with metrics_endpoint(configuration.telemetry, meter):
        runner: Any = stateful_runner(assembled, configuration.local, meter, error_limit=configuration.error_limit)
        end = in_loop(drive(runner, status))
    status.summary()
    return end
