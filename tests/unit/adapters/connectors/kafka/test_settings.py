"""From the operator's properties, in the Java client's names, to librdkafka's."""

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
def test_a_property_is_translated(name: str, value: object, expected: dict[str, str]) -> None:
    """Names, units and words of the Java client become librdkafka's; everything else passes through as text."""
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
def test_what_cannot_be_honoured_says_what_to_write(name: str, advice: str) -> None:
    """Ignoring a trust store or a login would be wrong; the error names the key and the way out, and no value."""
    with pytest.raises(ConfigError) as caught:
        translate_properties({name: "s3cret"}, key=KEY)
    assert caught.value.ids["key"] == f"{KEY}.{name}"
    assert advice in caught.value.hint
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize("name", ["key.deserializer", "value.serializer", "enable.auto.commit", "max.poll.records"])
def test_what_has_no_effect_is_left_out_with_a_reason(name: str) -> None:
    """The public jobs' files go on working, and the log says what had no effect."""
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
def test_a_misspelt_property_is_an_error_with_the_nearest_spelling(name: str, near: str) -> None:
    """The dotted path, what was found, and what was probably meant."""
    with pytest.raises(ConfigError, match=f"{KEY}.{name}") as caught:
        translate_properties({name: "x"}, key=KEY)
    assert f"Did you mean {near}?" in caught.value.hint


def test_an_unheard_of_property_is_an_error_without_a_guess() -> None:
    """Far from any name there is nothing to guess."""
    with pytest.raises(ConfigError) as caught:
        translate_properties({"zzzzzz": "x"}, key=KEY)
    assert "Did you mean" not in caught.value.hint


@pytest.mark.parametrize("value", [None, ["a"], {"a": "b"}])
def test_a_property_is_a_text_a_number_or_a_boolean(value: object) -> None:
    """A list under a Kafka property is a mistake of indentation."""
    with pytest.raises(ConfigError, match=r"ssl\.ca\.location"):
        translate_properties({"ssl.ca.location": value}, key=KEY)


def test_a_size_that_is_no_number_is_an_error_with_its_key() -> None:
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
def test_a_source_needs_a_group_and_a_topic(settings: KafkaSourceSettings, key: str) -> None:
    """An empty group would end the process inside of librdkafka, without a word."""
    with pytest.raises(ConfigError, match="is empty") as caught:
        KafkaSource(settings)
    assert caught.value.ids["key"] == key


def test_a_buffer_smaller_than_the_largest_record_is_an_error() -> None:
    """Such a record would wait for room for ever; the public job raises both (2026-06)."""
    with pytest.raises(ConfigError, match="the buffer holds only 33554432 bytes"):
        KafkaProducer(KafkaProducerSettings("b:1", {"max.request.size": "100663296", "buffer.memory": "33554432"}))


def test_a_limit_that_is_no_number_is_an_error_with_its_key() -> None:
    """Before any client is made."""
    with pytest.raises(ConfigError, match=r"max\.request\.size is '10MB'"):
        KafkaProducer(KafkaProducerSettings("b:1", {"max.request.size": "10MB"}))


def test_wikistate_keeps_what_its_guarantees_rest_on() -> None:
    """Offsets are committed by us alone, and only committed records are read."""
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


def test_the_brokers_own_group_protocol_takes_no_strategy() -> None:
    """KIP-848 shares partitions on the broker, and librdkafka refuses a strategy beside it."""
    settings = KafkaSourceSettings("b:1", ("t",), "g", properties={"group.protocol": "consumer"})
    assert "partition.assignment.strategy" not in build_consumer_properties(settings).properties


def test_a_bounded_source_hears_of_the_end_of_a_partition() -> None:
    """Transactions leave offsets without records at the end, so that counting records is not enough."""
    properties = build_consumer_properties(KafkaSourceSettings("b:1", ("t",), "g", end=LatestAtStart())).properties
    assert properties["enable.partition.eof"] == "true"


def test_a_producer_is_careful_unless_told_otherwise() -> None:
    """Acknowledged by all replicas, idempotent, compressed, and partitioned as by the Java client."""
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


def test_a_transactional_producer_has_an_id_and_a_timeout_below_the_brokers_limit() -> None:
    """The brokers' limit is 15 minutes by default; a minute holds readers up for no longer than a restart takes."""
    settings = KafkaProducerSettings("b:1", transactional_id=build_transactional_id("job", "0"))
    properties = build_producer_properties(settings).properties
    assert properties["transactional.id"] == "job-0"
    assert properties["transaction.timeout.ms"] == "60000"


@pytest.mark.parametrize(("kind", "names"), [(Consumer, CONSUMER_PROPERTIES), (Producer, PRODUCER_PROPERTIES)])
def test_every_name_on_the_list_is_one_of_the_installed_library(
    kind: type[Consumer | Producer], names: frozenset[str]
) -> None:
    """Librdkafka stops at the first name that it does not know: it has to be the one we made up."""
    unknown = []
    for name in sorted(names):
        try:
            kind({"group.id": "g", name: "1", "made.up": "1"})
        except (KafkaException, TypeError) as error:
            if f'No such configuration property: "{name}"' in str(error):
                unknown.append(name)
    assert unknown == []


def test_every_translation_ends_in_a_known_name() -> None:
    """The table cannot rename to something that librdkafka refuses."""
    assert {treatment.name for treatment in TREATMENTS.values() if isinstance(treatment, Rename)} <= KNOWN_PROPERTIES


@pytest.mark.parametrize("properties", [{"sasl.mechanism": "GSSAPI"}, {}])
async def test_kerberos_is_an_error_that_says_what_to_do(properties: dict[str, str]) -> None:
    """Kerberos is librdkafka's default mechanism, and the published build does not have it."""
    settings = KafkaSourceSettings("b:1", ("t",), "g", properties={"security.protocol": "SASL_SSL", **properties})
    source = KafkaSource(settings)
    with pytest.raises(ConfigError, match="GSSAPI") as caught:
        await source.open(_never)
    assert "Flink runner" in caught.value.hint
    await source.close()


async def test_a_value_that_librdkafka_refuses_is_an_error_of_the_settings() -> None:
    """A certificate that is not there is found when the client is made, and the error names it."""
    settings = KafkaProducerSettings("b:1", {"security.protocol": "SSL", "ssl.ca.location": "/does/not/exist"})
    producer = KafkaProducer(settings)
    with pytest.raises(ConfigError, match=r"ssl\.ca\.location"):
        await producer.open()
    await producer.close()


def test_a_client_is_made_of_its_translation() -> None:
    """The properties are librdkafka's, so the client accepts them without a broker."""
    translation = build_producer_properties(KafkaProducerSettings("127.0.0.1:1", {"max.request.size": "20971520"}))
    assert isinstance(create_client(Producer, translation, key=KEY, hooks={}), Producer)


async def _never(partitions: object) -> None:
    raise AssertionError(partitions)
