"""``wikistate run`` for jobs that end in a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.cli.driving import everything_answers, in_loop, run_to_end, status_of
from wikistate.cli.runner import Runner
from wikistate.errors import ConfigError
from wikistate.runners.local.launch import absorbing_runner, check_consumption

if TYPE_CHECKING:
    from wikistate.cli.exits import Exit
    from wikistate.config.model import Configuration
    from wikistate.jobs.catalogue import StoreEntry
    from wikistate.telemetry.meter import RecordingMeter


def run_store_job(
    entry: StoreEntry,
    configuration: Configuration,
    meter: RecordingMeter,
    *,
    runner: Runner,
    check: bool,
    progress: bool | None,
) -> Exit:
    """Runs a job that ends in a store.

    Args:
        entry: The job.
        configuration: Its settings.
        meter: Where measurements go.
        runner: What it runs on.
        check: Only connect to everything.
        progress: Show a live line; None for "at a terminal".

    Raises:
        WikistateError: The job cannot start or cannot go on.
    """
    if runner is Runner.FLINK:
        raise ConfigError(
            f"{entry.name} runs in one process, because a store has one writer.", hint="Leave out --runner flink."
        )
    consumption = entry.assemble(configuration, meter)
    if check:
        in_loop(check_consumption(consumption))
        return everything_answers()
    status = status_of(meter, consumption.source, progress=progress)
    return run_to_end(
        lambda: absorbing_runner(consumption, configuration.local, meter), status, configuration.telemetry, meter
    )
