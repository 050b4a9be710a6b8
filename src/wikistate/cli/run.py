"""``wikistate run``: from flags to a running job."""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog

from wikistate.cli.driving import everything_answers, in_loop, run_to_end, status_of
from wikistate.cli.flags import load_configuration
from wikistate.cli.runner import Runner
from wikistate.jobs.catalogue import StatefulEntry, StoreEntry, any_job_named
from wikistate.jobs.wikis import lacks_contact
from wikistate.runners.allocation import share_one_arena
from wikistate.runners.local.launch import check_ends, local_runner
from wikistate.telemetry.logs import configure_logs
from wikistate.telemetry.meter import RecordingMeter

if TYPE_CHECKING:
    from wikistate.cli.driving import How
    from wikistate.cli.exits import Exit
    from wikistate.cli.flags import Flags

log = structlog.get_logger()


def run_job(name: str, flags: Flags, how: How) -> Exit:
    """Runs a job by name, as the command line says.

    Raises:
        WikistateError: The job cannot start or cannot go on.
    """
    entry = any_job_named(name)
    loaded = load_configuration(name, flags)
    configuration = loaded.configuration
    configure_logs(configuration.telemetry, job_name=configuration.stream_manager.job_name)
    for warning in loaded.warnings:
        log.warning("unknown_setting", setting=warning)
    if lacks_contact(configuration):
        log.warning("contact_missing")
    meter = RecordingMeter()
    if isinstance(entry, StatefulEntry):
        from wikistate.cli.stateful_jobs import run_stateful_job  # noqa: PLC0415  (other jobs need no RDF)

        return run_stateful_job(entry, configuration, meter, how)
    if isinstance(entry, StoreEntry):
        from wikistate.cli.store_jobs import run_store_job  # noqa: PLC0415  (other jobs need no RDF)

        return run_store_job(entry, configuration, meter, how)
    job, ends = entry.assemble(configuration, meter)
    if how.create_topics:
        from wikistate.cli.topics import create_missing_topics  # noqa: PLC0415  (its client takes 40 ms to import)

        in_loop(create_missing_topics(ends.source, ends.sink, ends.error))
    if how.check:
        in_loop(check_ends(job, ends, configuration.local))
        return everything_answers()
    if how.runner is Runner.FLINK:
        from wikistate.cli.flink import run_on_flink  # noqa: PLC0415  (an extra, that the local runner does without)

        return run_on_flink(entry, configuration, ends)
    share_one_arena()
    return run_to_end(
        lambda: local_runner(job, ends, configuration.local, meter, error_limit=configuration.error_limit),
        status_of(meter, ends.source, progress=how.progress),
        configuration.telemetry,
        meter,
    )
