"""``wikistate run``: one path from the command line to a finished run, for every kind of job."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from wikistate.cli.execution import create_topics, print_check_passed, run_async, run_locally
from wikistate.cli.outputs import announce_outputs, clear_outputs
from wikistate.cli.runner_name import RunnerName
from wikistate.cli.settings import load_configuration
from wikistate.cli.stopping import stop_is_success
from wikistate.errors import ConfigError
from wikistate.runners.local.launch import check
from wikistate.telemetry.logs import configure_logs
from wikistate.telemetry.meter import RecordingMeter
from wikistate.wiring.pipeline import StorePipeline
from wikistate.wiring.registry import find_job

if TYPE_CHECKING:
    from wikistate.cli.execution import RunOptions
    from wikistate.cli.exits import Exit
    from wikistate.cli.settings import CliSettings
    from wikistate.config.model import Configuration
    from wikistate.wiring.registry import JobSpec

log = structlog.get_logger()


def run_job(name: str, flags: CliSettings, options: RunOptions) -> Exit:
    """Run a job by its name.

    Raises:
        WikistateError: The job cannot start or cannot continue.
    """
    if options.check:  # a check that was stopped has not passed
        return _run_job(name, flags, options)
    with stop_is_success():
        return _run_job(name, flags, options)


def _run_job(name: str, flags: CliSettings, options: RunOptions) -> Exit:
    spec = find_job(name)
    configuration = _load(spec, flags)
    if options.runner is RunnerName.FLINK:
        _require_flink_support(spec)
    meter = RecordingMeter()
    pipeline = spec.assemble(configuration, meter)
    if options.create_topics:
        create_topics(pipeline)
    if options.check:
        run_async(check(pipeline, configuration.local))
        return print_check_passed()
    if options.overwrite:
        _require_local(options)
        clear_outputs(pipeline)
    announce_outputs(pipeline)
    if options.runner is RunnerName.FLINK and not isinstance(pipeline, StorePipeline):
        from wikistate.cli.flink import run_on_flink  # noqa: PLC0415  (an extra that the local runner does not need)

        return run_on_flink(spec, configuration, pipeline)
    return run_locally(
        pipeline,
        configuration,
        meter,
        rebuild=lambda: spec.assemble(configuration, meter),
        progress=options.progress,
    )


def _load(spec: JobSpec, flags: CliSettings) -> Configuration:
    loaded = load_configuration(spec.name, flags)
    configuration = loaded.configuration
    configure_logs(configuration.telemetry, job_name=configuration.stream_manager.job_name)
    for warning in loaded.warnings:
        log.warning("unknown_setting", setting=warning)
    return configuration


def _require_local(options: RunOptions) -> None:
    if options.runner is RunnerName.FLINK:
        raise ConfigError(
            "--overwrite is for the local runner: on Flink a run resumes from its newest checkpoint.",
            hint="Leave out --overwrite, or write to a new file.",
            key="--overwrite",
        )


def _require_flink_support(spec: JobSpec) -> None:
    if not spec.writes_store:
        return
    raise ConfigError(
        f"{spec.name} is the only writer of its store, so it runs in one process.", hint="Leave out --runner flink."
    )
