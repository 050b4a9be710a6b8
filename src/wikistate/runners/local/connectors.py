"""From the ends of a job to connectors: what is read, and what is written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wikistate.adapters.connectors.feed import FeedSource
from wikistate.adapters.connectors.files import STANDARD_INPUT, FileSink, FileSource
from wikistate.adapters.connectors.kafka.producer import KafkaProducer
from wikistate.adapters.connectors.kafka.settings import KafkaProducerSettings, KafkaSourceSettings
from wikistate.adapters.connectors.kafka.sink import KafkaSink
from wikistate.adapters.connectors.kafka.source import KafkaSource
from wikistate.adapters.connectors.positions import parse_end, parse_start
from wikistate.errors import ConfigError
from wikistate.jobs.ends import FileEnd, KafkaSinkEnd, KafkaSourceEnd, ParquetEnd
from wikistate.runners.local.feeds import make_feed_source

if TYPE_CHECKING:
    from wikistate.adapters.connectors.ports import Resume, Sink, Source
    from wikistate.jobs.ends import SinkEnd, SourceEnd


def make_source(end: SourceEnd, *, resume: Resume | None = None) -> Source:
    """The connector that reads an end; `resume` where a sink keeps its positions."""
    if isinstance(end, KafkaSourceEnd):
        return kafka_source(end, resume=resume)
    if not isinstance(end, FileEnd):
        return make_feed_source(end, resume=resume)
    return FileSource(
        [STANDARD_INPUT if end.is_standard_stream else Path(end.path)],
        max_record_bytes=end.max_record_bytes,
        offset_file=Path(end.bookmark) if end.bookmark else None,
        resume=resume,
    )


def kafka_source(end: KafkaSourceEnd, *, resume: Resume | None = None) -> KafkaSource:
    """The connector that reads topics. Raises `ConfigError`."""
    return KafkaSource(
        KafkaSourceSettings(
            end.bootstrap_servers,
            end.topics,
            end.group,
            start=parse_start(end.start, key="stream_manager.source.options.offsets_initializer"),
            end=parse_end(end.end, key="stream_manager.source.options.end"),
            properties=end.properties,
            partitions=(0,) if end.alone else (),
        ),
        resume=resume,
    )


async def check_source(source: Source) -> None:
    """Find out whether it can be read, and read nothing. Whoever calls closes it. Raises a `WikistateError`."""
    await (source.check() if isinstance(source, KafkaSource | FeedSource) else source.open(_nothing_was_read))


async def _nothing_was_read(partitions: object) -> None:
    """There is nothing to commit when partitions are revoked."""


class Sinks:
    """Makes sinks: one client a cluster, one writer a file."""

    def __init__(self) -> None:
        self._producers: list[tuple[KafkaSinkEnd, KafkaProducer]] = []
        self._files: dict[tuple[str, int], Sink] = {}

    def of(self, end: SinkEnd, standard_stream: int, *, partition: int | None = None) -> Sink:
        """The sink of an end; `standard_stream` is what ``-`` stands for."""
        match end:
            case KafkaSinkEnd():
                return KafkaSink(end.topic, self._producer(end), partition=partition)
            case FileEnd():
                return self._file(end, standard_stream)
            case ParquetEnd():
                raise ConfigError(
                    f"{end.path}: this job does not write into a Parquet folder.", hint="Name a topic or a file."
                )

    def _producer(self, end: KafkaSinkEnd) -> KafkaProducer:
        for known, producer in self._producers:
            if known.shares_producer(end):
                return producer
        producer = KafkaProducer(producer_settings(end))
        self._producers.append((end, producer))
        return producer

    def _file(self, end: FileEnd, standard_stream: int) -> Sink:
        place = ("", standard_stream) if end.is_standard_stream else (end.path, 0)
        if place not in self._files:
            self._files[place] = FileSink(standard_stream if end.is_standard_stream else Path(end.path))
        return self._files[place]


def producer_settings(end: KafkaSinkEnd, identity: str = "") -> KafkaProducerSettings:
    """How a Kafka end is written. `identity` is the transactional id, empty outside transactions."""
    return KafkaProducerSettings(
        end.bootstrap_servers, end.properties, key=f"{end.key}.properties", transactional_id=identity
    )
