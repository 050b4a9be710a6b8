"""From a job and its settings to a running Flink job: on an embedded cluster, or on a given one."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pyflink
import structlog
from pyflink.common import Configuration as FlinkConfiguration
from pyflink.datastream import StreamExecutionEnvironment
from pyflink.util.java_utils import get_j_env_configuration

from wikistate.runners.flink.cluster import RunningJob, free_port, prepare_process
from wikistate.runners.flink.graph import build_graph
from wikistate.runners.flink.kerberos import log_in
from wikistate.runners.flink.keyed.graph import build_keyed_graph
from wikistate.runners.flink.options import build_cluster_options, build_flink_options
from wikistate.runners.flink.shutdown import install_signal_counter, wait_for_job
from wikistate.runners.flink.snapshots import add_snapshot_options, state_folder
from wikistate.wiring.pipeline import KeyedPipeline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wikistate.config.model import Configuration, Telemetry
    from wikistate.wiring.pipeline import FlinkPipeline
    from wikistate.wiring.registry import JobSpec

log = structlog.get_logger(__name__)

_EMBEDDED_DEFAULTS = {
    "execution.target": "local",
    "python.executable": sys.executable,
    "python.client.executable": sys.executable,
    # The limits of a wiki hold in each subtask: only the operator may set more of them.
    "parallelism.default": "1",
    # A permanent failure must end the process, so that its supervisor can react.
    "restart-strategy.type": "exponential-delay",
    "restart-strategy.exponential-delay.initial-backoff": "1 s",
    "restart-strategy.exponential-delay.max-backoff": "30 s",
    "restart-strategy.exponential-delay.attempts-before-reset-backoff": "10",
}
"""Options of an embedded cluster; a given cluster has its own."""


def has_given_cluster() -> bool:
    """Return whether ``flink run`` has started this process and chosen the cluster."""
    return "PYFLINK_GATEWAY_PORT" in os.environ


def submit(spec: JobSpec, configuration: Configuration, pipeline: FlinkPipeline, jars: Sequence[Path]) -> None:
    """Submit a job to the cluster that ``flink run`` has chosen, and return as soon as ``flink run`` would.

    Raises:
        ConfigError: Flink does not support the settings.
    """
    options = build_cluster_options(configuration.flink, pipeline.guarantee, already_set=configured_options().keys())
    _build_environment(spec, configuration, pipeline, options, jars).execute(configuration.stream_manager.job_name)


def configured_options() -> dict[str, str]:
    """Return the options that the cluster and ``flink run -D`` have set."""
    env = StreamExecutionEnvironment.get_execution_environment()
    found = FlinkConfiguration(j_configuration=get_j_env_configuration(env._j_stream_execution_environment))
    options: dict[str, str] = found.to_dict()
    return options


def run_embedded(
    spec: JobSpec, configuration: Configuration, pipeline: FlinkPipeline, *, jars: Sequence[Path], java_home: Path
) -> bool:
    """Run a job on an embedded cluster until its source ends or a stop is requested.

    The first SIGTERM or SIGINT stops with a savepoint, from which the next run resumes; the second one stops at once.

    Args:
        spec: The job.
        configuration: Its settings.
        pipeline: Its pipeline: its endpoints and bounds; the workers build the job again.
        jars: The Kafka connector and the bridge.
        java_home: The Java to run on.

    Returns:
        Whether the job has ended in order.

    Raises:
        ConfigError: Flink does not support the settings, or they ask for Kerberos and Java has none.
        EngineError: The job failed.
    """
    name = configuration.stream_manager.job_name
    folder = state_folder(name, pipeline.source)
    prepare_process(Path(pyflink.__file__).parent, java_home, folder)
    options = (
        _EMBEDDED_DEFAULTS
        | _metrics_options(configuration.telemetry)
        | build_flink_options(configuration.flink, pipeline.guarantee)
    )
    options = {"rest.port": str(free_port())} | options
    options = add_snapshot_options(options, folder)
    rest = f"http://127.0.0.1:{options['rest.port']}"
    stops = install_signal_counter()
    log_in(options, pipeline)
    client = _build_environment(spec, configuration, pipeline, options, jars).execute_async(name)
    log.info("flink_job_started", web=rest, resumed_from=options.get("execution.state-recovery.path", ""))
    return wait_for_job(RunningJob(client, rest), stops)


def _build_environment(
    spec: JobSpec, configuration: Configuration, pipeline: FlinkPipeline, options: dict[str, str], jars: Sequence[Path]
) -> StreamExecutionEnvironment:
    settings = FlinkConfiguration()
    for key, value in options.items():
        settings.set_string(key, value)
    env = StreamExecutionEnvironment.get_execution_environment(settings)
    env.add_jars(*(jar.as_uri() for jar in jars))
    if isinstance(pipeline, KeyedPipeline):
        build_keyed_graph(env, spec, configuration, pipeline)
    else:
        build_graph(env, spec, configuration, pipeline.endpoints)
    return env


def _metrics_options(telemetry: Telemetry) -> dict[str, str]:
    if telemetry.metrics_port is None:
        return {}
    reporter = "metrics.reporter.prometheus"
    port = telemetry.metrics_port or free_port()
    log.info("flink_metrics_served", url=f"http://{telemetry.metrics_host}:{port}/metrics")
    return {
        "metrics.reporters": "prometheus",
        f"{reporter}.factory.class": "org.apache.flink.metrics.prometheus.PrometheusReporterFactory",
        f"{reporter}.host": telemetry.metrics_host,
        f"{reporter}.port": str(port),
        # It would write the bounds of buckets as 0_5 and _Inf, which are not numbers.
        f"{reporter}.filterLabelValueCharacters": "false",
    }
