"""Kill -9 at any moment, over real Kafka: no loss, order within each page, no commit of an event without output."""

from __future__ import annotations

import time
from random import Random
from typing import TYPE_CHECKING

import pytest
from tests.e2e.change_stream import BODY_BYTES, compose
from tests.e2e.enrichment_job import TIMEOUT
from tests.e2e.kill_stream import KillStream
from tests.support.processes import read_tail

from wikistate.testing.wiki.process import WikiProcess

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from tests.support.broker import KafkaBroker

    StreamFactory = Callable[[int, str], Awaitable[KillStream]]

pytestmark = pytest.mark.fault
GUARANTEES = pytest.mark.parametrize("guarantee", ["AT_LEAST_ONCE", "EXACTLY_ONCE"])
SEED = 20_260_101
START_SECONDS = 1.5
"""Seconds within which a member starts, joins its group and reads its first records."""


@pytest.fixture
async def wiki() -> AsyncIterator[WikiProcess]:
    """Wikis in a separate process, where every revision exists."""
    async with WikiProcess("--bench", "--body-bytes", str(BODY_BYTES)) as wiki:
        yield wiki


def kill_at_random_moment(stream: KillStream, random: Random, growth: int) -> None:
    """Start a member and kill it: half of the times while it starts, else after some of its outputs have arrived."""
    member = stream.start_member("a")
    if random.random() < 0.5:
        time.sleep(random.uniform(0.0, START_SECONDS))
    else:
        stream.wait_for_growth(random.randrange(1, growth), member)
    assert member.is_running, read_tail(member.log)
    member.kill()


@pytest.fixture
def make_stream(kafka: KafkaBroker, wiki: WikiProcess, tmp_path: Path) -> StreamFactory:
    """Function that makes streams of so many changes."""

    async def make_stream(count: int, guarantee: str) -> KillStream:
        composed = compose(count, Random(SEED))
        await wiki.set_faults(composed.rules)
        api = f"{wiki.url}/w/api.php"
        return KillStream(broker=kafka, composed=composed, api=api, guarantee=guarantee, folder=tmp_path)

    return make_stream


@GUARANTEES
@pytest.mark.timeout(3000)
async def test_member_that_is_killed_repeatedly_loses_nothing(
    guarantee: str, make_stream: StreamFactory, *, long_faults: bool
) -> None:
    """The kills also hit the start and a commit: committed events are in the outputs, and the outputs are in order."""
    count, kills = (20_000, 30) if long_faults else (4_000, 6)
    random = Random(SEED)
    with await make_stream(count, guarantee) as stream:
        for _ in range(kills):
            kill_at_random_moment(stream, random, count // kills)
            stream.assert_commits_cover_written_only()
        assert stream.finish() == 0
    stream.assert_complete()
    stream.assert_order(restarts=kills)


@GUARANTEES
async def test_two_members_survive_each_other(guarantee: str, make_stream: StreamFactory) -> None:
    """One is killed and the other takes over; it comes back and takes its share again; then the other way round."""
    with await make_stream(3_000, guarantee) as stream:
        one, other = stream.start_member("a", static=False), stream.start_member("b", static=False)
        for name in ("a", "b"):
            stream.wait_for_growth(300, one, other)
            one.kill()
            stream.assert_commits_cover_written_only()
            stream.wait_for_growth(300, other)
            one, other = other, stream.start_member(name, static=False)
        stream.wait_until_complete(one, other)
        assert [one.stop(within=TIMEOUT), other.stop(within=TIMEOUT)] == [0, 0]
    stream.assert_complete()
    stream.assert_order(restarts=5)  # two joined at the beginning, two were killed, two came back


@GUARANTEES
async def test_member_drains_on_sigterm(guarantee: str, make_stream: StreamFactory) -> None:
    """After SIGTERM exactly the committed events are in the outputs, the exit code is 0, and no event is repeated."""
    with await make_stream(2_000, guarantee) as stream:
        member = stream.start_member("a")
        stream.wait_for_growth(500, member)
        assert member.stop(within=TIMEOUT) == 0
        done = sorted(stream.read_committed_numbers())
        assert len(done) < len(stream.composed.changes)
        assert sorted(stream.read_numbers()) == done
        assert stream.finish() == 0
    stream.assert_complete()
    stream.assert_order(restarts=0)
    assert len(stream.read_numbers()) == len(stream.composed.changes)
