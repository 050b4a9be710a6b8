"""The properties of a configuration in the names of the Java client."""

from __future__ import annotations

import pytest

from wikistate.adapters.connectors.kafka.java_client import asks_for_kerberos, to_java_properties
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


GSSAPI = {"security.protocol": "SASL_SSL", "sasl.mechanism": "GSSAPI"}


def test_keytab_is_login_of_java() -> None:
    """The names of librdkafka become a login of the JVM, and no property of the client."""
    given = {**GSSAPI, "sasl.kerberos.keytab": "/etc/job.keytab", "sasl.kerberos.principal": "job@MY.REALM"}
    assert to_java_properties(given, key=KEY) == {
        **GSSAPI,
        "sasl.kerberos.service.name": "kafka",
        "sasl.jaas.config": "com.sun.security.auth.module.Krb5LoginModule required useKeyTab=true storeKey=true "
        'keyTab="/etc/job.keytab" principal="job@MY.REALM";',
    }


@pytest.mark.parametrize("given", [GSSAPI, {"security.protocol": "SASL_PLAINTEXT"}])
def test_kerberos_without_keytab_uses_login_of_jvm(given: dict[str, str]) -> None:
    """GSSAPI is the default mechanism. The Java client has no default name of the service."""
    assert to_java_properties(given, key=KEY) == {**given, "sasl.kerberos.service.name": "kafka"}


def test_own_kerberos_login_is_unchanged() -> None:
    """A login for the Java client and the name of the service have precedence."""
    given = {**GSSAPI, "sasl.jaas.config": "com.example.Module required;", "sasl.kerberos.service.name": "broker"}
    assert to_java_properties(given, key=KEY) == given


@pytest.mark.parametrize(
    ("name", "missing"),
    [
        ("sasl.kerberos.keytab", "sasl.kerberos.principal"),
        ("sasl.kerberos.principal", "sasl.kerberos.keytab"),
    ],
)
def test_keytab_and_principal_need_each_other(name: str, missing: str) -> None:
    """The error names the missing property."""
    with pytest.raises(ConfigError) as caught:
        to_java_properties({**GSSAPI, name: "job"}, key=KEY)
    assert caught.value.ids["key"] == f"{KEY}.{missing}"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (GSSAPI, True),
        ({"security.protocol": "sasl_plaintext", "sasl.mechanisms": "gssapi"}, True),
        ({"security.protocol": "SASL_SSL", "sasl.mechanism": "PLAIN"}, False),
        ({"security.protocol": "SSL"}, False),
        ({}, False),
    ],
)
def test_kerberos_is_recognised(given: dict[str, str], expected: object) -> None:
    """By protocol and mechanism, in the names of both clients."""
    assert asks_for_kerberos(given) is expected
