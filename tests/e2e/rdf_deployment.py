"""rdf-updater and rdf-consumer over Kafka, as processes that a user starts; a test may kill them."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import orjson
from tests.e2e.enrichment_job import TIMEOUT, setting_arguments
from tests.e2e.kafka_topics import produce, read_all
from tests.e2e.rdf_wiki import COMMAND
from tests.support.processes import Process, read_tail

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.e2e.rdf_stores import ConsumedStore
    from tests.support.broker import KafkaBroker

Event = dict[str, Any]

MUTATIONS = "rdf-streaming-updater.mutation.v2"
LAPSED = "rdf-streaming-updater.lapsed-action"
INCONSISTENT = "rdf-streaming-updater.state-inconsistency"
FAILED = "rdf-streaming-updater.fetch-failure"
ERRORS = "rdf-streaming-updater.error"

_CONSUMER = (sys.executable, "-m", "wikistate", "run", "rdf-consumer", "--no-progress")
_POLL_SECONDS = 0.1  # seconds


@dataclass(kw_only=True)
class RdfDeployment:
    """The jobs of one wiki.

    Attributes:
        broker: The broker between the jobs.
        source: Topic of the changes of the wiki; the names of the other topics begin with its name.
        folder: Folder of state and logs.
        updater_arguments: Settings of the updater.
        consumer_arguments: Settings of each consumer.
        processes: All processes that were started.
    """

    broker: KafkaBroker
    source: str
    folder: Path
    updater_arguments: Sequence[str]
    consumer_arguments: Sequence[str]
    processes: list[Process] = field(default_factory=list)

    def __enter__(self) -> Self:
        for stream in (MUTATIONS, LAPSED, INCONSISTENT, FAILED, ERRORS):
            self.broker.create_topic(self._topic(stream))
        return self

    def __exit__(self, *_: object) -> None:
        """Kill the processes that a failed test has left."""
        for process in self.processes:
            process.kill()

    def append_events(self, events: Sequence[Event]) -> None:
        """Append events to the changes of the wiki."""
        produce(self.broker, self.source, [orjson.dumps(event) for event in events])

    def read_events(self, stream: str) -> list[Event]:
        """Return all events of one of the updater's streams."""
        return [orjson.loads(message.value) for message in read_all(self.broker, self._topic(stream))]

    def start_updater(self, *, end: str = "") -> Process:
        """Start the updater at its last position; with `end`, run it to the current end of the topic."""
        sink = setting_arguments(
            stream_manager__sink__connector="kafka",
            stream_manager__sink__options__bootstrap_servers=self.broker.bootstrap_servers,
            stream_manager__sink__options__kafka_topic_prefix=f"{self.source}.",
            local__checkpoint_interval=0.2,
        )
        source = f"{self._url(self.source)}?group={self.source}&start=earliest{end and f'&end={end}'}"
        words = ("--source", source, "--state", str(self.folder / "state"), *sink, *self.updater_arguments)
        return self._start("updater", *COMMAND, *words)

    def start_consumer(self, store: ConsumedStore, *, name: str = "consumer", end: str = "") -> Process:
        """Start a consumer at the position of its store; with `end`, run it to the current end of the topic."""
        source = self._url(self._topic(MUTATIONS)) + (end and f"?end={end}")
        batches = setting_arguments(store__batch_seconds=0.05)
        return self._start(name, *_CONSUMER, "--source", source, *store.arguments, *batches, *self.consumer_arguments)

    async def finish(self, *stores: ConsumedStore, updater_status: int = 0, consumer_status: int = 0) -> None:
        """Run the updater to the end, then a consumer for each store."""
        await wait_for_end(self.start_updater(end="latest"), updater_status)
        for store in stores:
            await wait_for_end(self.start_consumer(store, end="latest"), consumer_status)

    async def wait_until(self, reached: Callable[[], bool], *processes: Process) -> bool:
        """Wait for a condition while these processes live, and return whether it came in time."""
        deadline = time.monotonic() + TIMEOUT / 2
        while not await asyncio.to_thread(reached):
            for process in processes:
                assert process.is_running, read_tail(process.log)
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(_POLL_SECONDS)
        return True

    def _start(self, name: str, *words: str) -> Process:
        self.processes.append(Process(words, log=self.folder / f"{name}.log"))
        return self.processes[-1]

    def _topic(self, stream: str) -> str:
        return f"{self.source}.{stream}"

    def _url(self, topic: str) -> str:
        return f"kafka://{self.broker.bootstrap_servers}/{topic}"


async def wait_for_end(process: Process, status: int) -> None:
    """Return when a process has ended without a signal, with this exit code."""
    deadline = time.monotonic() + TIMEOUT
    while process.is_running:
        assert time.monotonic() < deadline, read_tail(process.log)
        await asyncio.sleep(0.02)
    assert process.kill() == status, read_tail(process.log)  # it has ended: this returns its exit code
