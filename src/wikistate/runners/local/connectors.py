"""From the ends of a job to connectors: what is read, and what is written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wikistate.adapters.connectors.files import STANDARD_INPUT, FileSink, FileSource
from wikistate.adapters.connectors.kafka.producer import KafkaProducer
from wikistate.adapters.connectors.kafka.settings import KafkaProducerSettings, KafkaSourceSettings
from wikistate.adapters.connectors.kafka.sink import KafkaSink
from wikistate.adapters.connectors.kafka.source import KafkaSource
from wikistate.adapters.connectors.push_source import FeedSource
from wikistate.adapters.connectors.start_stop import parse_end, parse_start
from wikistate.errors import ConfigError
from wikistate.runners.local.feeds import make_feed_source
from wikistate.wiring.endpoints import FileEndpoint, KafkaSinkEndpoint, KafkaSourceEndpoint, ParquetEndpoint

if TYPE_CHECKING:
    from wikistate.streaming.ports import ResumePositions, Sink, Source
    from wikistate.wiring.endpoints import SinkEndpoint, SourceEndpoint


def make_source(endpoint: SourceEndpoint, *, resume: ResumePositions | None = None) -> Source:
    """The connector that reads an end; `resume` where a sink keeps its positions."""
    if isinstance(endpoint, KafkaSourceEndpoint):
        return make_kafka_source(endpoint, resume=resume)
    if not isinstance(endpoint, FileEndpoint):
        return make_feed_source(endpoint, resume=resume)
    return FileSource(
        [STANDARD_INPUT if endpoint.is_standard_stream else Path(endpoint.path)],
        max_record_bytes=endpoint.max_record_bytes,
        offset_file=Path(endpoint.bookmark) if endpoint.bookmark else None,
        resume=resume,
    )


def make_kafka_source(endpoint: KafkaSourceEndpoint, *, resume: ResumePositions | None = None) -> KafkaSource:
    """The connector that reads topics. Raises `ConfigError`."""
    return KafkaSource(
        KafkaSourceSettings(
            endpoint.bootstrap_servers,
            endpoint.topics,
            endpoint.group,
            start=parse_start(endpoint.start, key="stream_manager.source.options.offsets_initializer"),
            end=parse_end(endpoint.end, key="stream_manager.source.options.end"),
            properties=endpoint.properties,
            partitions=(0,) if endpoint.single_partition else (),
        ),
        resume=resume,
    )


async def check_source(source: Source) -> None:
    """Find out whether it can be read, and read nothing. Whoever calls closes it. Raises a `WikistateError`."""
    await (source.check() if isinstance(source, KafkaSource | FeedSource) else source.open(_ignore_revocation))


async def _ignore_revocation(partitions: object) -> None:
    """There is nothing to commit when partitions are revoked."""


class SinkFactory:
    """Makes sinks: one client a cluster, one writer a file."""

    def __init__(self) -> None:
        self._producers: list[tuple[KafkaSinkEndpoint, KafkaProducer]] = []
        self._files: dict[tuple[str, int], Sink] = {}

    def make(self, endpoint: SinkEndpoint, standard_stream: int, *, partition: int | None = None) -> Sink:
        """The sink of an end; `standard_stream` is what ``-`` stands for."""
        match endpoint:
            case KafkaSinkEndpoint():
                return KafkaSink(endpoint.topic, self._producer(endpoint), partition=partition)
            case FileEndpoint():
                return self._file(endpoint, standard_stream)
            case ParquetEndpoint():
                raise ConfigError(
                    f"{endpoint.path}: this job does not write into a Parquet folder.", hint="Name a topic or a file."
                )

    def _producer(self, endpoint: KafkaSinkEndpoint) -> KafkaProducer:
        for known, producer in self._producers:
            if known.shares_producer(endpoint):
                return producer
        producer = KafkaProducer(make_producer_settings(endpoint))
        self._producers.append((endpoint, producer))
        return producer

    def _file(self, endpoint: FileEndpoint, standard_stream: int) -> Sink:
        place = ("", standard_stream) if endpoint.is_standard_stream else (endpoint.path, 0)
        if place not in self._files:
            self._files[place] = FileSink(standard_stream if endpoint.is_standard_stream else Path(endpoint.path))
        return self._files[place]


def make_producer_settings(endpoint: KafkaSinkEndpoint, transactional_id: str = "") -> KafkaProducerSettings:
    """How a Kafka end is written. `transactional_id` is the transactional id, empty outside transactions."""
    return KafkaProducerSettings(
        endpoint.bootstrap_servers,
        endpoint.properties,
        key=f"{endpoint.key}.properties",
        transactional_id=transactional_id,
    )
