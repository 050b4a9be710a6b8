"""What the job stands on goes away: a broker that comes back, a disk that is full."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from tests.e2e.kill_stream import BODY_BYTES, KillStream, compose
from tests.e2e.support import (
    PATIENCE,
    asking,
    change,
    errors_of,
    line,
    run_files,
    settings,
    sink_of,
    started,
    text_of,
    world_of,
)
from wikistate.testing.broker import KafkaBroker
from wikistate.testing.wiki.process import WikiProcess
from wikistate.testing.wiki.server import FakeWiki

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REVISIONS = range(1, 501)
LINES = [line(change(number)) for number in REVISIONS]


@pytest.fixture
def broker(kafka: KafkaBroker, tmp_path: Path) -> Iterator[KafkaBroker]:
    """A broker of one's own, to do with as one likes; where the shared one can be had, so can this."""
    del kafka
    with KafkaBroker(tmp_path / "kafka") as broker:
        yield broker


@pytest.mark.fault
@pytest.mark.parametrize("guarantee", ["AT_LEAST_ONCE", "EXACTLY_ONCE"])
async def test_a_broker_that_goes_away_and_comes_back_is_waited_for(
    guarantee: str, broker: KafkaBroker, tmp_path: Path
) -> None:
    """In good order, then as by a power cut, each time in the middle of the work: one run of the job goes through both."""
    composed = compose(3_000, Random(7))

    def topic(partitions: int = 1, **settings: str) -> str:
        return broker.create_topic(f"{uuid4()}", partitions=partitions, settings=settings)

    async with WikiProcess("--bench", "--body-bytes", str(BODY_BYTES)) as wiki:
        await wiki.set_faults(composed.rules)
        api = f"{wiki.url}/w/api.php"
        with KillStream.written(broker, topic, composed, api=api, guarantee=guarantee, folder=tmp_path) as stream:
            member = stream.member("a")
            for end in (broker.stop, broker.kill):
                stream.wait_for_growth(500, member)
                end()
                broker.start()
            stream.wait_until_all_out(member)
            assert member.stop(within=PATIENCE) == 0
    stream.assert_all_out()
    stream.assert_order(restarts=0)
    assert len(stream.committed_numbers()) == len(composed.changes)
    assert "kafka does not answer, waiting for it" in member.log.read_text()


async def test_a_full_device_ends_the_job_with_a_message(tmp_path: Path) -> None:
    """Exit code 4; the message names the file and says what to do."""
    source = tmp_path / "changes.ndjson"
    source.write_bytes(b"\n".join(LINES))
    errors = ["--error-sink", f"file:{errors_of(tmp_path)}"]
    async with (
        FakeWiki(world_of(*REVISIONS)) as wiki,
        started(tmp_path, *asking(wiki), *errors, source=f"file:{source}", sink="file:/dev/full") as run,
    ):
        ended = await run.end()
    assert ended.code == 4
    assert "wikistate: /dev/full cannot be written: No space left on device." in ended.told
    assert "make room, then start the job again" in ended.told
    assert "Traceback" not in ended.told


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
async def test_after_the_disk_was_full_the_next_run_completes_the_output(suffix: str, tmp_path: Path) -> None:
    """The file holds whole lines alone when the limit was hit, and every change when there was room again."""
    source, sink = tmp_path / "changes.ndjson", tmp_path / f"out.ndjson{suffix}"
    source.write_bytes(b"\n".join(LINES) + b"\n")
    words = settings(stream_manager__source__options__bookmark=str(tmp_path / "bookmark"))
    limited = ("sh", "-c", 'ulimit -f 8; exec "$@"', "sh")
    async with FakeWiki(world_of(*REVISIONS)) as wiki:
        words += [*asking(wiki), *settings(local__max_in_flight_events=20, local__commit_interval=0.02)]
        ends = {"source": f"file:{source}", "sink": f"file:{sink}"}
        async with started(tmp_path, *words, **ends, under=limited) as run:
            full = await run.end()
        async with started(tmp_path, *words, **ends) as run:
            whole = await run.end()
    assert (full.code, whole.code) == (4, 0)
    assert f"wikistate: {sink} cannot be written: File too large." in full.told
