"""The one table between the Java client's properties and librdkafka's.

The public jobs are configured for the Java client, and these files must go on working here. Sources: Apache Kafka
documentation, "Producer Configs" and "Consumer Configs"; Apache Flink documentation, "Kafka Source"; librdkafka's
CONFIGURATION.md. A name that is not in the table means the same to both, or is librdkafka's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(frozen=True, slots=True)
class Renamed:
    """librdkafka knows it by the name `to`; `convert` turns the value where the unit or the words differ."""

    to: str
    convert: Callable[[str], str] = str


@dataclass(frozen=True, slots=True)
class Ignored:
    """Has no effect here, and `why`; a log line says so."""

    why: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Cannot be honoured, and ignoring it would be wrong; `instead` says what to write."""

    instead: str


Treatment = Renamed | Ignored | Refused


def _kilobytes(value: str) -> str:
    """Bytes as whole KiB, rounded up, so that a limit never shrinks."""
    return str(-(-int(value) // 1024))


def _system_buffer(value: str) -> str:
    """Java says "the system's default" by -1, librdkafka by 0."""
    return "0" if value.strip() == "-1" else value


def _endpoint_check(value: str) -> str:
    """Java turns the check of the broker's host name off by an empty value."""
    return value.strip().lower() or "none"


_JAVA_TYPES = "records are bytes here, there is nothing to (de)serialise"
_OFFSETS = "wikistate commits what is done, after the sinks have flushed"
_JVM = "there is no JVM here"
_JAVA_METRICS = "metrics are reported by wikistate (telemetry)"
_WAITS = "wikistate waits as long as the sink is full; this is its back-pressure"
_OPENSSL = "OpenSSL chooses; see ssl.providers and ssl.cipher.suites"
_PEM = "Convert it once: keytool -importkeystore -srckeystore IN -destkeystore OUT.p12 -deststoretype PKCS12"

TABLE: dict[str, Treatment] = {
    # Sizes and buffers
    "max.request.size": Renamed("message.max.bytes"),
    "buffer.memory": Renamed("queue.buffering.max.kbytes", _kilobytes),
    "send.buffer.bytes": Renamed("socket.send.buffer.bytes", _system_buffer),
    "receive.buffer.bytes": Renamed("socket.receive.buffer.bytes", _system_buffer),
    "max.block.ms": Ignored(_WAITS),
    "max.poll.records": Ignored("the runner asks for as many records as it has room for"),
    # Compression
    "compression.gzip.level": Renamed("compression.level"),
    "compression.lz4.level": Renamed("compression.level"),
    "compression.zstd.level": Renamed("compression.level"),
    # Topics, partitions, positions
    "partition.discovery.interval.ms": Renamed("topic.metadata.refresh.interval.ms"),
    "fetch.max.wait.ms": Renamed("fetch.wait.max.ms"),
    "partition.assignment.strategy": Ignored("the members of a group share partitions cooperatively here"),
    "partitioner.class": Refused("Leave it out: keys go to partitions as by the Java client's default partitioner."),
    "partitioner.ignore.keys": Refused("Leave it out, or write partitioner: random."),
    "partitioner.adaptive.partitioning.enable": Ignored("librdkafka spreads keyless records by itself"),
    "partitioner.availability.timeout.ms": Ignored("librdkafka spreads keyless records by itself"),
    "exclude.internal.topics": Ignored("topics are named one by one"),
    "auto.offset.reset": Ignored("offsets_initializer says where a group starts that has committed nothing"),
    "enable.auto.commit": Ignored(_OFFSETS),
    "auto.commit.enable": Ignored(_OFFSETS),
    "auto.commit.interval.ms": Ignored(_OFFSETS),
    "enable.auto.offset.store": Ignored(_OFFSETS),
    "commit.offsets.on.checkpoint": Ignored(_OFFSETS),
    "enable.partition.eof": Ignored("wikistate sets it where it needs it"),
    # What has a setting of its own
    "bootstrap.servers": Refused("Write it one level higher, as bootstrap_servers."),
    "metadata.broker.list": Refused("Write it one level higher, as bootstrap_servers."),
    "group.id": Refused("Write it one level higher, as consumer_group."),
    "transactional.id": Refused("Leave it out: it is made of the job's name when delivery_guarantee is EXACTLY_ONCE."),
    "delivery.report.only.error": Refused("Leave it out: wikistate depends on its own value."),
    "client.id.prefix": Renamed("client.id"),
    # Java classes
    "key.serializer": Ignored(_JAVA_TYPES),
    "value.serializer": Ignored(_JAVA_TYPES),
    "key.deserializer": Ignored(_JAVA_TYPES),
    "value.deserializer": Ignored(_JAVA_TYPES),
    "interceptor.classes": Ignored(_JVM),
    "security.providers": Ignored(_JVM),
    "metric.reporters": Ignored(_JAVA_METRICS),
    "metrics.num.samples": Ignored(_JAVA_METRICS),
    "metrics.recording.level": Ignored(_JAVA_METRICS),
    "metrics.sample.window.ms": Ignored(_JAVA_METRICS),
    "auto.include.jmx.reporter": Ignored(_JAVA_METRICS),
    "register.consumer.metrics": Ignored(_JAVA_METRICS),
    # Times that librdkafka does not have
    "default.api.timeout.ms": Ignored("each call here has a bound of its own"),
    "metadata.max.idle.ms": Ignored("librdkafka forgets idle topics by metadata.max.age.ms"),
    "socket.connection.setup.timeout.max.ms": Ignored("librdkafka's time for a connection does not grow"),
    # TLS
    "ssl.truststore.location": Refused(
        "Write ssl.ca.location with a file of PEM certificates (keytool -exportcert -rfc)."
    ),
    "ssl.truststore.password": Refused(
        "Leave it out: ssl.ca.location is a file of PEM certificates without a password."
    ),
    "ssl.truststore.type": Refused("Leave it out: ssl.ca.location is a file of PEM certificates."),
    "ssl.truststore.certificates": Renamed("ssl.ca.pem"),
    "ssl.keystore.type": Refused(f"Leave it out: ssl.keystore.location is a PKCS #12 file. {_PEM}"),
    "ssl.keystore.key": Renamed("ssl.key.pem"),
    "ssl.keystore.certificate.chain": Renamed("ssl.certificate.pem"),
    "ssl.endpoint.identification.algorithm": Renamed("ssl.endpoint.identification.algorithm", _endpoint_check),
    "ssl.engine.factory.class": Refused(
        "Leave it out and write ssl.ca.location, ssl.certificate.location, ssl.key.location."
    ),
    "ssl.enabled.protocols": Ignored(_OPENSSL),
    "ssl.protocol": Ignored(_OPENSSL),
    "ssl.provider": Ignored(_OPENSSL),
    "ssl.keymanager.algorithm": Ignored(_OPENSSL),
    "ssl.trustmanager.algorithm": Ignored(_OPENSSL),
    "ssl.secure.random.implementation": Ignored(_OPENSSL),
    # SASL
    "sasl.jaas.config": Refused(
        "Write sasl.mechanism, sasl.username and sasl.password (for OAUTHBEARER: sasl.oauthbearer.*)."
    ),
    "sasl.client.callback.handler.class": Refused("Leave it out: there are no Java classes here."),
    "sasl.login.callback.handler.class": Refused("Write sasl.oauthbearer.method: oidc and sasl.oauthbearer.* instead."),
    "sasl.login.class": Refused("Leave it out: there are no Java classes here."),
    "sasl.kerberos.ticket.renew.window.factor": Ignored("see sasl.kerberos.min.time.before.relogin"),
    "sasl.kerberos.ticket.renew.jitter": Ignored("see sasl.kerberos.min.time.before.relogin"),
}
"""Treatment by the name that the operator writes."""
