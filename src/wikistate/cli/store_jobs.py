"""``wikistate run`` for jobs that end in a store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.cli.execution import make_status, report_check_passed, run_async, run_to_end
from wikistate.cli.runner_name import RunnerName
from wikistate.errors import ConfigError
from wikistate.runners.local.launch import build_runner, check
from wikistate.runners.process_tuning import OBJECTS_IN_TWO_BATCHES

if TYPE_CHECKING:
    from wikistate.cli.execution import RunOptions
    from wikistate.cli.exits import Exit
    from wikistate.config.model import Configuration
    from wikistate.telemetry.meter import RecordingMeter
    from wikistate.wiring.registry import StoreJobSpec


def run_store_job(spec: StoreJobSpec, configuration: Configuration, meter: RecordingMeter, options: RunOptions) -> Exit:
    """Runs a job that ends in a store.

    Raises:
        WikistateError: The job cannot start or cannot go on.
    """
    if options.runner is RunnerName.FLINK:
        raise ConfigError(
            f"{spec.name} runs in one process, because a store has one writer.", hint="Leave out --runner flink."
        )
    consumption = spec.assemble(configuration, meter)
    if options.create_topics:
        from wikistate.cli.topics import create_missing_topics  # noqa: PLC0415  (its client takes 40 ms to import)

        run_async(create_missing_topics(consumption.source, consumption.error))
    if options.check:
        run_async(check(consumption, configuration.local))
        return report_check_passed()
    status = make_status(meter, consumption.source, progress=options.progress)
    return run_to_end(
        lambda: build_runner(
            lambda: spec.assemble(configuration, meter), configuration.local, meter, pipeline=consumption
        ),
        status,
        configuration.telemetry,
        meter,
        objects=OBJECTS_IN_TWO_BATCHES,
    )
