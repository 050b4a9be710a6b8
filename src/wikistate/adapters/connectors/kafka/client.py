"""What every Kafka client shares: how it is made and what it logs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, TypeVar

import structlog
from confluent_kafka import KafkaException

from wikistate.adapters.connectors.kafka.errors import ALL_BROKERS_DOWN
from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from confluent_kafka import KafkaError

    from wikistate.adapters.connectors.kafka.settings import TranslatedProperties

C = TypeVar("C")

log = structlog.get_logger(__name__)

_KERBEROS = "No provider for SASL mechanism GSSAPI"


class ClientLog:
    """Hands librdkafka's own log lines on; it calls this object as if it were a `logging.Logger`.

    At the level `debug`, however grave: what matters comes again as a callback or as the error of a call, and
    librdkafka says the same thing at each attempt to connect.
    """

    def __init__(self, client: str) -> None:
        self._client = client

    def log(self, level: int, template: str, *parts: object, **_: object) -> None:
        """One line, at the level of the standard library's numbers."""
        severity = logging.getLevelName(level)
        log.debug("kafka_client_message", client=self._client, severity=severity, line=template % parts)


class Outage:
    """Says once that the brokers are gone and once that they are back, and remembers why.

    A client tries again by itself and for ever; each attempt fails with a report of its own.

    Args:
        client: What is logged as the client's name.
    """

    def __init__(self, client: str) -> None:
        self._client = client
        self.reason = ""
        self.is_away = False

    def report(self, error: KafkaError) -> None:
        """An error that librdkafka reports outside of any call. It may be called on any thread."""
        if error.code() != ALL_BROKERS_DOWN:
            # One broker of several: the others answer. Of a single one: "all are down" follows.
            self.reason = error.str()
        elif not self.is_away:
            self.is_away = True
            log.warning("kafka_unavailable", client=self._client, reason=self.reason or error.str())

    def resolved(self) -> None:
        """Something was received."""
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
    """Make a client. It connects in the background: nothing here waits for a broker.

    Args:
        client_class: The client's class.
        translation: Its properties.
        key: The dotted path of the operator's properties, for errors.
        hooks: What is not a text: ``error_cb``, ``on_delivery``.

    Raises:
        ConfigError: librdkafka refuses the properties: a value, a file of a certificate, a mechanism that it lacks.
    """
    for name, why in translation.ignored.items():
        log.info("kafka_property_ignored", key=f"{key}.{name}", reason=why)
    try:
        return client_class({**translation.properties, **hooks, "logger": ClientLog(client_class.__name__)})
    except KafkaException as error:
        raise _config_error(error.args[0], key=key) from error


def _config_error(error: KafkaError, *, key: str) -> ConfigError:
    text = error.str().strip()
    if _KERBEROS in text:
        return ConfigError(
            f"{key} asks for Kerberos (SASL mechanism GSSAPI), which this build of librdkafka does not have.",
            hint="Use SCRAM-SHA-512, OAUTHBEARER or TLS certificates; or the Flink runner, whose Java client has "
            "Kerberos; or install confluent-kafka built against a librdkafka with Cyrus SASL "
            "(pip install --no-binary confluent-kafka confluent-kafka).",
            key=key,
        )
    return ConfigError(f"{key} is refused by librdkafka: {text}.", hint="Correct the property that it names.", key=key)
