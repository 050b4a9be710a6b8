"""Properties for the Java client of Apache Kafka, which Flink uses.

A configuration serves both runners, so its names of librdkafka are translated to those of Java. Sources: librdkafka's
CONFIGURATION.md; Apache Kafka documentation, "Producer Configs", "Consumer Configs", "Encryption and Authentication
using SSL" and "Authentication using SASL". `properties` holds the other direction.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.core.events.integers import parse_integer
from wikistate.errors import ConfigError
from wikistate.secret import reveal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.secret import Secret

_PEM_TRUST = {"ssl.truststore.type": "PEM"}
_PEM_KEY = {"ssl.keystore.type": "PEM"}

_RENAMED = {
    "message.max.bytes": "max.request.size",
    "topic.metadata.refresh.interval.ms": "partition.discovery.interval.ms",
    "fetch.wait.max.ms": "fetch.max.wait.ms",
    "fetch.message.max.bytes": "max.partition.fetch.bytes",
    "queue.buffering.max.ms": "linger.ms",
    "compression.codec": "compression.type",
    "request.required.acks": "acks",
    "message.timeout.ms": "delivery.timeout.ms",
    "sasl.mechanisms": "sasl.mechanism",
    "socket.send.buffer.bytes": "send.buffer.bytes",
    "socket.receive.buffer.bytes": "receive.buffer.bytes",
    "ssl.ca.location": "ssl.truststore.location",
    "ssl.ca.pem": "ssl.truststore.certificates",
    "ssl.key.pem": "ssl.keystore.key",
    "ssl.certificate.pem": "ssl.keystore.certificate.chain",
}
_COMPANIONS = {"ssl.ca.location": _PEM_TRUST, "ssl.ca.pem": _PEM_TRUST, "ssl.key.pem": _PEM_KEY}

_REFUSED = {
    "ssl.key.location": "Write ssl.key.pem and ssl.certificate.pem, which both runners read.",
    "ssl.certificate.location": "Write ssl.key.pem and ssl.certificate.pem, which both runners read.",
    "bootstrap.servers": "Write it one level higher, as bootstrap_servers.",
    "group.id": "Write it one level higher, as consumer_group.",
    "transactional.id": "Leave it out: it is derived from the consumer group or the name of the job.",
}

_LOGIN = ("sasl.username", "sasl.password")
_KERBEROS_LOGIN = ("sasl.kerberos.keytab", "sasl.kerberos.principal")
_KERBEROS_MODULE = "com.sun.security.auth.module.Krb5LoginModule"
_KERBEROS_SERVICE = {"sasl.kerberos.service.name": "kafka"}
"""The default of librdkafka. The Java client has none."""

_LOGIN_MODULES = {
    "PLAIN": "org.apache.flink.kafka.shaded.org.apache.kafka.common.security.plain.PlainLoginModule",
    "SCRAM-SHA-256": "org.apache.flink.kafka.shaded.org.apache.kafka.common.security.scram.ScramLoginModule",
    "SCRAM-SHA-512": "org.apache.flink.kafka.shaded.org.apache.kafka.common.security.scram.ScramLoginModule",
}


def to_java_properties(properties: Mapping[str, str | Secret], *, key: str) -> dict[str, str]:
    """Return the properties with the names of the Java client; a name that Java knows stays unchanged.

    The secrets among them are plain text: only the builder of the client gets the result.

    Args:
        properties: The properties as the operator wrote them.
        key: The dotted path of their setting, for errors.

    Raises:
        ConfigError: A property has no counterpart, and it must not be left out.
    """
    found: dict[str, str] = {}
    for name, hidden in properties.items():
        value = reveal(hidden)
        if name in _REFUSED:
            raise ConfigError(f"{key}.{name} is not for Flink.", hint=_REFUSED[name], key=f"{key}.{name}")
        if name == "queue.buffering.max.kbytes":
            kilobytes = parse_integer(value)
            if kilobytes is None:
                raise ConfigError(
                    f"{key}.{name} is {value!r:.60}, which is not a whole number.",
                    hint="Write digits.",
                    key=f"{key}.{name}",
                )
            found["buffer.memory"] = str(kilobytes * 1024)
        elif name not in (*_LOGIN, *_KERBEROS_LOGIN):
            found |= {_RENAMED.get(name, name): value, **_COMPANIONS.get(name, {})}
    if asks_for_kerberos(properties):
        return _KERBEROS_SERVICE | found | _build_kerberos_login(properties, key)
    return found | _build_login(properties, key)


def asks_for_kerberos(properties: Mapping[str, str | Secret]) -> bool:
    """Return whether the clients log in by Kerberos, which is the default mechanism of both clients."""
    protocol = reveal(properties.get("security.protocol", "")).upper()
    mechanism = reveal(properties.get("sasl.mechanism", properties.get("sasl.mechanisms", "GSSAPI"))).upper()
    return protocol.startswith("SASL_") and mechanism == "GSSAPI"


def _build_kerberos_login(properties: Mapping[str, str | Secret], key: str) -> dict[str, str]:
    """Return the login with a keytab. Without one, the login of the JVM applies, which Flink's options configure."""
    stated = [name for name in _KERBEROS_LOGIN if name in properties]
    if not stated:
        return {}
    if len(stated) == 1:
        (missing,) = set(_KERBEROS_LOGIN) - set(stated)
        raise ConfigError(
            f"{key} has {stated[0]} without {missing}.",
            hint=f"Write {missing}; or leave both out and set flink.security.kerberos.login.* instead.",
            key=f"{key}.{missing}",
        )
    keytab, principal = (_quote(reveal(properties[name])) for name in _KERBEROS_LOGIN)
    options = f"useKeyTab=true storeKey=true keyTab={keytab} principal={principal}"
    return {"sasl.jaas.config": f"{_KERBEROS_MODULE} required {options};"}


def _build_login(properties: Mapping[str, str | Secret], key: str) -> dict[str, str]:
    if not any(name in properties for name in _LOGIN):
        return {}
    mechanism = reveal(properties.get("sasl.mechanism", properties.get("sasl.mechanisms", ""))).upper()
    if mechanism not in _LOGIN_MODULES or not all(name in properties for name in _LOGIN):
        raise ConfigError(
            f"{key} has {' or '.join(_LOGIN)}, which need each other and a sasl.mechanism.",
            hint=f"With a name and a password: {', '.join(_LOGIN_MODULES)}. For others write sasl.jaas.config.",
            key=f"{key}.sasl.mechanism",
        )
    user, password = (_quote(reveal(properties[name])) for name in _LOGIN)
    return {"sasl.jaas.config": f"{_LOGIN_MODULES[mechanism]} required username={user} password={password};"}


def _quote(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
