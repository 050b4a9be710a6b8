"""rdf-updater and rdf-consumer over Kafka, as processes that their users start, and kill."""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

import orjson
from tests.e2e.kafka_topics import drain, fill
from tests.e2e.rdf_wiki import COMMAND
from tests.e2e.support import PATIENCE, settings

from wikistate.testing.processes import Process, tail

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.e2e.rdf_stores import FollowingStore

    from wikistate.testing.broker import KafkaBroker

Event = dict[str, Any]

MUTATIONS = "rdf-streaming-updater.mutation.v2"
LAPSED = "rdf-streaming-updater.lapsed-action"
INCONSISTENT = "rdf-streaming-updater.state-inconsistency"
FAILED = "rdf-streaming-updater.fetch-failure"
ERRORS = "rdf-streaming-updater.error"

_CONSUMER = (sys.executable, "-m", "wikistate", "run", "rdf-consumer", "--no-progress")
_LOOK_AGAIN = 0.1  # seconds


@dataclass(kw_only=True)
class Deployment:
    """One wiki's jobs.

    Attributes:
        broker: Between them.
        source: The topic of what happens on the wiki; the others begin with its name.
        folder: State and logs.
        updating: Settings of the updater.
        consuming: Settings of each consumer.
        processes: All that were started.
    """

    broker: KafkaBroker
    source: str
    folder: Path
    updating: Sequence[str]
    consuming: Sequence[str]
    processes: list[Process] = field(default_factory=list)

    def __enter__(self) -> Self:
        for stream in (MUTATIONS, LAPSED, INCONSISTENT, FAILED, ERRORS):
            self.broker.create_topic(self._topic(stream))
        return self

    def __exit__(self, *_: object) -> None:
        """Kill what a test that failed has left."""
        for process in self.processes:
            process.kill()

    def tell(self, events: Sequence[Event]) -> None:
        """Append to what happens on the wiki."""
        fill(self.broker, self.source, [orjson.dumps(event) for event in events])

    def told(self, stream: str) -> list[Event]:
        """All events of one of the updater's streams."""
        return [orjson.loads(message.value) for message in drain(self.broker, self._topic(stream))]

    def updater(self, *, end: str = "") -> Process:
        """Start the updater where it was; with `end`, to the end of the topic as it is."""
        sink = settings(
            stream_manager__sink__connector="kafka",
            stream_manager__sink__options__bootstrap_servers=self.broker.bootstrap_servers,
            stream_manager__sink__options__kafka_topic_prefix=f"{self.source}.",
            local__checkpoint_interval=0.2,
        )
        source = f"{self._url(self.source)}?group={self.source}&start=earliest{end and f'&end={end}'}"
        words = ("--source", source, "--state", str(self.folder / "state"), *sink, *self.updating)
        return self._start("updater", *COMMAND, *words)

    def consumer(self, store: FollowingStore, *, name: str = "consumer", end: str = "") -> Process:
        """Start a consumer where its store is; with `end`, to the end of the topic as it is."""
        source = self._url(self._topic(MUTATIONS)) + (end and f"?end={end}")
        batches = settings(store__batch_seconds=0.05)
        return self._start(name, *_CONSUMER, "--source", source, *store.words, *batches, *self.consuming)

    async def finish(self, *stores: FollowingStore) -> None:
        """Run the updater to the end, then a consumer for each store."""
        await ended(self.updater(end="latest"))
        for store in stores:
            await ended(self.consumer(store, end="latest"))

    async def until(self, reached: Callable[[], bool], *processes: Process) -> bool:
        """Wait for something that must come while these live; whether it came in time."""
        give_up = time.monotonic() + PATIENCE / 2
        while not await asyncio.to_thread(reached):
            for process in processes:
                assert process.running, tail(process.log)
            if time.monotonic() > give_up:
                return False
            await asyncio.sleep(_LOOK_AGAIN)
        return True

    def _start(self, name: str, *words: str) -> Process:
        self.processes.append(Process(words, log=self.folder / f"{name}.log"))
        return self.processes[-1]

    def _topic(self, stream: str) -> str:
        return f"{self.source}.{stream}"

    def _url(self, topic: str) -> str:
        return f"kafka://{self.broker.bootstrap_servers}/{topic}"


async def ended(process: Process) -> None:
    """Return when a process has come to its end by itself, with exit code 0."""
    give_up = time.monotonic() + PATIENCE
    while process.running:
        assert time.monotonic() < give_up, tail(process.log)
        await asyncio.sleep(0.02)
    assert process.kill() == 0, tail(process.log)  # it has ended: this tells how
