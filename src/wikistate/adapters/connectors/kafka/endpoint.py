"""Resolved topics: the options of a Kafka source and of a Kafka sink."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from wikistate.adapters.connectors.connector import (
    SOURCE_OPTIONS,
    Capabilities,
    SinkEndpoint,
    SourceEndpoint,
    TopicsToCreate,
)
from wikistate.adapters.connectors.kafka.settings import PRODUCER_DEFAULTS, KafkaProducerSettings, KafkaSourceSettings
from wikistate.adapters.connectors.start_stop import parse_end, parse_start
from wikistate.core.events.integers import parse_integer
from wikistate.errors import ConfigError
from wikistate.secret import reveal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.adapters.connectors.connector import SharedClients
    from wikistate.adapters.connectors.kafka.source import KafkaSource
    from wikistate.secret import Secret
    from wikistate.streaming.ports import ResumePositions, Sink

CAPABILITIES = Capabilities(source=True, sink=True, error_sink=True, resumable=True, transactions=True)

REPLAY_GROUP = "wikistate-replay"
"""The consumer group of replays, unless the operator names another."""

_MAX_RECORD = 1_000_000  # bytes; the default of librdkafka
_OVERHEAD = 2048  # bytes; key and framing count as well
_CONNECTION_PREFIXES = ("client.", "sasl.", "security.", "socket.", "ssl.")


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSourceEndpoint(SourceEndpoint):
    """Topics to read. `start` and `end` as in ``stream_manager.source.options``.

    Attributes:
        single_partition: One process reads without a group: the first partition of a topic that has one.
        reports_ignored_start: Whether the operator named the start, so that the log says when it has no effect.
    """

    capabilities: ClassVar[Capabilities] = CAPABILITIES

    bootstrap_servers: str
    topics: tuple[str, ...]
    group: str
    start: str
    end: str
    properties: Mapping[str, str | Secret]
    single_partition: bool = False
    reports_ignored_start: bool = True

    @property
    def identity(self) -> str:
        """See `SourceEndpoint`. The start and the end of a run do not matter."""
        return f"{self.bootstrap_servers} {sorted(self.topics)} {self.group}"

    @property
    def consumer_group(self) -> str:
        """See `SourceEndpoint`."""
        return self.group

    @property
    def is_bounded(self) -> bool:
        """See `SourceEndpoint`."""
        return bool(self.end)

    @property
    def topics_to_create(self) -> TopicsToCreate:
        """See `SourceEndpoint`. Of the properties of the consumer only those of the connection apply."""
        connection = {name: value for name, value in self.properties.items() if name.startswith(_CONNECTION_PREFIXES)}
        return TopicsToCreate(self.topics, self.bootstrap_servers, connection, f"{SOURCE_OPTIONS}.properties")

    def build_source(self, *, resume: ResumePositions | None = None) -> KafkaSource:
        """See `SourceEndpoint`."""
        from wikistate.adapters.connectors.kafka.source import KafkaSource  # noqa: PLC0415  (loads librdkafka)

        return KafkaSource(
            KafkaSourceSettings(
                self.bootstrap_servers,
                self.topics,
                self.group,
                start=parse_start(self.start, key=f"{SOURCE_OPTIONS}.offsets_initializer"),
                end=parse_end(self.end, key=f"{SOURCE_OPTIONS}.end"),
                properties=self.properties,
                partitions=(0,) if self.single_partition else (),
                reports_ignored_start=self.reports_ignored_start,
            ),
            resume=resume,
        )

    def for_checkpoint(self) -> KafkaSourceEndpoint:
        """See `SourceEndpoint`: a static member of its group.

        The partitions of a job that was killed are otherwise assigned again only after the session timeout.
        """
        return replace(self, properties={"group.instance.id": self.group, **self.properties})

    def for_replay(self, suffix: str, *, group: str = "") -> KafkaSourceEndpoint:
        """See `SourceEndpoint`. A replay begins at the oldest record unless its group has committed offsets."""
        start = self.start if self.start not in ("committed", "latest", "") else "earliest"
        return replace(
            self,
            group=group or f"{REPLAY_GROUP}{suffix}",
            start=start,
            end="latest",
            reports_ignored_start=self.start == "earliest",
        )

    def for_single_reader(self, topic: str) -> KafkaSourceEndpoint | None:  # noqa: ARG002  (`topics` names it)
        """See `SourceEndpoint`."""
        if len(self.topics) != 1:
            return None
        # A new store that begins in the middle of a stream would be wrong, and nothing would show it.
        start = "earliest" if self.start in ("committed", "latest") else self.start
        return replace(self, start=start, single_partition=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSinkEndpoint(SinkEndpoint):
    """A topic to write.

    Attributes:
        key: The dotted path of its options, for errors.
        topic_prefix: Precedes the names of streams in the names of their topics.
    """

    capabilities: ClassVar[Capabilities] = CAPABILITIES

    bootstrap_servers: str
    topic: str
    properties: Mapping[str, str | Secret]
    key: str
    topic_prefix: str = ""

    @property
    def place(self) -> str:
        """See `NamedPlace`."""
        return f"kafka://{self.bootstrap_servers}/{self.topic}"

    @property
    def max_record_bytes(self) -> int:
        """See `SinkEndpoint`. The producer checks the size of records before it compresses them (T355426)."""
        names = ("max.request.size", "message.max.bytes")
        text = reveal(next((self.properties[name] for name in names if name in self.properties), str(_MAX_RECORD)))
        size = parse_integer(text)
        if size is None:
            key = f"{self.key}.properties.max.request.size"
            raise ConfigError(f"{key} is {text!r:.60}, not a number of bytes.", key=key)
        return max(1, size - _OVERHEAD)

    @property
    def topics_to_create(self) -> TopicsToCreate:
        """See `SinkEndpoint`."""
        return TopicsToCreate([self.topic], self.bootstrap_servers, self.properties, f"{self.key}.properties")

    def build_producer_settings(self, transactional_id: str = "") -> KafkaProducerSettings:
        """Return the settings of the producer; `transactional_id` is empty outside of transactions."""
        return KafkaProducerSettings(
            self.bootstrap_servers,
            self.properties,
            key=f"{self.key}.properties",
            transactional_id=transactional_id,
        )

    def with_batches_of(self, size: int) -> KafkaSinkEndpoint:
        """Return the endpoint with batches of at most so many bytes, or of one record."""
        current = reveal(self.properties.get("batch.size", PRODUCER_DEFAULTS["batch.size"]))
        smaller = min(size, int(current)) if current.isdecimal() else size
        return replace(self, properties={**self.properties, "batch.size": str(smaller)})

    def build_sink(
        self,
        clients: SharedClients,
        *,
        standard_stream: int,  # noqa: ARG002  (a topic is not a stream of the process)
        partition: int | None = None,
    ) -> Sink:
        """See `SinkEndpoint`. Sinks of one cluster with the same properties share a producer."""
        from wikistate.adapters.connectors.kafka.producer import KafkaProducer  # noqa: PLC0415  (loads librdkafka)
        from wikistate.adapters.connectors.kafka.sink import KafkaSink  # noqa: PLC0415  (loads librdkafka)

        client = ("kafka", self.bootstrap_servers, frozenset(self.properties.items()))
        producer = clients.get(client, lambda: KafkaProducer(self.build_producer_settings()))
        return KafkaSink(self.topic, producer, partition=partition)

    def for_stream(self, stream: str, topic: str = "") -> KafkaSinkEndpoint:
        """See `SinkEndpoint`: a separate topic on the same cluster."""
        return replace(self, topic=topic or self.topic_prefix + stream)

    def for_side_output(self, stream: str) -> KafkaSinkEndpoint:
        """See `SinkEndpoint`: a separate topic on the same cluster."""
        return self.for_stream(stream)
