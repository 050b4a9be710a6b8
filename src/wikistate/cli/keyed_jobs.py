"""``wikistate run`` for jobs that keep state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.cli.execution import make_status, report_check_passed, run_async, run_to_end
from wikistate.cli.runner_name import RunnerName
from wikistate.errors import ConfigError
from wikistate.runners.local.launch import build_runner, check

if TYPE_CHECKING:
    from wikistate.cli.execution import RunOptions
    from wikistate.cli.exits import Exit
    from wikistate.config.model import Configuration
    from wikistate.telemetry.meter import RecordingMeter
    from wikistate.wiring.registry import KeyedJobSpec


def run_keyed_job(spec: KeyedJobSpec, configuration: Configuration, meter: RecordingMeter, options: RunOptions) -> Exit:
    """Runs a job that keeps state.

    Raises:
        WikistateError: The job cannot start or cannot go on.
    """
    if options.runner is RunnerName.FLINK:
        raise ConfigError(
            f"{spec.name} runs in one process, with its state in a file beside it.", hint="Leave out --runner flink."
        )
    assembled = spec.assemble(configuration, meter)
    if options.create_topics:
        from wikistate.cli.topics import create_missing_topics  # noqa: PLC0415  (its client takes 40 ms to import)

        run_async(create_missing_topics(assembled.source, *assembled.sinks))
    if options.check:
        run_async(check(assembled, configuration.local))
        return report_check_passed()
    return run_to_end(
        lambda: build_runner(
            lambda: spec.assemble(configuration, meter),
            configuration.local,
            meter,
            error_limit=configuration.error_limit,
            pipeline=assembled,
        ),
        make_status(meter, assembled.source, progress=options.progress),
        configuration.telemetry,
        meter,
    )
