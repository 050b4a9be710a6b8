"""``wikistate run``: from flags to a running job."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from wikistate.cli.execution import make_status, report_check_passed, run_async, run_to_end
from wikistate.cli.runner_name import RunnerName
from wikistate.cli.settings import load_configuration
from wikistate.runners.local.launch import build_runner, check
from wikistate.runners.process_tuning import limit_malloc_arenas
from wikistate.telemetry.logs import configure_logs
from wikistate.telemetry.meter import RecordingMeter
from wikistate.wiring.registry import KeyedJobSpec, StoreJobSpec, find_job
from wikistate.wiring.wikis import lacks_contact

if TYPE_CHECKING:
    from wikistate.cli.execution import RunOptions
    from wikistate.cli.exits import Exit
    from wikistate.cli.settings import CliSettings

log = structlog.get_logger()


def run_job(name: str, flags: CliSettings, options: RunOptions) -> Exit:
    """Runs a job by name, as the command line says.

    Raises:
        WikistateError: The job cannot start or cannot go on.
    """
    entry = find_job(name)
    loaded = load_configuration(name, flags)
    configuration = loaded.configuration
    configure_logs(configuration.telemetry, job_name=configuration.stream_manager.job_name)
    for warning in loaded.warnings:
        log.warning("unknown_setting", setting=warning)
    if lacks_contact(configuration):
        log.warning("contact_missing")
    meter = RecordingMeter()
    if isinstance(entry, KeyedJobSpec):
        from wikistate.cli.keyed_jobs import run_keyed_job  # noqa: PLC0415  (other jobs need no RDF)

        return run_keyed_job(entry, configuration, meter, options)
    if isinstance(entry, StoreJobSpec):
        from wikistate.cli.store_jobs import run_store_job  # noqa: PLC0415  (other jobs need no RDF)

        return run_store_job(entry, configuration, meter, options)
    pipeline = entry.assemble(configuration, meter)
    ends = pipeline.endpoints
    if options.create_topics:
        from wikistate.cli.topics import create_missing_topics  # noqa: PLC0415  (its client takes 40 ms to import)

        run_async(create_missing_topics(ends.source, ends.sink, ends.error))
    if options.check:
        run_async(check(pipeline, configuration.local))
        return report_check_passed()
    if options.runner is RunnerName.FLINK:
        from wikistate.cli.flink import run_on_flink  # noqa: PLC0415  (an extra, that the local runner does without)

        return run_on_flink(entry, configuration, ends)
    limit_malloc_arenas()
    return run_to_end(
        lambda: build_runner(
            lambda: entry.assemble(configuration, meter),
            configuration.local,
            meter,
            error_limit=configuration.error_limit,
            pipeline=pipeline,
        ),
        make_status(meter, ends.source, progress=options.progress),
        configuration.telemetry,
        meter,
    )
