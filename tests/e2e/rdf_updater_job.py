"""rdf-updater between topics of a real broker, on any runner."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import orjson
from tests.e2e.enrichment_job import TIMEOUT, setting_arguments
from tests.e2e.kafka_topics import produce, read_all
from tests.e2e.rdf_wiki import COMMAND
from tests.support.processes import Process, read_tail

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.support.broker import KafkaBroker

Event = dict[str, object]


class KafkaJob:
    """The job between two topics, which a test may kill.

    Args:
        broker: The broker.
        source: The topic that is read; it also begins the names of the topics that are written.
        folder: The folder of state and logs.
        words: Arguments of the command line.
    """

    def __init__(
        self,
        broker: KafkaBroker,
        source: str,
        folder: Path,
        words: Sequence[str],
    ) -> None:
        self.broker = broker
        self.source = source
        self.prefix = f"{source}."
        self.folder = folder
        self.words = list(words)

    @property
    def published(self) -> list[Event]:
        """Messages of the mutation stream."""
        topic = f"{self.prefix}rdf-streaming-updater.mutation.v2"
        return [orjson.loads(message.value) for message in read_all(self.broker, topic)]

    def start(self, *, end: str = "") -> Process:
        """Start the job at its last position."""
        return Process([*COMMAND, *self.arguments(end=end)], log=self.folder / "job.log")

    def arguments(self, *, end: str = "") -> list[str]:
        """Return the arguments of the command."""
        servers = self.broker.bootstrap_servers
        source = f"kafka://{servers}/{self.source}?group={self.source}&start=earliest{end and f'&end={end}'}"
        sink = setting_arguments(
            stream_manager__sink__connector="kafka",
            stream_manager__sink__options__bootstrap_servers=servers,
            stream_manager__sink__options__kafka_topic_prefix=self.prefix,
            local__checkpoint_interval=0.2,
        )
        return ["--source", source, "--create-topics", "--state", str(self.folder / "state"), *sink, *self.words]

    def append_events(self, events: Sequence[Event]) -> None:
        """Append changes to the source."""
        produce(self.broker, self.source, [orjson.dumps(event) for event in events])

    async def finish(self) -> None:
        """Run the job to the current end of the topic."""
        process = self.start(end="latest")
        deadline = time.monotonic() + TIMEOUT
        while process.is_running:
            assert time.monotonic() < deadline, read_tail(process.log)
            await asyncio.sleep(0.05)
        assert process.kill() == 0, read_tail(process.log)
