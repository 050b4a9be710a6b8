"""The places that sources read and sinks write in the contract suites, one for each connector."""

from __future__ import annotations

import gzip
import os
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest
import zstandard
from confluent_kafka import Consumer, Producer, TopicPartition
from tests.contract.connectors.push_source_places import EventStreamsPlace, RecentChangesPlace

from wikistate.adapters.connectors.files import FileSink, FileSource
from wikistate.adapters.connectors.kafka.producer import KafkaProducer
from wikistate.adapters.connectors.kafka.settings import KafkaProducerSettings, KafkaSourceSettings
from wikistate.adapters.connectors.kafka.sink import KafkaSink
from wikistate.adapters.connectors.kafka.source import KafkaSource
from wikistate.adapters.connectors.memory import MemorySink, MemorySource, MemoryTopic
from wikistate.adapters.connectors.parquet import ParquetSettings, ParquetSink
from wikistate.adapters.connectors.start_stop import Bound, Committed, LatestAtStart
from wikistate.testing.sse import SseServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence

    from tests.support.broker import KafkaBroker

    from wikistate.streaming.ports import Sink, Source
    from wikistate.streaming.record import Output
    from wikistate.testing.contracts.sinks import SinkPlace
    from wikistate.testing.contracts.sources import SourcePlace, UnboundedSourcePlace

LARGE = {"message.max.bytes": "20000000"}


class _MemoryPlace:
    def __init__(self) -> None:
        self._topic = MemoryTopic()
        self._delivered: list[Output] = []

    def fill(self, values: Sequence[bytes]) -> None:
        for value in values:
            self._topic.append(value)

    def source(self) -> Source:
        return MemorySource(self._topic)

    def unbounded_source(self) -> Source:
        return MemorySource(self._topic, bounded=False)

    def missing_source(self) -> Source | None:
        return None

    def sink(self) -> Sink:
        return MemorySink(delivered=self._delivered, capacity=100)

    def read_values(self) -> list[bytes]:
        return [output.value for output in self._delivered]

    def broken_sink(self) -> Sink:
        sink = MemorySink()
        sink.fail_with()
        return sink


class _FilePlace:
    def __init__(self, folder: Path, suffix: str) -> None:
        self._path = folder / f"events.ndjson{suffix}"
        self._path.touch()
        self._bookmark = folder / "bookmark.json"
        self._suffix = suffix

    def fill(self, values: Sequence[bytes]) -> None:
        block = b"".join(value + b"\n" for value in values)
        with self._path.open("ab") as file:
            file.write(_COMPRESS[self._suffix](block) if block else b"")

    def source(self) -> Source:
        return FileSource([self._path], offset_file=self._bookmark)

    def missing_source(self) -> Source | None:
        return FileSource([self._path.with_name("missing.ndjson")])

    def sink(self) -> Sink:
        return FileSink(self._path)

    def read_values(self) -> list[bytes]:
        written = self._path.read_bytes()
        return _DECOMPRESS[self._suffix](written).split(b"\n")[:-1] if written else []

    def broken_sink(self) -> Sink:
        return FileSink(Path("/dev/full"))


class _PipePlace:
    """A pipe: standard input may be one."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe()
        self._block = b""
        self._writers: list[threading.Thread] = []

    def fill(self, values: Sequence[bytes]) -> None:
        self._block += b"".join(value + b"\n" for value in values)
        if self._writers:
            os.write(self._write, self._block)

    def source(self) -> Source:
        self._writers.append(threading.Thread(target=self._write_and_end))
        self._writers[0].start()
        return FileSource([self._read])

    def unbounded_source(self) -> Source:
        self._writers.append(threading.current_thread())
        return FileSource([self._read])

    def missing_source(self) -> Source | None:
        return None

    def close(self) -> None:
        os.close(self._read)  # a writer without a reader fails
        for writer in self._writers:
            if writer is not threading.current_thread():
                writer.join()
        if self._write >= 0:
            os.close(self._write)

    def _write_and_end(self) -> None:
        left = memoryview(self._block)
        try:
            while left:
                left = left[os.write(self._write, left) :]
        except BrokenPipeError:
            pass  # the test closed the pipe before its end
        os.close(self._write)
        self._write = -1


class _ParquetPlace:
    """A folder of Parquet files, read by DuckDB. Each commit adds files, which are read in the order of the commits."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "lake"

    def sink(self) -> Sink:
        return ParquetSink(ParquetSettings(path=self._folder))

    def read_values(self) -> list[bytes]:
        files = sorted(self._folder.glob("dt=*/*/*.parquet"), key=lambda file: file.stat().st_mtime_ns)
        with duckdb.connect() as database:
            found = [database.execute("select event from read_parquet(?)", [str(file)]).fetchall() for file in files]
        return [text.encode() for rows in found for (text,) in rows]

    def broken_sink(self) -> Sink:
        return ParquetSink(ParquetSettings(path=Path("/dev/full/lake")))


class _KafkaPlace:
    def __init__(self, broker: KafkaBroker) -> None:
        self._servers = broker.bootstrap_servers
        self._topic = broker.create_topic(f"contract.{uuid.uuid4().hex}")
        self._small = broker.create_topic(f"contract.{uuid.uuid4().hex}", settings={"max.message.bytes": "1000"})
        self._group = f"contract.{uuid.uuid4().hex}"

    def fill(self, values: Sequence[bytes]) -> None:
        producer = Producer({"bootstrap.servers": self._servers, "linger.ms": 0, **LARGE})
        for value in values:
            producer.produce(self._topic, value)
        assert producer.flush(30) == 0

    def source(self) -> Source:
        return KafkaSource(self._settings(self._topic))

    def unbounded_source(self) -> Source:
        start = Committed(Bound.EARLIEST)
        return KafkaSource(KafkaSourceSettings(self._servers, (self._topic,), self._group, start=start))

    def missing_source(self) -> Source | None:
        return KafkaSource(self._settings("missing"))

    def sink(self) -> Sink:
        return KafkaSink(self._topic, KafkaProducer(KafkaProducerSettings(self._servers, LARGE)))

    def read_values(self) -> list[bytes]:
        consumer = Consumer({"bootstrap.servers": self._servers, "group.id": "reader", "fetch.wait.max.ms": 10})
        end = consumer.get_watermark_offsets(TopicPartition(self._topic, 0), 30)[1]
        consumer.assign([TopicPartition(self._topic, 0, 0)])
        found = [message.value() or b"" for message in (consumer.consume(end, 30) if end else [])]
        consumer.close()
        return found

    def broken_sink(self) -> Sink:
        return KafkaSink(self._small, KafkaProducer(KafkaProducerSettings(self._servers)))

    def _settings(self, topic: str) -> KafkaSourceSettings:
        return KafkaSourceSettings(
            self._servers,
            (topic,),
            self._group,
            start=Committed(Bound.EARLIEST),
            end=LatestAtStart(),
            properties={"fetch.wait.max.ms": 20},
        )


def _zstd_decompress(written: bytes) -> bytes:
    return zstandard.ZstdDecompressor().decompressobj(read_across_frames=True).decompress(written)


_COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": zstandard.ZstdCompressor().compress,
}
_DECOMPRESS: dict[str, Callable[[bytes], bytes]] = {"": bytes, ".gz": gzip.decompress, ".zst": _zstd_decompress}
FILES = {"file": "", "gzip": ".gz", "zstd": ".zst"}
FEEDS = ("eventstreams", "recentchanges")
KAFKA = pytest.param("kafka", marks=pytest.mark.kafka)


@pytest.fixture
async def sse_server() -> AsyncIterator[SseServer]:
    """Yield a server with one empty stream."""
    async with SseServer({"changes": ["eqiad.changes"]}) as server:
        yield server


def make_source_place(request: pytest.FixtureRequest, tmp_path: Path, server: SseServer) -> Iterator[SourcePlace]:
    """Yield the place of the source that the parameter of a fixture names."""
    if request.param in FILES:
        yield _FilePlace(tmp_path, FILES[request.param])
    else:
        yield from make_unbounded_source_place(request, tmp_path, server)


def make_unbounded_source_place(
    request: pytest.FixtureRequest, tmp_path: Path, server: SseServer
) -> Iterator[UnboundedSourcePlace]:
    """Yield the place of a source that can wait for more records; see `make_source_place`."""
    match request.param:
        case "eventstreams":
            yield EventStreamsPlace(server, tmp_path)
        case "recentchanges":
            yield RecentChangesPlace(tmp_path)
        case "memory":
            yield _MemoryPlace()
        case "pipe":
            pipe = _PipePlace()
            yield pipe
            pipe.close()
        case "kafka":
            yield _KafkaPlace(request.getfixturevalue("kafka"))
        case other:
            raise AssertionError(other)


def make_sink_place(request: pytest.FixtureRequest, tmp_path: Path) -> SinkPlace:
    """Return the place of the sink that the parameter of a fixture names."""
    match request.param:
        case "memory":
            return _MemoryPlace()
        case "kafka":
            return _KafkaPlace(request.getfixturevalue("kafka"))
        case "parquet":
            return _ParquetPlace(tmp_path)
        case kind:
            return _FilePlace(tmp_path, FILES[kind])
