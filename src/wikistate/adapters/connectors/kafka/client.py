"""The parts that all Kafka clients share: their construction and their log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from confluent_kafka import KafkaException

from wikistate.adapters.connectors.kafka.errors import ALL_BROKERS_DOWN
from wikistate.errors import ConfigError
from wikistate.secret import reveal

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from confluent_kafka import KafkaError

    from wikistate.adapters.connectors.kafka.settings import TranslatedProperties

C = TypeVar("C")

log = structlog.get_logger(__name__)

_KERBEROS = "No provider for SASL mechanism GSSAPI"


class ClientLog:
    """A logger for the log lines of librdkafka, which calls this object as a `logging.Logger`.

    All lines have the level `debug`. Serious errors also arrive as a callback or as the error of a call, and librdkafka
    repeats the same line at each attempt to connect.
    """

    def __init__(self, client: str) -> None:
        self._client = client

    def log(self, level: int, template: str, *parts: object, **_: object) -> None:
        """Log one line. The level is a number of the standard library."""
        severity = logging.getLevelName(level)
        log.debug("kafka_client_message", client=self._client, severity=severity, line=template % parts)


class Outage:
    """The state of the connection: logs once that the brokers are unavailable, and once that they are available again.

    A client reconnects automatically and without a limit; each failed attempt is a separate report.

    Args:
        client: The name of the client in the log.
    """

    def __init__(self, client: str) -> None:
        self._client = client
        self.reason = ""
        self.is_away = False

    def report(self, error: KafkaError) -> None:
        """Record an error that librdkafka reports outside of a call. May be called on any thread."""
        if error.code() != ALL_BROKERS_DOWN:
            # One broker of several: the others respond. A single broker: "all are down" follows.
            self.reason = error.str()
        elif not self.is_away:
            self.is_away = True
            log.warning("kafka_unavailable", client=self._client, reason=self.reason or error.str())

    def resolved(self) -> None:
        """Record that data was received."""
        if self.is_away:
            self.is_away = False
            self.reason = ""
            log.info("kafka_available", client=self._client)


def create_client(
    client_class: Callable[[dict[str, Any]], C],
    translation: TranslatedProperties,
    *,
    key: str,
    hooks: Mapping[str, object],
) -> C:
    """Return a client. It connects in the background: this call waits for no broker.

    Args:
        client_class: The class of the client.
        translation: Its properties.
        key: The dotted path of the operator's properties, for errors.
        hooks: The properties that are callbacks: ``error_cb``, ``on_delivery``.

    Raises:
        ConfigError: librdkafka rejects the properties: a value, the file of a certificate, or a mechanism without support.
    """
    for name, why in translation.ignored.items():
        log.info("kafka_property_ignored", key=f"{key}.{name}", reason=why)
    try:
        properties = {name: reveal(value) for name, value in translation.properties.items()}
        return client_class({**properties, **hooks, "logger": ClientLog(client_class.__name__)})
    except KafkaException as error:
        raise _config_error(error.args[0], key=key) from error


def _config_error(error: KafkaError, *, key: str) -> ConfigError:
    text = error.str().strip()
    if _KERBEROS in text:
        return ConfigError(
            f"{key} asks for Kerberos (SASL mechanism GSSAPI), which this build of librdkafka does not support.",
            hint="Use SCRAM-SHA-512, OAUTHBEARER or TLS certificates; or the Flink runner, whose Java client has "
            "Kerberos; or install confluent-kafka built against a librdkafka with Cyrus SASL "
            "(pip install --no-binary confluent-kafka confluent-kafka).",
            key=key,
        )
    return ConfigError(f"{key} is rejected by librdkafka: {text}.", hint="Correct the property that it names.", key=key)
