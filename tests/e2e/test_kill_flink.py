"""Kill -9 of a job on Flink, whole or one Python worker, over real Kafka: nothing is lost, nothing overtakes."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from tests.e2e.change_stream import BODY_BYTES, compose
from tests.e2e.kill_flink import FlinkStream

from wikistate.testing.faults import Hang, Rule
from wikistate.testing.wiki.process import WikiProcess

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from tests.support.broker import KafkaBroker

    Make = Callable[[int, str], Awaitable[FlinkStream]]

pytestmark = [pytest.mark.fault, pytest.mark.timeout(3000)]
GUARANTEES = pytest.mark.parametrize("guarantee", ["AT_LEAST_ONCE", "EXACTLY_ONCE"])
SEED = 20_260_101
FIRST = 500
"""Outputs after which a job that has just started has kept something; it keeps each second what it has done."""


@pytest.fixture
async def wiki() -> AsyncIterator[WikiProcess]:
    """Wikis in a process of their own, where every revision exists."""
    async with WikiProcess("--bench", "--body-bytes", str(BODY_BYTES)) as wiki:
        yield wiki


@pytest.fixture
def make(kafka: KafkaBroker, wiki: WikiProcess, flink_python: Path, tmp_path: Path) -> Make:
    """Makes streams of so many changes."""

    async def make(count: int, guarantee: str) -> FlinkStream:
        composed = compose(count, Random(SEED))
        await wiki.set_faults(composed.rules)
        api = f"{wiki.url}/w/api.php"
        return FlinkStream(
            broker=kafka, composed=composed, api=api, guarantee=guarantee, folder=tmp_path, python=flink_python
        )

    return make


@GUARANTEES
async def test_a_job_whose_processes_are_killed_loses_nothing(guarantee: str, make: Make, *, long_faults: bool) -> None:
    """A worker is killed, and the job recovers by itself; then all of it, and the next run goes on. Nothing is left over."""
    count, rounds = (20_000, 4) if long_faults else (6_000, 1)
    moments = Random(SEED)
    with await make(count, guarantee) as stream:
        for _ in range(rounds):
            stream.start()
            stream.wait_for_growth(moments.randrange(FIRST, 2_000))
            stream.kill_worker(moments.choice)
            stream.wait_until_recovered()
            stream.wait_for_growth(moments.randrange(1, 2_000))
            stream.kill()
            assert not stream.is_complete()
        stream.start()
        assert stream.finish() == 0
    stream.assert_complete()
    stream.assert_order(restarts=2 * rounds)


@pytest.mark.parametrize("guarantee", ["EXACTLY_ONCE"])
async def test_a_second_sigterm_ends_the_job_at_once_and_loses_nothing(
    guarantee: str, make: Make, wiki: WikiProcess
) -> None:
    """The exit code is 130 while no wiki answers, so that a stop in good order cannot be; the next run does the rest."""
    with await make(2_000, guarantee) as stream:
        stream.start()
        stream.wait_for_growth(FIRST)
        await wiki.set_faults([Rule(Hang())])
        stream.run.terminate()
        stream.wait_for_log("flink_stop_requested")
        stream.run.terminate()
        assert stream.run.wait() == 130
        assert not stream.is_complete()
        await wiki.set_faults(stream.composed.rules)
        stream.start()
        assert stream.finish() == 0
    stream.assert_complete()
    stream.assert_order(restarts=1)
