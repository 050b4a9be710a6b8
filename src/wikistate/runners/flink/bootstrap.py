"""The bootstrap of a keyed job on Flink: a job loads the initial state, and a savepoint of it is the result.

The job of the savepoint has one operator with state, with the uid and the state of `DecideFunction`. So the keyed job starts
from the savepoint as from one of its own, at the positions in its source that its settings name.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pyflink
import structlog
from pyflink.common import Configuration as FlinkConfiguration
from pyflink.datastream import KeyedProcessFunction, SourceFunction, StreamExecutionEnvironment
from pyflink.java_gateway import get_gateway

from wikistate.errors import ConfigError
from wikistate.runners.flink.cluster import free_port, prepare_process
from wikistate.runners.flink.connectors import bridge
from wikistate.runners.flink.keyed.bootstrap_options import SAVEPOINTS, build_bootstrap_options, place_savepoint
from wikistate.runners.flink.keyed.bucket_file import write_bucket_file
from wikistate.runners.flink.keyed.graph import element_type, key_by_bucket
from wikistate.runners.flink.keyed.loading_job import COUNTER, LoadingJob
from wikistate.runners.flink.keyed.operators import bucket_state
from wikistate.runners.flink.launch import configured_options
from wikistate.runners.flink.snapshots import state_folder

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pyflink.datastream import RuntimeContext

    from wikistate.config.model import Configuration
    from wikistate.runners.flink.keyed.bucket_file import BucketFile
    from wikistate.wiring.endpoints import SourceEndpoint

log = structlog.get_logger(__name__)

_EMBEDDED_DEFAULTS = {
    "execution.target": "local",
    "python.executable": sys.executable,
    "python.client.executable": sys.executable,
    "parallelism.default": "1",
    # The keys of a large wiki do not fit into the heap. A savepoint is the same for all of them.
    "state.backend.type": "rocksdb",
    # The number of loaded buckets travels with it.
    "heartbeat.interval": "1 s",
}


class LoadFunction(KeyedProcessFunction):  # type: ignore[misc]  # pyflink ships no types
    """Operator that stores buckets. Its key and its state are those of `DecideFunction`."""

    def open(self, runtime_context: RuntimeContext) -> None:
        """Get the state."""
        self._state = runtime_context.get_state(bucket_state())

    def process_element(self, value: tuple[int, bytes], ctx: KeyedProcessFunction.Context) -> Iterator[Any]:
        """Store a bucket, and yield nothing."""
        self._state.update(value[1])
        yield from ()


def bootstrap_embedded(
    configuration: Configuration,
    source: SourceEndpoint,
    numbers: Iterable[tuple[int, int]],
    *,
    jars: Sequence[Path],
    java_home: Path,
) -> tuple[str, int]:
    """Load an initial state on an embedded cluster, for the next run of the job with the same source.

    Args:
        configuration: The settings of the job.
        source: The source of the job.
        numbers: Each key once with its number, in ascending order of the keys.
        jars: The jars of a job on Flink.
        java_home: The Java to run on.

    Returns:
        The address of the savepoint, and the number of keys in it.

    Raises:
        StateError: The job has a snapshot already, or a file cannot be written.
        EngineError: Flink has failed.
    """
    folder = state_folder(configuration.stream_manager.job_name, source)
    options = _EMBEDDED_DEFAULTS | build_bootstrap_options(configuration.flink)
    options = {"rest.port": str(free_port())} | place_savepoint(options, folder)
    prepare_process(Path(pyflink.__file__).parent, java_home, folder)
    return _bootstrap(configuration, numbers, options=options, jars=jars, scratch=folder / "tmp")


def bootstrap_on_cluster(
    configuration: Configuration, numbers: Iterable[tuple[int, int]], *, jars: Sequence[Path]
) -> tuple[str, int]:
    """Load an initial state on the cluster that ``flink run`` has chosen.

    See `bootstrap_embedded`, but no run of the job finds the savepoint.

    Raises:
        ConfigError: No folder for savepoints is set.
        StateError: A file cannot be written.
        EngineError: Flink has failed.
    """
    known = configured_options()
    options = build_bootstrap_options(configuration.flink, already_set=known.keys())
    if not (options.get(SAVEPOINTS) or known.get(SAVEPOINTS)):
        raise ConfigError(
            f"{SAVEPOINTS} is not set, so there is no place for the savepoint.",
            hint=f"Set flink.{SAVEPOINTS} to a folder that all machines of the cluster can write.",
            key=f"flink.{SAVEPOINTS}",
        )
    return _bootstrap(configuration, numbers, options={SAVEPOINTS: known.get(SAVEPOINTS, ""), **options}, jars=jars)


def _bootstrap(
    configuration: Configuration,
    numbers: Iterable[tuple[int, int]],
    *,
    options: dict[str, str],
    jars: Sequence[Path],
    scratch: Path | None = None,
) -> tuple[str, int]:
    with TemporaryDirectory(prefix="wikistate-bootstrap-", dir=scratch) as folder:
        file = write_bucket_file(numbers, Path(folder) / "buckets")
        log.info("flink_bootstrap_prepared", entities=file.keys, buckets=file.buckets)
        settings = FlinkConfiguration()
        for key, value in options.items():
            settings.set_string(key, value)
        env = StreamExecutionEnvironment.get_execution_environment(settings)
        env.add_jars(*(jar.as_uri() for jar in jars))
        build_bootstrap_graph(env, file)
        client = env.execute_async(f"{configuration.stream_manager.job_name}-bootstrap")
        with LoadingJob(client, canonical=_canonical_format()) as job:
            job.wait_until_loaded(file.buckets)
            return job.take_savepoint(options[SAVEPOINTS]), file.keys


def build_bootstrap_graph(env: StreamExecutionEnvironment, file: BucketFile) -> None:
    """Add the job that loads a file to an environment."""
    env.register_cached_file(str(file.path), COUNTER)
    source = SourceFunction(bridge().BucketSource(COUNTER, COUNTER, file.buckets))
    read = env.add_source(source, "Read buckets", element_type()).uid("bootstrap-read").set_parallelism(1)
    key_by_bucket(read).process(LoadFunction(), element_type()).name("Load").uid("decide")


def _canonical_format() -> Any:
    return get_gateway().jvm.org.apache.flink.core.execution.SavepointFormatType.CANONICAL
