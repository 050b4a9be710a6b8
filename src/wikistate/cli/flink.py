"""``--runner flink``: from a configuration to a job on Flink, or to a savepoint with its initial state."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from wikistate.cli.exits import Exit
from wikistate.cli.output import print_line
from wikistate.cli.settings import load_configuration
from wikistate.errors import ConfigError
from wikistate.jobs import rdf_updater
from wikistate.ops.bootstrap import sort_revisions
from wikistate.ops.jars import fetch_flink_jars
from wikistate.ops.java import find_java_home
from wikistate.telemetry.logs import configure_logs
from wikistate.telemetry.meter import RecordingMeter
from wikistate.wiring.registry import assemble_keyed, find_job

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from wikistate.cli.settings import CliSettings
    from wikistate.config.model import Configuration
    from wikistate.wiring.pipeline import FlinkPipeline
    from wikistate.wiring.registry import JobSpec


def run_on_flink(spec: JobSpec, configuration: Configuration, pipeline: FlinkPipeline) -> Exit:
    """Run a job on Flink.

    Raises:
        WikistateError: The job cannot start or cannot continue.
    """
    with _explain_missing_flink():
        from wikistate.runners.flink.launch import has_given_cluster, run_embedded, submit  # noqa: PLC0415
    jars = fetch_flink_jars()
    if has_given_cluster():
        submit(spec, configuration, pipeline, jars)
        return Exit.OK
    ended_well = run_embedded(spec, configuration, pipeline, jars=jars, java_home=find_java_home())
    return Exit.OK if ended_well else Exit.STOPPED_AT_ONCE


def bootstrap_on_flink(lists: Sequence[Path], flags: CliSettings) -> Exit:
    """Create a savepoint with the initial state of rdf-updater, and print its address alone on standard output.

    Args:
        lists: Files with lines ``ENTITY,REVISION``.
        flags: Settings of the job.

    Raises:
        WikistateError: A list is not valid, the job has a snapshot already, or Flink fails.
    """
    spec = find_job(rdf_updater.NAME)
    configuration = load_configuration(spec.name, flags).configuration
    configure_logs(configuration.telemetry, job_name=configuration.stream_manager.job_name)
    with _explain_missing_flink():
        from wikistate.runners.flink.bootstrap import bootstrap_embedded, bootstrap_on_cluster  # noqa: PLC0415
        from wikistate.runners.flink.launch import has_given_cluster  # noqa: PLC0415
    source = assemble_keyed(spec, configuration, RecordingMeter()).source
    jars, numbers = fetch_flink_jars(), sort_revisions(lists)
    if has_given_cluster():
        savepoint, entities = bootstrap_on_cluster(configuration, numbers, jars=jars)
    else:
        savepoint, entities = bootstrap_embedded(configuration, source, numbers, jars=jars, java_home=find_java_home())
    print_line(f"The savepoint holds {entities:,} entities.", stderr=True)
    print_line(savepoint)
    return Exit.OK


@contextmanager
def _explain_missing_flink() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise ConfigError(
            "The Flink runner needs Apache Flink, which is not installed here.",
            hint="Install it into an environment of its own: pip install 'wikistate[flink]' (Python 3.11 or 3.12).",
        ) from error
