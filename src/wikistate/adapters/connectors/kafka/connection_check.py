"""The detection of a client that stays disconnected although its brokers respond again."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

import structlog
from confluent_kafka import KafkaException

if TYPE_CHECKING:
    from collections.abc import Callable

log = structlog.get_logger(__name__)

_INTERVAL = 10.0  # seconds without progress before a check, and between two checks
_TIMEOUT = 5.0  # seconds for one request


class Client(Protocol):
    """The request that a check sends: every client of confluent-kafka has it."""

    def list_topics(self, topic: str | None = None, timeout: float = -1) -> object:
        """Request the metadata of the cluster. Blocks."""


class ConnectionCheck:
    """A check of one client that makes no progress, at intervals.

    A broker that has just started may answer a request for metadata with an empty list of brokers. librdkafka (2.10 to
    2.16) then forgets all of its brokers, and never connects again (observed). The client gives no sign of it: a
    consumer reads nothing, and a producer delivers nothing. Only a new client recovers.

    Args:
        name: The name of the client in the log.
        build: Builds another client with the same settings, which the check destroys.
        clock: Seconds.
    """

    def __init__(self, name: str, build: Callable[[], Client], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._name = name
        self._build = build
        self._clock = clock
        self._due = clock() + _INTERVAL

    def progressed(self) -> None:
        """Record that the client works: the next check is due after an interval without progress."""
        self._due = self._clock() + _INTERVAL

    def is_cut_off(self, client: Client) -> bool:
        """Return whether the brokers respond, but not to this client. Blocks for some seconds if a check is due.

        A client whose brokers are away is not cut off: it connects again when they are back.
        """
        if self._clock() < self._due:
            return False
        cut_off = not _responds(client) and _responds(self._build())
        self.progressed()
        if cut_off:
            log.warning("kafka_client_cut_off", client=self._name)
        return cut_off


def _responds(client: Client) -> bool:
    try:
        client.list_topics(timeout=_TIMEOUT)
    except KafkaException:
        return False
    return True
