"""The settings of Kafka clients as values, and their translation to the properties of librdkafka. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, assert_never

from wikistate.adapters.connectors.kafka.known_properties import KNOWN_PROPERTIES
from wikistate.adapters.connectors.kafka.properties import TREATMENTS, Ignore, Reject, Rename
from wikistate.adapters.connectors.start_stop import Committed
from wikistate.core.events.integers import parse_integer
from wikistate.errors import ConfigError
from wikistate.secret import Secret, is_secret_name, reveal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.adapters.connectors.start_stop import End, Start

_RECONNECT_DEFAULTS = {
    # By default up to ten seconds for each of several connections, one after the other: an outage of two seconds stopped
    # a transaction for twenty (observed).
    "reconnect.backoff.max.ms": "1000",
}

_SOURCE_DEFAULTS = _RECONNECT_DEFAULTS | {
    "isolation.level": "read_committed",
    # librdkafka pauses a full second when its queue is full, which caps it at 140,000 small records/s; with 10 ms it
    # reaches 630,000 (measured, one broker on loopback).
    "fetch.queue.backoff.ms": "10",
    "log.connection.close": "false",
    # Records fetched ahead. The default of 64 MiB is a third of the whole process and is not faster (measured).
    "queued.max.messages.kbytes": "8192",
}

_SOURCE_OURS = {
    "enable.auto.commit": "false",
    "enable.auto.offset.store": "false",
    # A deleted offset becomes an event, which `OffsetTracker` logs and repairs.
    "auto.offset.reset": "error",
}

PRODUCER_DEFAULTS = {
    "acks": "all",
    "compression.type": "snappy",
    "linger.ms": "2",
    # The default of librdkafka. That of the Java client, 16 KiB, is one page, hence one request each (measured: a tenth
    # slower).
    "batch.size": "1000000",
}
"""The defaults of a producer under both runners, with names that both clients know."""

_SINK_DEFAULTS = (
    PRODUCER_DEFAULTS
    | _RECONNECT_DEFAULTS
    | {
        "enable.idempotence": "true",
        "log.connection.close": "false",
        # The default of the Java client for records with a key, so that both clients select the same partition for a page.
        "partitioner": "murmur2_random",
    }
)


@dataclass(frozen=True, slots=True)
class KafkaSourceSettings:
    """The settings of a consumer.

    Attributes:
        bootstrap_servers: ``host:port``, several separated by commas.
        topics: The topics.
        group: The consumer group. Its members share the partitions, and its committed offsets are the position.
        start: The start; see `start_stop`.
        end: The end; None: never.
        properties: As the operator wrote them, with the names of the Java client or of librdkafka.
        key: The dotted path of `properties` in the configuration, for errors.
        open_timeout: Seconds within which the cluster must respond when the source opens.
        partitions: The partitions of each topic that this consumer reads without a group; the offsets of the group only
            show its lag to others. A position outside of the topic is an error. Empty: the group shares all partitions.
        reports_ignored_start: Whether to log that the offsets of the group take precedence over `start`.
    """

    bootstrap_servers: str
    topics: tuple[str, ...]
    group: str
    start: Start = field(default_factory=Committed)
    end: End | None = None
    properties: Mapping[str, object] = field(default_factory=dict)
    key: str = "stream_manager.source.options.properties"
    open_timeout: float = 30.0
    partitions: tuple[int, ...] = ()
    reports_ignored_start: bool = True

    @property
    def place(self) -> str:
        """Name of the cluster for people, with the part of the job that uses it."""
        return _describe_place(self.bootstrap_servers, self.key)


@dataclass(frozen=True, slots=True)
class KafkaProducerSettings:
    """The settings of a producer, which may serve several sinks.

    Attributes:
        bootstrap_servers: ``host:port``, several separated by commas.
        properties: As the operator wrote them, with the names of the Java client or of librdkafka.
        key: The dotted path of `properties` in the configuration, for errors.
        transactional_id: The id for exactly-once; empty for at-least-once. See `build_transactional_id`.
        transaction_timeout: Seconds after which the broker aborts a transaction of a client that has crashed. Readers of
            committed records wait while it is open. The broker rejects more than its maximum (default: 15 minutes).
        open_timeout: Seconds within which the cluster must respond when the producer opens.
    """

    bootstrap_servers: str
    properties: Mapping[str, object] = field(default_factory=dict)
    key: str = "stream_manager.sink.options.properties"
    transactional_id: str = ""
    transaction_timeout: float = 60.0
    open_timeout: float = 30.0

    @property
    def place(self) -> str:
        """Name of the cluster for people, with the part of the job that uses it."""
        return _describe_place(self.bootstrap_servers, self.key)


def _describe_place(servers: str, key: str) -> str:
    """Return ``Kafka at localhost:9092 (error sink)`` for the properties `stream_manager.error_sink.options.properties`."""
    _, _, section = key.removesuffix(".options.properties").rpartition(".")
    return f"Kafka at {servers} ({section.replace('_', ' ')})"


@dataclass(frozen=True, slots=True)
class TranslatedProperties:
    """The translated properties of an operator.

    Attributes:
        properties: The names of librdkafka, and values as text or secrets.
        ignored: The properties without an effect, with the reason.
    """

    properties: dict[str, str | Secret]
    ignored: dict[str, str]


def build_transactional_id(prefix: str, instance: str) -> str:
    """Return the id by which the broker identifies a producer after a restart, and fences its predecessor.

    Args:
        prefix: The common part of the replicas of a job, usually its name.
        instance: The identity of a replica, stable over restarts: the ordinal of the pod, a host name.
    """
    return f"{prefix}-{instance}"


def build_consumer_properties(settings: KafkaSourceSettings) -> TranslatedProperties:
    """Return the properties of a consumer with the names of librdkafka.

    Raises:
        ConfigError: A property is unknown, is not supported or has no text value, or there is no group or topic. The error
            names the dotted path.
    """
    _require_names(settings)
    translation = translate_properties(settings.properties, key=settings.key)
    ours = {"bootstrap.servers": settings.bootstrap_servers, "group.id": settings.group, **_SOURCE_OURS}
    if settings.end is not None:
        ours["enable.partition.eof"] = "true"
    if translation.properties.get("group.protocol") != "consumer":  # KIP-848 is always cooperative
        # Only the partitions that change their owner stop: the others are read while a replica joins or leaves.
        ours["partition.assignment.strategy"] = "cooperative-sticky"
    return TranslatedProperties({**_SOURCE_DEFAULTS, **translation.properties, **ours}, translation.ignored)


def build_producer_properties(settings: KafkaProducerSettings) -> TranslatedProperties:
    """Return the properties of a producer with the names of librdkafka.

    Raises:
        ConfigError: A property is unknown, is not supported or has no text value, or the largest record does not fit into
            the buffer. The error names the dotted path.
    """
    translation = translate_properties(settings.properties, key=settings.key)
    _check_buffer(translation.properties, key=settings.key)
    ours = {"bootstrap.servers": settings.bootstrap_servers}
    defaults = {**_SINK_DEFAULTS, "queue.buffering.max.kbytes": str(_buffer_kilobytes(translation.properties))}
    if settings.transactional_id:
        ours["transactional.id"] = settings.transactional_id
        defaults["transaction.timeout.ms"] = str(round(settings.transaction_timeout * 1000))
        # After an outage of all brokers librdkafka 2.16 creates their handles again ("rebootstrap", KIP-899), but still
        # asks the old handle for the coordinator of the group: offsets then wait for the whole timeout of a transaction
        # (observed).
        defaults["metadata.recovery.strategy"] = "none"
        # With several requests in flight, the one after a lost request is rejected by the broker as out of order
        # (observed). Without transactions librdkafka recovers; a transaction can only be aborted.
        defaults["max.in.flight.requests.per.connection"] = "1"
    return TranslatedProperties({**defaults, **translation.properties, **ours}, translation.ignored)


def _buffer_kilobytes(properties: Mapping[str, str | Secret]) -> int:
    """Return the size of the buffer: 32 MiB, or two large records. The default of 1 GiB could fill the memory."""
    return max(32_768, 2 * max_record_bytes(properties) // 1024)


def max_record_bytes(properties: Mapping[str, str | Secret]) -> int:
    """Return the size of the largest record with its key, for a producer with these translated properties."""
    return int(reveal(properties.get("message.max.bytes", "1000000")))


def _require_names(settings: KafkaSourceSettings) -> None:
    options = settings.key.rpartition(".")[0]
    for name, value in (("consumer_group", settings.group), ("topics", settings.topics)):
        if not value:  # an empty group makes librdkafka abort the process
            raise ConfigError(
                f"{options}.{name} is empty.", hint="A Kafka source needs a value.", key=f"{options}.{name}"
            )


def _check_buffer(properties: Mapping[str, str | Secret], *, key: str) -> None:
    """Raise `ConfigError` if a record may be larger than the buffer: it would wait without end."""
    kilobytes = reveal(properties.get("queue.buffering.max.kbytes", "1048576"))
    largest = reveal(properties.get("message.max.bytes", "0"))
    for name, text in (("buffer.memory", kilobytes), ("max.request.size", largest)):
        if parse_integer(text) is None:
            raise ConfigError(
                f"{key}.{name} is {text!r:.60}, which is not a whole number.", hint="Write digits.", key=f"{key}.{name}"
            )
    if int(largest) > int(kilobytes) * 1024:
        raise ConfigError(
            f"{key}.max.request.size is {largest}, but the buffer holds only {int(kilobytes) * 1024} bytes.",
            hint=f"Raise {key}.buffer.memory to at least as much.",
            key=f"{key}.buffer.memory",
        )


def translate_properties(properties: Mapping[str, object], *, key: str) -> TranslatedProperties:
    """Return the properties of the operator with the names of librdkafka.

    Args:
        properties: Texts, numbers and booleans, by the names of the Java client or of librdkafka.
        key: The dotted path of the mapping in the configuration.

    Raises:
        ConfigError: A property is unknown, is not supported or has no text value. The error names the dotted path.
    """
    translated: dict[str, str | Secret] = {}
    ignored: dict[str, str] = {}
    for name, value in properties.items():
        text = _to_text(name, value, key=key)
        match TREATMENTS.get(name):
            case None:
                translated[_require_known(name, key=key)] = text
            case Rename() as rename:
                translated[rename.name] = _convert(rename, name, text, key=key)
            case Ignore(why):
                ignored[name] = why
            case Reject(instead):
                raise ConfigError(f"{key}.{name} cannot be used with librdkafka.", hint=instead, key=f"{key}.{name}")
            case other:
                assert_never(other)
    return TranslatedProperties(translated, ignored)


def _to_text(name: str, value: object, *, key: str) -> str | Secret:
    match value:
        case Secret():
            return value
        case bool():
            return "true" if value else "false"
        case str():
            return Secret(value) if is_secret_name(name) else value
        case int() | float():
            return str(value)
        case _:
            raise ConfigError(
                f"{key}.{name} is {_redact(name, value)}, a {type(value).__name__}.",
                hint="A Kafka property is a text, a number or a boolean.",
                key=f"{key}.{name}",
            )


def _convert(rename: Rename, name: str, text: str | Secret, *, key: str) -> str | Secret:
    if isinstance(text, Secret):
        return text  # a secret is in the form of both clients
    try:
        return rename.convert(text)
    except ValueError as error:
        raise ConfigError(
            f"{key}.{name} is {_redact(name, text)}, which is not a whole number.",
            hint="Write digits.",
            key=f"{key}.{name}",
        ) from error


def _require_known(name: str, *, key: str) -> str:
    if name in KNOWN_PROPERTIES:
        return name
    near = get_close_matches(name, [*KNOWN_PROPERTIES, *TREATMENTS], n=1, cutoff=0.6)
    raise ConfigError(
        f"{key}.{name} is not a property of a Kafka client.",
        hint=f"Did you mean {near[0]}?" if near else "See the list in CONFIGURATION.md of librdkafka.",
        key=f"{key}.{name}",
    )


def _redact(name: str, value: object) -> str:
    return "a secret" if is_secret_name(name) else repr(value)
