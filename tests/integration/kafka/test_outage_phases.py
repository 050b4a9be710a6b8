"""Outages of the broker at each phase of a delivery: one run survives them under both guarantees."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

import pytest
from tests.integration.kafka.conftest import KafkaCluster
from tests.integration.kafka.outage_run import OutageRun, Phase
from tests.support.broker import KafkaBroker

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

pytestmark = [pytest.mark.kafka, pytest.mark.fault, pytest.mark.timeout(1800)]

LONG_OUTAGES = 20
RECORDS = 50
"""Records that are written before and after each outage."""

IMPATIENT_SOURCE = {"session_timeout_ms": 6000, "heartbeat_interval_ms": 1000}
IMPATIENT_PRODUCER = {"request.timeout.ms": "2000", "delivery.timeout.ms": "4000"}
IMPATIENT_TRANSACTION = {**IMPATIENT_PRODUCER, "transaction.timeout.ms": "5000"}
MUTE_SECONDS = 12.0
"""Longer than all of these."""


@pytest.fixture(scope="module")
def own_cluster(kafka: KafkaBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    """Broker for these tests, which stop it; it is available where the session's broker is."""
    assert kafka.is_running
    settings = {
        "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
        "group.min.session.timeout.ms": "1000",
    }
    with KafkaBroker(tmp_path_factory.mktemp("outage-phases"), settings=settings) as broker:
        yield KafkaCluster(broker)


@pytest.fixture(params=[False, True], ids=["at_least_once", "exactly_once"])
def exactly_once(request: pytest.FixtureRequest) -> bool:
    """Return whether outputs and offsets are in transactions."""
    chosen: bool = request.param
    return chosen


async def test_run_survives_outages_at_each_phase(
    own_cluster: KafkaCluster, *, exactly_once: bool, long_faults: bool
) -> None:
    """The broker is stopped or killed at a phase of a delivery and started again; nothing is lost, order holds."""
    draw = Random(7)
    broker = own_cluster.broker
    run = OutageRun(own_cluster, f"phases.{exactly_once}", exactly_once=exactly_once)
    count = LONG_OUTAGES if long_faults else len(Phase) // 2
    phases = list(Phase) if long_faults else [Phase.IN_FLIGHT, Phase.OFFSETS, Phase.COMMIT]
    async with run.running():
        for number in range(count):
            outage = _restart(broker, draw.choice((broker.stop, broker.kill)))
            run.trigger.arm(phases[number % len(phases)], outage, delay=draw.random() / 10)
            await run.trigger.reach(Phase.BEFORE)
            await _write_through(run)
    run.assert_complete()


async def test_run_survives_outages_beyond_all_timeouts(
    own_cluster: KafkaCluster, *, exactly_once: bool, long_faults: bool
) -> None:
    """The broker is mute for longer than the timeouts of deliveries, transactions and sessions."""
    run = OutageRun(
        own_cluster,
        f"mute.{exactly_once}",
        exactly_once=exactly_once,
        source=IMPATIENT_SOURCE,
        producer=IMPATIENT_TRANSACTION if exactly_once else IMPATIENT_PRODUCER,
    )
    phases = [Phase.IN_FLIGHT, Phase.FLUSH, Phase.OFFSETS, Phase.COMMIT, Phase.AFTER]
    async with run.running():
        for phase in phases if long_faults else (Phase.IN_FLIGHT, Phase.COMMIT):
            run.trigger.arm(phase, _mute(own_cluster.broker, MUTE_SECONDS), delay=0.01)
            await _write_through(run)
    run.assert_complete()
    assert run.interruptions >= 1


def _restart(broker: KafkaBroker, take_down: Callable[[], None]) -> Callable[[], Awaitable[None]]:
    async def outage() -> None:
        await asyncio.to_thread(take_down)
        await asyncio.to_thread(broker.start)

    return outage


def _mute(broker: KafkaBroker, seconds: float) -> Callable[[], Awaitable[None]]:
    async def outage() -> None:
        broker.pause()
        await asyncio.sleep(seconds)
        broker.resume()

    return outage


async def _write_through(run: OutageRun) -> None:
    """Write records, which reach the armed phase, and wait for the end of the outage and for the records."""
    writing = asyncio.create_task(run.write(RECORDS))
    await run.trigger.until_over()
    await writing
    await run.until_copied()
