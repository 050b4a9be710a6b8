"""A keyed job between its own topics, which is started, stopped, killed and started again."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

from tests.contract.runner.runs import Run, start_job
from tests.support import topics
from tests.support.processes import find_free_port
from tests.support.topics import TopicReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from tests.contract.keyed.jobs import KeyedJobCase
    from tests.contract.keyed.world import Seen, SourceRecord, World
    from tests.contract.runner.runners import RunnerUnderTest
    from tests.support.broker import KafkaBroker

PARTITIONS = 2
"""Partitions of the source. Each stream is written to one partition."""


class KeyedDeployment:
    """A keyed job under a runner.

    Args:
        runner: The runner.
        case: The job.
        world: Its world.
        guarantee: The delivery guarantee.
        broker: The broker of its topics.
        folder: The folder of its log and its state.
        servers: The bootstrap servers for the job; empty for those of the broker.
    """

    def __init__(
        self,
        *,
        runner: RunnerUnderTest,
        case: KeyedJobCase,
        world: World,
        guarantee: str,
        broker: KafkaBroker,
        folder: Path,
        servers: str = "",
    ) -> None:
        self._runner, self._case, self._world, self._guarantee = runner, case, world, guarantee
        self.broker = broker
        self._servers = servers or broker.bootstrap_servers
        self._folder = folder
        self._source = broker.create_topic(f"source.{uuid4().hex}", partitions=PARTITIONS)
        self._prefix = f"{self._source}."
        self._streams = {broker.create_topic(f"{self._prefix}{stream}"): stream for stream in world.streams}
        self._reader = TopicReader(broker, *self._streams)
        self._run: Run | None = None
        self.port = 0

    @property
    def run(self) -> Run:
        """The latest run."""
        assert self._run is not None, "it was not started"
        return self._run

    @property
    def flink_logs(self) -> Path:
        """The folder of Flink's logs; see `HasFlinkLogs`."""
        return self._folder / "state"

    @property
    def topics(self) -> Sequence[str]:
        """The topics that it writes."""
        return list(self._streams)

    @property
    def exactly_once(self) -> bool:
        """Whether nothing may be repeated."""
        return self._guarantee == "EXACTLY_ONCE"

    def start(self, **settings: object) -> None:
        """Start it, or start it again; ``__`` in the name of a setting stands for a dot."""
        self.port = find_free_port()
        chosen: dict[str, object] = {
            "stream_manager.sink.connector": "kafka",
            "stream_manager.sink.options.bootstrap_servers": self._servers,
            "stream_manager.sink.options.kafka_topic_prefix": self._prefix,
            "stream_manager.sink.options.delivery_guarantee": self._guarantee,
            "stream_manager.sink.options.properties": {"transaction.timeout.ms": "60000"},
            "local.checkpoint_interval": 0.2,
            **self._world.settings(),
            **self._runner.settings(self.port),
            "flink.python.fn-execution.bundle.time": 200,
            **{name.replace("__", "."): value for name, value in settings.items()},
        }
        source = f"kafka://{self._servers}/{self._source}?group={self._source}&start=earliest"
        options = ["--source", source, "--state", str(self._folder / "state")]
        self._run = start_job(self._runner, self._case.name, options, chosen, folder=self._folder)

    def stop(self) -> None:
        """Stop it as its supervisor would, which succeeds: on Flink with a savepoint."""
        self.run.terminate()
        assert self.run.wait() == 0

    def kill(self) -> None:
        """Kill it with all its processes."""
        self.run.kill()

    def close(self) -> None:
        """Leave nothing behind."""
        self._reader.__exit__()
        if self._run is not None:
            self._run.ensure_stopped()

    def write(self, records: Iterable[SourceRecord]) -> None:
        """Put records on the source, all of a key on the same partition."""
        topics.produce(self.broker, self._source, list(records))

    def wait_until(self, reached: Callable[[], bool]) -> None:
        """Wait for a condition that must become true while the job runs."""
        self.run.wait_until(reached)

    def read(self) -> list[tuple[str, bytes]]:
        """Return all records so far that the job has written and committed: stream and value, each stream in its order."""
        return [(self._streams[found.topic], found.value or b"") for found in self._reader.poll()]

    def recognise(self) -> list[Seen]:
        """Return the meaning of each record, as `read`; if records may be repeated, each record once."""
        seen = [self._world.recognise(stream, value) for stream, value in self.read()]
        if self.exactly_once:
            return seen
        once: dict[str, Seen] = {}
        for each in seen:
            once.setdefault(each.identity, each)
        return list(once.values())

    def outputs(self) -> Sequence[bytes]:
        """Return the records on the stream of its outputs, with repeats."""
        return [value for stream, value in self.read() if stream == self._world.streams[0]]
