"""Time from the start of the process to its first enriched event, over files and over Kafka."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

from tests.support.processes import Process, read_tail

from bench import children
from bench.children import Endpoints, Route
from bench.feed import generate_edits
from bench.figures import Figure, Target
from bench.stage import small_wiki
from bench.topics import next_record
from wikistate.errors import PartError

if TYPE_CHECKING:
    from pathlib import Path

    from bench.stage import Stage

EVENTS = 100

_POLL_SECONDS = 0.001  # seconds
_TIMEOUT = 30.0  # seconds


@dataclass(frozen=True, slots=True)
class Startup:
    """Times of all starts in seconds."""

    files: tuple[float, ...]
    kafka: tuple[float, ...]

    def figures(self) -> list[Figure]:
        """See `Result`."""
        target = Target(at_most=1.0)
        return [
            Figure("first event, file to file", median(self.files), "s", target),
            Figure("first event, Kafka to Kafka", median(self.kafka), "s", target),
        ]


async def measure_startup(stage: Stage) -> Startup:
    """Measure several starts over files and over Kafka."""
    file = stage.folder / "page_change.ndjson"
    file.write_bytes(b"".join(edit.value + b"\n" for edit in generate_edits(EVENTS)))
    topic = stage.topics.create_filled("page-change", generate_edits(EVENTS))
    async with small_wiki() as wiki:
        files = [await _over_files(stage, wiki.url, file) for _ in range(stage.sizes.starts)]
        kafka = [await asyncio.to_thread(_over_kafka, stage, wiki.url, topic) for _ in range(stage.sizes.starts)]
    return Startup(tuple(files), tuple(kafka))


async def _over_files(stage: Stage, wiki: str, source: Path) -> float:
    sink = stage.folder / "enriched.ndjson"
    sink.unlink(missing_ok=True)
    command = children.job_command(Endpoints(f"file:{source}", f"file:{sink}", f"file:{sink}.errors"), wiki)
    began = time.monotonic()
    process = Process(command, log=stage.log("files"))
    try:
        while not (sink.exists() and sink.stat().st_size):
            _check(process, began)
            await asyncio.sleep(_POLL_SECONDS)
        return time.monotonic() - began
    finally:
        process.stop()


def _over_kafka(stage: Stage, wiki: str, source: str) -> float:
    sink = stage.topics.create_sink("job")
    consumer = stage.topics.open_consumer(sink)
    command = children.job_command(
        children.kafka_endpoints(Route(stage.topics.servers, source, sink, wiki), end=""), wiki
    )
    began = time.monotonic()
    process = Process(command, log=stage.log(sink))
    try:
        next_record(consumer)
        return time.monotonic() - began
    finally:
        consumer.close()
        process.stop()


def _check(process: Process, began: float) -> None:
    if not process.is_running or time.monotonic() - began > _TIMEOUT:
        raise PartError(f"The job wrote no event:\n{read_tail(process.log)}")
