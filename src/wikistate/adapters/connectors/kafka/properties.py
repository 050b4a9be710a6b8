"""The table between the properties of the Java client and those of librdkafka.

The public jobs are configured for the Java client, and their files must also work here. Sources: Apache Kafka
documentation, "Producer Configs" and "Consumer Configs"; Apache Flink documentation, "Kafka Source"; librdkafka's
CONFIGURATION.md. A name outside of the table has the same meaning in both, or exists in librdkafka only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Rename:
    """A property with another name in librdkafka; `convert` converts the value if its unit or its words differ."""

    name: str
    convert: Callable[[str], str] = str


@dataclass(frozen=True, slots=True)
class Ignore:
    """A property without an effect here; the `reason` is logged."""

    reason: str


@dataclass(frozen=True, slots=True)
class Reject:
    """A property without support that must not be ignored; `hint` names the alternative."""

    hint: str


Treatment = Rename | Ignore | Reject


def _to_kilobytes(value: str) -> str:
    """Return bytes as whole KiB, rounded up, so that a limit never shrinks."""
    return str(-(-int(value) // 1024))


def _convert_buffer_size(value: str) -> str:
    """Return the size of a buffer. The default of the system is -1 in Java and 0 in librdkafka."""
    return "0" if value.strip() == "-1" else value


def _convert_endpoint_check(value: str) -> str:
    """Return the algorithm of the host name check. Java disables the check with an empty value."""
    return value.strip().lower() or "none"


_JAVA_TYPES = "records are bytes here and are not (de)serialised"
_OFFSETS = "wikistate commits after the sinks have flushed"
_JVM = "there is no JVM here"
_JAVA_METRICS = "metrics are reported by wikistate (telemetry)"
_WAITS = "wikistate waits while the sink is full; this is its back-pressure"
_OPENSSL = "OpenSSL chooses; see ssl.providers and ssl.cipher.suites"
_PEM = "Convert it once: keytool -importkeystore -srckeystore IN -destkeystore OUT.p12 -deststoretype PKCS12"

TREATMENTS: dict[str, Treatment] = {
    # Sizes and buffers
    "max.request.size": Rename("message.max.bytes"),
    "buffer.memory": Rename("queue.buffering.max.kbytes", _to_kilobytes),
    "send.buffer.bytes": Rename("socket.send.buffer.bytes", _convert_buffer_size),
    "receive.buffer.bytes": Rename("socket.receive.buffer.bytes", _convert_buffer_size),
    "max.block.ms": Ignore(_WAITS),
    "max.poll.records": Ignore("the runner limits the number of records itself"),
    # Compression
    "compression.gzip.level": Rename("compression.level"),
    "compression.lz4.level": Rename("compression.level"),
    "compression.zstd.level": Rename("compression.level"),
    # Topics, partitions, positions
    "partition.discovery.interval.ms": Rename("topic.metadata.refresh.interval.ms"),
    "fetch.max.wait.ms": Rename("fetch.wait.max.ms"),
    "partition.assignment.strategy": Ignore("the rebalance protocol is always cooperative here"),
    "partitioner.class": Reject("Leave it out: keys go to partitions as by the Java client's default partitioner."),
    "partitioner.ignore.keys": Reject("Leave it out, or write partitioner: random."),
    "partitioner.adaptive.partitioning.enable": Ignore("librdkafka distributes records without a key automatically"),
    "partitioner.availability.timeout.ms": Ignore("librdkafka distributes records without a key automatically"),
    "exclude.internal.topics": Ignore("topics are named one by one"),
    "auto.offset.reset": Ignore("offsets_initializer is the start of a group without committed offsets"),
    "enable.auto.commit": Ignore(_OFFSETS),
    "auto.commit.enable": Ignore(_OFFSETS),
    "auto.commit.interval.ms": Ignore(_OFFSETS),
    "enable.auto.offset.store": Ignore(_OFFSETS),
    "commit.offsets.on.checkpoint": Ignore(_OFFSETS),
    "enable.partition.eof": Ignore("wikistate sets it if it needs it"),
    # Properties with a separate setting
    "bootstrap.servers": Reject("Write it one level higher, as bootstrap_servers."),
    "metadata.broker.list": Reject("Write it one level higher, as bootstrap_servers."),
    "group.id": Reject("Write it one level higher, as consumer_group."),
    "transactional.id": Reject(
        "Leave it out: it is derived from the name of the job when delivery_guarantee is EXACTLY_ONCE."
    ),
    "delivery.report.only.error": Reject("Leave it out: wikistate needs its default."),
    "client.id.prefix": Rename("client.id"),
    # Java classes
    "key.serializer": Ignore(_JAVA_TYPES),
    "value.serializer": Ignore(_JAVA_TYPES),
    "key.deserializer": Ignore(_JAVA_TYPES),
    "value.deserializer": Ignore(_JAVA_TYPES),
    "interceptor.classes": Ignore(_JVM),
    "security.providers": Ignore(_JVM),
    "metric.reporters": Ignore(_JAVA_METRICS),
    "metrics.num.samples": Ignore(_JAVA_METRICS),
    "metrics.recording.level": Ignore(_JAVA_METRICS),
    "metrics.sample.window.ms": Ignore(_JAVA_METRICS),
    "auto.include.jmx.reporter": Ignore(_JAVA_METRICS),
    "register.consumer.metrics": Ignore(_JAVA_METRICS),
    # Times that librdkafka does not have
    "default.api.timeout.ms": Ignore("each call here has a separate timeout"),
    "metadata.max.idle.ms": Ignore("librdkafka drops idle topics after metadata.max.age.ms"),
    "socket.connection.setup.timeout.max.ms": Ignore("the timeout of a connection is constant in librdkafka"),
    # TLS
    "ssl.truststore.location": Reject(
        "Write ssl.ca.location with a file of PEM certificates (keytool -exportcert -rfc)."
    ),
    "ssl.truststore.password": Reject(
        "Leave it out: ssl.ca.location is a file of PEM certificates without a password."
    ),
    "ssl.truststore.type": Reject("Leave it out: ssl.ca.location is a file of PEM certificates."),
    "ssl.truststore.certificates": Rename("ssl.ca.pem"),
    "ssl.keystore.type": Reject(f"Leave it out: ssl.keystore.location is a PKCS #12 file. {_PEM}"),
    "ssl.keystore.key": Rename("ssl.key.pem"),
    "ssl.keystore.certificate.chain": Rename("ssl.certificate.pem"),
    "ssl.endpoint.identification.algorithm": Rename("ssl.endpoint.identification.algorithm", _convert_endpoint_check),
    "ssl.engine.factory.class": Reject(
        "Leave it out and write ssl.ca.location, ssl.certificate.location, ssl.key.location."
    ),
    "ssl.enabled.protocols": Ignore(_OPENSSL),
    "ssl.protocol": Ignore(_OPENSSL),
    "ssl.provider": Ignore(_OPENSSL),
    "ssl.keymanager.algorithm": Ignore(_OPENSSL),
    "ssl.trustmanager.algorithm": Ignore(_OPENSSL),
    "ssl.secure.random.implementation": Ignore(_OPENSSL),
    # SASL
    "sasl.jaas.config": Reject(
        "Write sasl.mechanism, sasl.username and sasl.password (for OAUTHBEARER: sasl.oauthbearer.*)."
    ),
    "sasl.client.callback.handler.class": Reject("Leave it out: there are no Java classes here."),
    "sasl.login.callback.handler.class": Reject("Write sasl.oauthbearer.method: oidc and sasl.oauthbearer.* instead."),
    "sasl.login.class": Reject("Leave it out: there are no Java classes here."),
    "sasl.kerberos.ticket.renew.window.factor": Ignore("see sasl.kerberos.min.time.before.relogin"),
    "sasl.kerberos.ticket.renew.jitter": Ignore("see sasl.kerberos.min.time.before.relogin"),
}
"""The treatment of each property by the name in the settings."""
