"""``wikistate run`` for jobs that end in a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.cli.driving import everything_answers, in_loop, run_to_end, status_of
from wikistate.cli.runner import Runner
from wikistate.errors import ConfigError
from wikistate.runners.garbage import TWO_BATCHES
from wikistate.runners.local.launch import absorbing_runner, check_consumption

if TYPE_CHECKING:
    from wikistate.cli.driving import How
    from wikistate.cli.exits import Exit
    from wikistate.config.model import Configuration
    from wikistate.jobs.catalogue import StoreEntry
    from wikistate.telemetry.meter import RecordingMeter


def run_store_job(entry: StoreEntry, configuration: Configuration, meter: RecordingMeter, how: How) -> Exit:
    """Runs a job that ends in a store.

    Raises:
        WikistateError: The job cannot start or cannot go on.
    """
    if how.runner is Runner.FLINK:
        raise ConfigError(
            f"{entry.name} runs in one process, because a store has one writer.", hint="Leave out --runner flink."
        )
    consumption = entry.assemble(configuration, meter)
    if how.create_topics:
        from wikistate.cli.topics import create_missing_topics  # noqa: PLC0415  (its client takes 40 ms to import)

        in_loop(create_missing_topics(consumption.source, consumption.error))
    if how.check:
        in_loop(check_consumption(consumption))
        return everything_answers()
    status = status_of(meter, consumption.source, progress=how.progress)
    return run_to_end(
        lambda: absorbing_runner(consumption, configuration.local, meter),
        status,
        configuration.telemetry,
        meter,
        objects=TWO_BATCHES,
    )
