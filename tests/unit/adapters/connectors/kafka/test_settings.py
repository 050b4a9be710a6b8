"""The translation of the operator's properties from the names of the Java client to those of librdkafka."""

from __future__ import annotations

import pytest
from confluent_kafka import Consumer, KafkaException, Producer

from wikistate.adapters.connectors.kafka.client import create_client
from wikistate.adapters.connectors.kafka.known_properties import (
    CONSUMER_PROPERTIES,
    KNOWN_PROPERTIES,
    PRODUCER_PROPERTIES,
)
from wikistate.adapters.connectors.kafka.producer import KafkaProducer
from wikistate.adapters.connectors.kafka.properties import TREATMENTS, Rename
from wikistate.adapters.connectors.kafka.settings import (
    KafkaProducerSettings,
    KafkaSourceSettings,
    build_consumer_properties,
    build_producer_properties,
    build_transactional_id,
    translate_properties,
)
from wikistate.adapters.connectors.kafka.source import KafkaSource
from wikistate.adapters.connectors.start_stop import LatestAtStart
from wikistate.errors import ConfigError

KEY = "stream_manager.sink.options.properties"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("max.request.size", "20971520", {"message.max.bytes": "20971520"}),
        ("max.request.size", 100663296, {"message.max.bytes": "100663296"}),
        ("buffer.memory", "134217728", {"queue.buffering.max.kbytes": "131072"}),
        ("buffer.memory", "1025", {"queue.buffering.max.kbytes": "2"}),
        ("partition.discovery.interval.ms", "60000", {"topic.metadata.refresh.interval.ms": "60000"}),
        ("fetch.max.wait.ms", "100", {"fetch.wait.max.ms": "100"}),
        ("send.buffer.bytes", "-1", {"socket.send.buffer.bytes": "0"}),
        ("receive.buffer.bytes", "65536", {"socket.receive.buffer.bytes": "65536"}),
        ("compression.zstd.level", "9", {"compression.level": "9"}),
        ("ssl.endpoint.identification.algorithm", "", {"ssl.endpoint.identification.algorithm": "none"}),
        ("ssl.truststore.certificates", "PEM", {"ssl.ca.pem": "PEM"}),
        ("security.protocol", "SSL", {"security.protocol": "SSL"}),
        ("ssl.ca.location", "/etc/ssl/certs/ca.crt", {"ssl.ca.location": "/etc/ssl/certs/ca.crt"}),
        ("compression.type", "zstd", {"compression.type": "zstd"}),
        ("enable.idempotence", True, {"enable.idempotence": "true"}),
        ("socket.keepalive.enable", False, {"socket.keepalive.enable": "false"}),
        ("linger.ms", 0.5, {"linger.ms": "0.5"}),
    ],
)
def test_property_is_translated(name: str, value: object, expected: dict[str, str]) -> None:
    """Names, units and words of the Java client become those of librdkafka; other values are passed as text."""
    assert translate_properties({name: value}, key=KEY).properties == expected


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("ssl.truststore.location", "ssl.ca.location"),
        ("ssl.truststore.password", "ssl.ca.location"),
        ("sasl.jaas.config", "sasl.username and sasl.password"),
        ("bootstrap.servers", "bootstrap_servers"),
        ("group.id", "consumer_group"),
        ("transactional.id", "EXACTLY_ONCE"),
    ],
)
def test_unsupported_property_is_rejected_with_alternative(name: str, advice: str) -> None:
    """A trust store or a login must not be ignored; the error names the key and the alternative, and no value."""
    with pytest.raises(ConfigError) as caught:
        translate_properties({name: "s3cret"}, key=KEY)
    assert caught.value.ids["key"] == f"{KEY}.{name}"
    assert advice in caught.value.hint
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("name", ["key.deserializer", "value.serializer", "enable.auto.commit", "max.poll.records"])
def test_property_without_effect_is_ignored_with_reason(name: str) -> None:
    """The files of the public jobs stay valid, and the log names the properties without effect."""
    translation = translate_properties({name: "anything"}, key=KEY)
    assert translation.properties == {}
    assert translation.ignored[name]


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("compresion.type", "compression.type"),
        ("max.request.sise", "max.request.size"),
        ("ssl.ca.loc", "ssl.ca.location"),
    ],
)
def test_misspelt_property_is_an_error_with_nearest_spelling(name: str, near: str) -> None:
    """The error has the dotted path, the value and the probable spelling."""
    with pytest.raises(ConfigError, match=f"{KEY}.{name}") as caught:
        translate_properties({name: "x"}, key=KEY)
    assert f"Did you mean {near}?" in caught.value.hint


def test_unknown_property_without_near_name_has_no_suggestion() -> None:
    """No name is near enough."""
    with pytest.raises(ConfigError) as caught:
        translate_properties({"zzzzzz": "x"}, key=KEY)
    assert "Did you mean" not in caught.value.hint


@pytest.mark.parametrize("value", [None, ["a"], {"a": "b"}])
def test_property_is_text_number_or_boolean(value: object) -> None:
    """A list under a Kafka property is a mistake of indentation."""
    with pytest.raises(ConfigError, match=r"ssl\.ca\.location"):
        translate_properties({"ssl.ca.location": value}, key=KEY)


def test_error_of_invalid_buffer_size_names_key() -> None:
    """The conversion of units does not end in a traceback."""
    with pytest.raises(ConfigError, match=r"buffer\.memory is '128M'"):
        translate_properties({"buffer.memory": "128M"}, key=KEY)


@pytest.mark.parametrize(
    ("settings", "key"),
    [
        (KafkaSourceSettings("b:1", ("t",), ""), "stream_manager.source.options.consumer_group"),
        (KafkaSourceSettings("b:1", (), "g"), "stream_manager.source.options.topics"),
    ],
)
def test_source_needs_group_and_topic(settings: KafkaSourceSettings, key: str) -> None:
    """An empty group would abort the process inside of librdkafka without a message."""
    with pytest.raises(ConfigError, match="is empty") as caught:
        KafkaSource(settings)
    assert caught.value.ids["key"] == key


def test_buffer_smaller_than_largest_record_is_an_error() -> None:
    """Such a record would wait without end; the public job raises both (2026-06)."""
    with pytest.raises(ConfigError, match="the buffer holds only 33554432 bytes"):
        KafkaProducer(KafkaProducerSettings("b:1", {"max.request.size": "100663296", "buffer.memory": "33554432"}))


def test_error_of_invalid_record_limit_names_key() -> None:
    """The error is raised before a client exists."""
    with pytest.raises(ConfigError, match=r"max\.request\.size is '10MB'"):
        KafkaProducer(KafkaProducerSettings("b:1", {"max.request.size": "10MB"}))


def test_properties_behind_guarantees_cannot_be_changed() -> None:
    """Only wikistate commits offsets, and only committed records are read."""
    properties = build_consumer_properties(
        KafkaSourceSettings(
            "b:1", ("t",), "g", properties={"enable.auto.commit": "true", "auto.offset.reset": "latest"}
        )
    ).properties
    assert properties["enable.auto.commit"] == "false"
    assert properties["enable.auto.offset.store"] == "false"
    assert properties["auto.offset.reset"] == "error"
    assert properties["isolation.level"] == "read_committed"
    assert properties["group.id"] == "g"
    assert properties["partition.assignment.strategy"] == "cooperative-sticky"
    assert "enable.partition.eof" not in properties


def test_group_protocol_of_broker_has_no_strategy() -> None:
    """KIP-848 assigns partitions on the broker, and librdkafka rejects a strategy with it."""
    settings = KafkaSourceSettings("b:1", ("t",), "g", properties={"group.protocol": "consumer"})
    assert "partition.assignment.strategy" not in build_consumer_properties(settings).properties


def test_bounded_source_enables_partition_eof() -> None:
    """Transactions leave offsets without records at the end, so a count of records is not enough."""
    properties = build_consumer_properties(KafkaSourceSettings("b:1", ("t",), "g", end=LatestAtStart())).properties
    assert properties["enable.partition.eof"] == "true"


def test_producer_defaults_are_safe() -> None:
    """All replicas acknowledge; records are idempotent, compressed and partitioned as in the Java client."""
    properties = build_producer_properties(KafkaProducerSettings("b:1")).properties
    expected = {
        "acks": "all",
        "enable.idempotence": "true",
        "compression.type": "snappy",
        "partitioner": "murmur2_random",
    }
    assert expected.items() <= properties.items()
    assert "transactional.id" not in properties
    told = build_producer_properties(KafkaProducerSettings("b:1", {"compression.type": "zstd"})).properties
    assert told["compression.type"] == "zstd"


def test_transactional_producer_has_id_and_timeout_below_broker_limit() -> None:
    """The default limit of brokers is 15 minutes; a minute delays readers no longer than a restart."""
    settings = KafkaProducerSettings("b:1", transactional_id=build_transactional_id("job", "0"))
    properties = build_producer_properties(settings).properties
    assert properties["transactional.id"] == "job-0"
    assert properties["transaction.timeout.ms"] == "60000"


@pytest.mark.parametrize(("kind", "names"), [(Consumer, CONSUMER_PROPERTIES), (Producer, PRODUCER_PROPERTIES)])
def test_each_listed_name_exists_in_installed_library(kind: type[Consumer | Producer], names: frozenset[str]) -> None:
    """Librdkafka stops at the first unknown name, which must be the invented one."""
    unknown = []
    for name in sorted(names):
        try:
            kind({"group.id": "g", name: "1", "made.up": "1"})
        except (KafkaException, TypeError) as error:
            if f'No such configuration property: "{name}"' in str(error):
                unknown.append(name)
    assert unknown == []


def test_each_translation_results_in_known_name() -> None:
    """The table cannot contain a name that librdkafka rejects."""
    assert {treatment.name for treatment in TREATMENTS.values() if isinstance(treatment, Rename)} <= KNOWN_PROPERTIES


@pytest.mark.parametrize("properties", [{"sasl.mechanism": "GSSAPI"}, {}])
async def test_error_of_kerberos_names_alternatives(properties: dict[str, str]) -> None:
    """Kerberos is the default mechanism of librdkafka, and the published build does not support it."""
    settings = KafkaSourceSettings("b:1", ("t",), "g", properties={"security.protocol": "SASL_SSL", **properties})
    source = KafkaSource(settings)
    with pytest.raises(ConfigError, match="GSSAPI") as caught:
        await source.open(_never)
    assert "Flink runner" in caught.value.hint
    await source.close()


async def test_value_that_librdkafka_rejects_is_a_config_error() -> None:
    """A missing certificate is found when the client is created, and the error names it."""
    settings = KafkaProducerSettings("b:1", {"security.protocol": "SSL", "ssl.ca.location": "/does/not/exist"})
    producer = KafkaProducer(settings)
    with pytest.raises(ConfigError, match=r"ssl\.ca\.location"):
        await producer.open()
    await producer.close()


def test_client_accepts_translated_properties() -> None:
    """The properties are those of librdkafka, so a client needs no broker to accept them."""
    translation = build_producer_properties(KafkaProducerSettings("127.0.0.1:1", {"max.request.size": "20971520"}))
    assert isinstance(create_client(Producer, translation, key=KEY, hooks={}), Producer)


async def _never(partitions: object) -> None:
    raise AssertionError(partitions)
