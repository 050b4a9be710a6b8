"""Notices at the start of a server that does not answer: none at first, then a line with the seconds that are left."""

from __future__ import annotations

import threading
import time

import pytest
import structlog

from wikistate.adapters.connectors.kafka import topic
from wikistate.adapters.connectors.kafka.settings import KafkaProducerSettings, KafkaSourceSettings
from wikistate.adapters.connectors.kafka.source import KafkaSource
from wikistate.adapters.connectors.start_waits import StartWaits
from wikistate.errors import SourceInterruptedError


def test_short_wait_is_silent() -> None:
    """A server that answers at once is not mentioned."""
    waits = StartWaits(quiet=30.0)
    with structlog.testing.capture_logs() as lines, waits.announce("Kafka", 60.0):
        assert waits.list_announced() == []
    assert lines == []


def test_long_wait_is_announced_and_counted_down() -> None:
    """Each line has the remaining seconds; the list is empty again after the wait."""
    waits = StartWaits(quiet=0.01, interval=0.6)
    with structlog.testing.capture_logs() as lines, waits.announce("Kafka at a:1 (error sink)", 30.0):
        deadline = time.monotonic() + 25
        while len(lines) < 3 and time.monotonic() < deadline:
            threading.Event().wait(0.01)
        (wait,) = waits.list_announced()
        assert wait.what == "Kafka at a:1 (error sink)"
    assert waits.list_announced() == []
    assert {line["event"] for line in lines} == {"start_waits"}
    left = [line["left"] for line in lines[:3]]
    assert left == sorted(left, reverse=True)
    assert 30 >= left[0] > left[2] > 0


def test_waits_of_several_servers_end_separately() -> None:
    """The live line shows all of them, oldest first."""
    waits = StartWaits(quiet=0.0)
    with waits.announce("one", 30.0):
        while not waits.list_announced():
            threading.Event().wait(0.01)
        with waits.announce("two", 30.0):
            while len(waits.list_announced()) < 2:
                threading.Event().wait(0.01)
            assert [wait.what for wait in waits.list_announced()] == ["one", "two"]
        assert [wait.what for wait in waits.list_announced()] == ["one"]


@pytest.mark.parametrize(("section", "role"), [("source", "source"), ("sink", "sink"), ("error_sink", "error sink")])
def test_place_names_the_cluster_and_the_part_of_the_job(section: str, role: str) -> None:
    """The operator sees which of the settings to correct."""
    settings = KafkaProducerSettings("localhost:9092", key=f"stream_manager.{section}.options.properties")
    assert settings.place == f"Kafka at localhost:9092 ({role})"


async def test_source_without_a_broker_says_what_it_waits_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first line comes long before the bound."""
    monkeypatch.setattr(topic, "START_WAITS", StartWaits(quiet=0.01))
    source = KafkaSource(KafkaSourceSettings("127.0.0.1:1", ("t",), "g", open_timeout=5.0))
    with structlog.testing.capture_logs() as lines:
        with pytest.raises(SourceInterruptedError, match="did not respond within 5 s"):
            await source.open(_ignore_revocation)
        await source.close()
    (first, *_) = [line for line in lines if line["event"] == "start_waits"]
    assert first["what"] == "Kafka at 127.0.0.1:1 (source)"
    assert 0 < first["left"] <= 5


async def _ignore_revocation(partitions: object) -> None:
    """Do nothing: no partition is revoked."""
