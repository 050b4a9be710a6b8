"""What a configuration says to a Kafka client, in the Java client's words."""

from __future__ import annotations

import pytest

from wikistate.adapters.connectors.kafka.java_client import to_java_properties
from wikistate.adapters.connectors.kafka.properties import TREATMENTS, Rename
from wikistate.errors import ConfigError

KEY = "stream_manager.sink.options.properties"


def test_what_both_clients_call_the_same_stays() -> None:
    """Also what Java alone knows."""
    given = {"security.protocol": "SSL", "linger.ms": "20", "ssl.truststore.location": "/trust.jks"}
    assert to_java_properties(given, key=KEY) == given


@pytest.mark.parametrize(
    ("java", "librdkafka"),
    [
        (java, treatment.name)
        for java, treatment in TREATMENTS.items()
        if isinstance(treatment, Rename)
        and treatment.convert is str
        and treatment.name not in ("client.id", "compression.level")
    ],
)
def test_the_two_directions_agree(java: str, librdkafka: str) -> None:
    """What is renamed on the way to librdkafka is renamed back."""
    assert to_java_properties({librdkafka: "7"}, key=KEY)[java] == "7"


def test_a_file_of_authorities_is_a_trust_store_in_pem() -> None:
    """Java must be told the format."""
    assert to_java_properties({"ssl.ca.location": "/ca.pem"}, key=KEY) == {
        "ssl.truststore.location": "/ca.pem",
        "ssl.truststore.type": "PEM",
    }


def test_a_buffer_is_counted_in_bytes() -> None:
    """The other client counts it in KiB."""
    assert to_java_properties({"queue.buffering.max.kbytes": "2"}, key=KEY) == {"buffer.memory": "2048"}


def test_name_and_password_become_a_login_that_no_password_can_break_out_of() -> None:
    """Quotes and backslashes are escaped."""
    given = {"sasl.mechanisms": "SCRAM-SHA-512", "sasl.username": "job", "sasl.password": 'a"b\\c'}
    found = to_java_properties(given, key=KEY)
    assert found["sasl.mechanism"] == "SCRAM-SHA-512"
    assert found["sasl.jaas.config"].endswith('ScramLoginModule required username="job" password="a\\"b\\\\c";')
    assert not found.keys() & {"sasl.username", "sasl.password"}


@pytest.mark.parametrize(
    "given",
    [
        {"sasl.username": "job", "sasl.password": "secret"},
        {"sasl.username": "job", "sasl.mechanism": "PLAIN"},
        {"ssl.key.location": "/key.pem"},
        {"transactional.id": "mine"},
    ],
)
def test_what_has_no_counterpart_is_refused_with_advice(given: dict[str, str]) -> None:
    """Ignoring it would be wrong; the message never shows a secret."""
    with pytest.raises(ConfigError) as refused:
        to_java_properties(given, key=KEY)
    assert refused.value.hint
    assert str(refused.value.ids["key"]).startswith(KEY)
    assert "secret" not in str(refused.value)
