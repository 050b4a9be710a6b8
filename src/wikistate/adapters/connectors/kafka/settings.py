"""What Kafka clients are made of: settings as values, and the pure way from them to librdkafka's properties."""

from __future__ import annotations

from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, assert_never

from wikistate.adapters.connectors.kafka.known_properties import KNOWN_PROPERTIES, SECRET_PROPERTIES
from wikistate.adapters.connectors.kafka.properties import TREATMENTS, Ignore, Reject, Rename
from wikistate.adapters.connectors.start_stop import Committed
from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.adapters.connectors.start_stop import End, Start

_SOURCE_DEFAULTS = {
    "isolation.level": "read_committed",
    # librdkafka pauses a full second when its queue is full, which caps it at 140,000 small records/s; with 10 ms it
    # reaches 630,000 (measured, one broker on loopback).
    "fetch.queue.backoff.ms": "10",
    "log.connection.close": "false",
    # What is fetched ahead. The default of 64 MiB is a third of the whole process and makes nothing faster (measured).
    "queued.max.messages.kbytes": "8192",
}

_SOURCE_OURS = {
    "enable.auto.commit": "false",
    "enable.auto.offset.store": "false",
    # An offset that is no longer there is an event that we see, report and repair; see `OffsetTracker`.
    "auto.offset.reset": "error",
}

PRODUCER_DEFAULTS = {
    "acks": "all",
    "compression.type": "snappy",
    "linger.ms": "2",
    # librdkafka's own default. The Java client's, 16 KiB, is one page: a request for each (measured: a tenth slower).
    "batch.size": "1000000",
}
"""What a producer starts with under any runner, in the names that both clients share."""

_SINK_DEFAULTS = PRODUCER_DEFAULTS | {
    "enable.idempotence": "true",
    "log.connection.close": "false",
    # The Java client's default for records with a key, so that both put a page into the same partition.
    "partitioner": "murmur2_random",
}


@dataclass(frozen=True, slots=True)
class KafkaSourceSettings:
    """A consumer.

    Attributes:
        bootstrap_servers: ``host:port``, several separated by commas.
        topics: What is read.
        group: The consumer group: who shares the partitions, and whose committed offsets are the position.
        start: Where to start; see `positions`.
        end: Where to stop; None: never.
        properties: As the operator wrote them: the Java client's names, or librdkafka's.
        key: The dotted path of `properties` in the configuration, for errors.
        open_timeout: Seconds within which the cluster must answer when the source opens.
        partitions: Of each topic, read by this consumer alone: it joins no group, and the group's offsets only tell
            others how far it is. A position that the topic does not hold ends it. Empty: the group shares them all.
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


@dataclass(frozen=True, slots=True)
class KafkaProducerSettings:
    """A producer, which may serve several sinks.

    Attributes:
        bootstrap_servers: ``host:port``, several separated by commas.
        properties: As the operator wrote them: the Java client's names, or librdkafka's.
        key: The dotted path of `properties` in the configuration, for errors.
        transactional_id: For exactly-once; empty for at-least-once. See `build_transactional_id`.
        transaction_timeout: Seconds after which the broker aborts a transaction of a client that has gone. While it
            is open, readers of committed records wait; above the broker's maximum (15 minutes by default) it is refused.
        open_timeout: Seconds within which the cluster must answer when the producer opens.
    """

    bootstrap_servers: str
    properties: Mapping[str, object] = field(default_factory=dict)
    key: str = "stream_manager.sink.options.properties"
    transactional_id: str = ""
    transaction_timeout: float = 60.0
    open_timeout: float = 30.0


@dataclass(frozen=True, slots=True)
class TranslatedProperties:
    """What became of an operator's properties.

    Attributes:
        properties: librdkafka's names and text values.
        ignored: What has no effect here, with the reason.
    """

    properties: dict[str, str]
    ignored: dict[str, str]


def build_transactional_id(prefix: str, instance: str) -> str:
    """The id by which the broker knows a producer again after a restart, and shuts out the one before it.

    Args:
        prefix: What the replicas of a job have in common, usually its name.
        instance: What tells replicas apart and stays over restarts: the pod's ordinal, a host name.
    """
    return f"{prefix}-{instance}"


def build_consumer_properties(settings: KafkaSourceSettings) -> TranslatedProperties:
    """The properties of a consumer in librdkafka's names.

    Raises:
        ConfigError: A property is unknown, cannot be honoured or has no text value; or there is no group or topic. Names
            the dotted path.
    """
    _require_names(settings)
    translation = translate_properties(settings.properties, key=settings.key)
    ours = {"bootstrap.servers": settings.bootstrap_servers, "group.id": settings.group, **_SOURCE_OURS}
    if settings.end is not None:
        ours["enable.partition.eof"] = "true"
    if translation.properties.get("group.protocol") != "consumer":  # KIP-848 is cooperative by itself
        # Moves only the partitions that must move: the others go on being read while a replica comes or goes.
        ours["partition.assignment.strategy"] = "cooperative-sticky"
    return TranslatedProperties({**_SOURCE_DEFAULTS, **translation.properties, **ours}, translation.ignored)


def build_producer_properties(settings: KafkaProducerSettings) -> TranslatedProperties:
    """The properties of a producer in librdkafka's names.

    Raises:
        ConfigError: A property is unknown, cannot be honoured or has no text value, or the largest record does not fit
            into the buffer; names its dotted path.
    """
    translation = translate_properties(settings.properties, key=settings.key)
    _check_buffer(translation.properties, key=settings.key)
    ours = {"bootstrap.servers": settings.bootstrap_servers}
    defaults = {**_SINK_DEFAULTS, "queue.buffering.max.kbytes": str(_buffer_kilobytes(translation.properties))}
    if settings.transactional_id:
        ours["transactional.id"] = settings.transactional_id
        defaults["transaction.timeout.ms"] = str(round(settings.transaction_timeout * 1000))
        # After an outage of all brokers librdkafka 2.16 makes their handles anew ("rebootstrap", KIP-899), but goes on
        # asking the old one for the group's coordinator: offsets then wait for a transaction's whole timeout (seen).
        defaults["metadata.recovery.strategy"] = "none"
        # With several on their way, one that the outage cost is followed by the next, which the broker then refuses as out
        # of order (seen). Without transactions librdkafka makes up for that; a transaction it can only abort.
        defaults["max.in.flight.requests.per.connection"] = "1"
    return TranslatedProperties({**defaults, **translation.properties, **ours}, translation.ignored)


def _buffer_kilobytes(properties: Mapping[str, str]) -> int:
    """Librdkafka's default of 1 GiB would let a slow broker fill the memory; 32 MiB, or room for two large records."""
    return max(32_768, 2 * max_record_bytes(properties) // 1024)


def max_record_bytes(properties: Mapping[str, str]) -> int:
    """Up to how many bytes, key and all, a producer with these (translated) properties takes a record."""
    return int(properties.get("message.max.bytes", 1_000_000))


def _require_names(settings: KafkaSourceSettings) -> None:
    options = settings.key.rpartition(".")[0]
    for name, value in (("consumer_group", settings.group), ("topics", settings.topics)):
        if not value:  # librdkafka ends the process when it is given an empty group
            raise ConfigError(f"{options}.{name} is empty.", hint="A Kafka source needs one.", key=f"{options}.{name}")


def _check_buffer(properties: Mapping[str, str], *, key: str) -> None:
    """A record that is larger than the whole buffer would wait for room for ever."""
    kilobytes = properties.get("queue.buffering.max.kbytes", "1048576")
    largest = properties.get("message.max.bytes", "0")
    for name, text in (("buffer.memory", kilobytes), ("max.request.size", largest)):
        if not text.isdecimal():
            raise ConfigError(
                f"{key}.{name} is {text!r}, which is no whole number.", hint="Write digits.", key=f"{key}.{name}"
            )
    if int(largest) > int(kilobytes) * 1024:
        raise ConfigError(
            f"{key}.max.request.size is {largest}, but the buffer holds only {int(kilobytes) * 1024} bytes.",
            hint=f"Raise {key}.buffer.memory to at least as much.",
            key=f"{key}.buffer.memory",
        )


def translate_properties(properties: Mapping[str, object], *, key: str) -> TranslatedProperties:
    """The operator's properties in librdkafka's names.

    Args:
        properties: By the Java client's or by librdkafka's names; texts, numbers and booleans.
        key: The dotted path of the mapping in the configuration.

    Raises:
        ConfigError: A property is unknown, cannot be honoured or has no text value; names its dotted path.
    """
    translated: dict[str, str] = {}
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


def _to_text(name: str, value: object, *, key: str) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return value
        case int() | float():
            return str(value)
        case _:
            raise ConfigError(
                f"{key}.{name} is {_redact(name, value)}, a {type(value).__name__}.",
                hint="A Kafka property is a text, a number or a boolean.",
                key=f"{key}.{name}",
            )


def _convert(rename: Rename, name: str, text: str, *, key: str) -> str:
    try:
        return rename.convert(text)
    except ValueError as error:
        raise ConfigError(
            f"{key}.{name} is {_redact(name, text)}, which is no whole number.",
            hint="Write digits.",
            key=f"{key}.{name}",
        ) from error


def _require_known(name: str, *, key: str) -> str:
    if name in KNOWN_PROPERTIES:
        return name
    near = get_close_matches(name, [*KNOWN_PROPERTIES, *TREATMENTS], n=1, cutoff=0.6)
    raise ConfigError(
        f"{key}.{name} is no property of a Kafka client.",
        hint=f"Did you mean {near[0]}?" if near else "See librdkafka's CONFIGURATION.md for what there is.",
        key=f"{key}.{name}",
    )


def _redact(name: str, value: object) -> str:
    return "a secret" if name in SECRET_PROPERTIES else repr(value)
