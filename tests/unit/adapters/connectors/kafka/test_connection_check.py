"""A client that is cut off from brokers that respond, and clients that are not."""

from __future__ import annotations

from confluent_kafka import KafkaError, KafkaException
from structlog.testing import capture_logs

from wikistate.adapters.connectors.kafka.connection_check import ConnectionCheck


class _Client:
    """A client whose cluster responds or not."""

    def __init__(self, *, responds: bool) -> None:
        self.responds = responds
        self.requests = 0

    def list_topics(self, topic: str | None = None, timeout: float = -1) -> object:
        """See `Client`."""
        del topic, timeout
        self.requests += 1
        if not self.responds:
            raise KafkaException(KafkaError(KafkaError._TRANSPORT))
        return None


class _Bench:
    """A check, with the client that it builds and a clock."""

    def __init__(self, *, brokers_respond: bool) -> None:
        self.now = 0.0
        self.fresh = _Client(responds=brokers_respond)
        self.check = ConnectionCheck("test", lambda: self.fresh, clock=lambda: self.now)


def test_client_is_cut_off_if_only_a_new_client_gets_a_response() -> None:
    """The log names the client."""
    bench, client = _Bench(brokers_respond=True), _Client(responds=False)
    bench.now = 10.0
    with capture_logs() as lines:
        assert bench.check.is_cut_off(client)
    assert [(line["event"], line["client"]) for line in lines] == [("kafka_client_cut_off", "test")]


def test_client_whose_brokers_are_away_is_not_cut_off() -> None:
    """It connects again when they are back."""
    bench, client = _Bench(brokers_respond=False), _Client(responds=False)
    bench.now = 10.0
    assert not bench.check.is_cut_off(client)
    assert bench.fresh.requests == 1


def test_idle_client_with_a_response_is_not_cut_off() -> None:
    """No other client is built."""
    bench, client = _Bench(brokers_respond=True), _Client(responds=True)
    bench.now = 10.0
    assert not bench.check.is_cut_off(client)
    assert bench.fresh.requests == 0


def test_client_that_progresses_is_not_asked() -> None:
    """A check sends a request only after an interval without progress, and once in an interval."""
    bench, client = _Bench(brokers_respond=True), _Client(responds=True)
    bench.now = 9.0
    assert not bench.check.is_cut_off(client)
    bench.check.progressed()
    bench.now = 18.0
    assert not bench.check.is_cut_off(client)
    assert client.requests == 0
    bench.now = 19.0
    assert not bench.check.is_cut_off(client)
    assert not bench.check.is_cut_off(client)
    assert client.requests == 1
