"""``wikistate run --runner flink``: from a configuration to a job on Flink."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.cli.exits import Exit
from wikistate.errors import ConfigError
from wikistate.ops.jars import fetch_flink_jars
from wikistate.ops.java import find_java_home

if TYPE_CHECKING:
    from wikistate.config.model import Configuration
    from wikistate.wiring.pipeline import FlinkPipeline
    from wikistate.wiring.registry import JobSpec


def run_on_flink(spec: JobSpec, configuration: Configuration, pipeline: FlinkPipeline) -> Exit:
    """Run a job on Flink.

    Raises:
        WikistateError: The job cannot start or cannot continue.
    """
    try:
        from wikistate.runners.flink.launch import has_given_cluster, run_embedded, submit  # noqa: PLC0415
    except ImportError as error:
        raise ConfigError(
            "The Flink runner needs Apache Flink, which is not installed here.",
            hint="Install it into an environment of its own: pip install 'wikistate[flink]' (Python 3.11 or 3.12).",
        ) from error
    jars = fetch_flink_jars()
    if has_given_cluster():
        submit(spec, configuration, pipeline, jars)
        return Exit.OK
    ended_well = run_embedded(spec, configuration, pipeline, jars=jars, java_home=find_java_home())
    return Exit.OK if ended_well else Exit.STOPPED_AT_ONCE
