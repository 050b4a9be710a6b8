"""``wikistate run`` for jobs that keep state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog

from wikistate.cli.execution import make_status, report_check_passed, run_async, run_until_done, serve_metrics
from wikistate.cli.runner_name import RunnerName
from wikistate.errors import ConfigError, RewoundError
from wikistate.runners.local.keyed_launch import build_keyed_runner, check_keyed_pipeline

if TYPE_CHECKING:
    from wikistate.cli.execution import RunOptions
    from wikistate.cli.exits import Exit
    from wikistate.cli.status import Status
    from wikistate.config.model import Configuration
    from wikistate.telemetry.meter import RecordingMeter
    from wikistate.wiring.pipeline import KeyedPipeline
    from wikistate.wiring.registry import KeyedJobSpec

log = structlog.get_logger(__name__)


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
        run_async(check_keyed_pipeline(assembled))
        return report_check_passed()
    status = make_status(meter, assembled.source, progress=options.progress)
    with serve_metrics(configuration.telemetry, meter):
        while (end := _run_once(assembled, configuration, meter, status)) is None:
            assembled = spec.assemble(configuration, meter)
    status.summary()
    return end


def _run_once(
    pipeline: KeyedPipeline[Any, Any, Any], configuration: Configuration, meter: RecordingMeter, status: Status
) -> Exit | None:
    """One run; None when what it writes into went back, so that everything begins again from there."""
    runner: Any = build_keyed_runner(pipeline, configuration.local, meter, error_limit=configuration.error_limit)
    try:
        return run_async(run_until_done(runner, status))
    except RewoundError as error:
        log.warning("store_older_than_checkpoint", reason=error.message)
        return None
