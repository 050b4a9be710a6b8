"""The properties of a configuration in the names of the Java client."""

from __future__ import annotations

import pytest

from wikistate.adapters.connectors.kafka.java_client import to_java_properties
from wikistate.adapters.connectors.kafka.properties import TREATMENTS, Rename
from wikistate.errors import ConfigError

KEY = "stream_manager.sink.options.properties"


def test_common_names_are_unchanged() -> None:
    """Names that only Java knows are unchanged as well."""
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
def test_translations_in_both_directions_agree(java: str, librdkafka: str) -> None:
    """A name that is translated to librdkafka is translated back to the same name."""
    assert to_java_properties({librdkafka: "7"}, key=KEY)[java] == "7"


def test_file_of_authorities_is_trust_store_in_pem() -> None:
    """Java needs the format."""
    assert to_java_properties({"ssl.ca.location": "/ca.pem"}, key=KEY) == {
        "ssl.truststore.location": "/ca.pem",
        "ssl.truststore.type": "PEM",
    }


def test_buffer_size_is_in_bytes() -> None:
    """The unit of librdkafka is KiB."""
    assert to_java_properties({"queue.buffering.max.kbytes": "2"}, key=KEY) == {"buffer.memory": "2048"}


def test_quotes_in_password_cannot_end_login() -> None:
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
def test_property_without_counterpart_is_rejected_with_hint(given: dict[str, str]) -> None:
    """It must not be ignored; the message never contains a secret."""
    with pytest.raises(ConfigError) as refused:
        to_java_properties(given, key=KEY)
    assert refused.value.hint
    assert str(refused.value.ids["key"]).startswith(KEY)
    assert "secret" not in str(refused.value)
