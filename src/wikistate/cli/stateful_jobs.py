"""``wikistate run`` for jobs that keep state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from wikistate.cli.driving import drive, everything_answers, in_loop, metrics_endpoint, status_of
from wikistate.cli.runner import Runner
from wikistate.errors import ConfigError, RewoundError
from wikistate.runners.local.stateful_launch import check_stateful, stateful_runner

if TYPE_CHECKING:
    from wikistate.cli.driving import How
    from wikistate.cli.exits import Exit
    from wikistate.cli.status import Status
    from wikistate.config.model import Configuration
    from wikistate.jobs.catalogue import StatefulEntry
    from wikistate.jobs.stateful_ends import StatefulAssembled
    from wikistate.telemetry.meter import RecordingMeter

log = structlog.get_logger(__name__)


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
        from wikistate.cli.topics import create_missing_topics  # noqa: PLC0415  (its client takes 40 ms to import)

        in_loop(create_missing_topics(assembled.source, *assembled.written))
    if how.check:
        in_loop(check_stateful(assembled))
        return everything_answers()
    status = status_of(meter, assembled.source, progress=how.progress)
    with metrics_endpoint(configuration.telemetry, meter):
        while (end := _run(assembled, configuration, meter, status)) is None:
            assembled = entry.assemble(configuration, meter)
    status.summary()
    return end


def _run(
    assembled: StatefulAssembled[Any, Any, Any], configuration: Configuration, meter: RecordingMeter, status: Status
) -> Exit | None:
    """One run; None when what it writes into went back, so that everything begins again from there."""
    runner: Any = stateful_runner(assembled, configuration.local, meter, error_limit=configuration.error_limit)
    try:
        return in_loop(drive(runner, status))
    except RewoundError as error:
        log.warning("store_older_than_checkpoint", reason=error.message)
        return None
