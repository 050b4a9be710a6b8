"""Kill -9 of a job on Flink, whole or one Python worker, over real Kafka: no loss, and order within each page."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from tests.e2e.change_stream import BODY_BYTES, compose
from tests.e2e.kill_flink import FlinkStream
from tests.support.long_form import LONG

from wikistate.testing.faults import Hang, Rule
from wikistate.testing.wiki.process import WikiProcess

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from tests.support.broker import KafkaBroker

    StreamFactory = Callable[[int, str], Awaitable[FlinkStream]]

pytestmark = [pytest.mark.fault, pytest.mark.timeout(3000)]
GUARANTEES = pytest.mark.parametrize("guarantee", ["AT_LEAST_ONCE", "EXACTLY_ONCE"] if LONG else ["EXACTLY_ONCE"])
SEED = 20_260_101
FIRST = 500
"""Number of outputs after which a new job has completed a checkpoint; it takes one each second."""


@pytest.fixture
async def wiki() -> AsyncIterator[WikiProcess]:
    """Wikis in a separate process, where every revision exists."""
    async with WikiProcess("--bench", "--body-bytes", str(BODY_BYTES)) as wiki:
        yield wiki


@pytest.fixture
def make_stream(kafka: KafkaBroker, wiki: WikiProcess, flink_python: Path, tmp_path: Path) -> StreamFactory:
    """Function that makes streams of so many changes."""

    async def make_stream(count: int, guarantee: str) -> FlinkStream:
        composed = compose(count, Random(SEED))
        await wiki.set_faults(composed.rules)
        api = f"{wiki.url}/w/api.php"
        return FlinkStream(
            broker=kafka, composed=composed, api=api, guarantee=guarantee, folder=tmp_path, python=flink_python
        )

    return make_stream


@GUARANTEES
async def test_killed_job_loses_nothing(guarantee: str, make_stream: StreamFactory) -> None:
    """The job recovers from the kill of a worker, and the next run resumes after the kill of all processes."""
    count, rounds = (20_000, 4) if LONG else (6_000, 1)
    random = Random(SEED)
    with await make_stream(count, guarantee) as stream:
        for _ in range(rounds):
            stream.start()
            stream.wait_for_growth(random.randrange(FIRST, 2_000))
            stream.kill_worker(random.choice)
            stream.wait_until_recovered()
            stream.wait_for_growth(random.randrange(1, 2_000))
            stream.kill()
            assert not stream.is_complete()
        stream.start()
        assert stream.finish() == 0
    stream.assert_complete()
    stream.assert_order(restarts=2 * rounds)


@pytest.mark.parametrize("guarantee", ["EXACTLY_ONCE"])
async def test_second_sigterm_ends_the_job_at_once_without_loss(
    guarantee: str, make_stream: StreamFactory, wiki: WikiProcess
) -> None:
    """The exit code is 130 while no wiki answers, so that a savepoint is not possible; the next run does the rest."""
    with await make_stream(2_000, guarantee) as stream:
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
