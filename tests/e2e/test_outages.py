"""What the job stands on goes away: a broker that comes back, a disk that is full."""

from __future__ import annotations

import gzip
from random import Random
from typing import TYPE_CHECKING

import orjson
import pytest
import zstandard
from tests.e2e.change_stream import BODY_BYTES, compose
from tests.e2e.enrichment_job import (
    TIMEOUT,
    build_change,
    build_dataset,
    encode_line,
    errors_of,
    setting_arguments,
    start_job,
    wiki_settings,
)
from tests.e2e.kill_stream import KillStream
from tests.support.broker import KafkaBroker

from wikistate.testing.wiki.process import WikiProcess
from wikistate.testing.wiki.server import FakeWiki

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REVISIONS = range(1, 501)
LINES = [encode_line(build_change(number)) for number in REVISIONS]


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
    async with WikiProcess("--bench", "--body-bytes", str(BODY_BYTES)) as wiki:
        await wiki.set_faults(composed.rules)
        api = f"{wiki.url}/w/api.php"
        made = KillStream(broker=broker, composed=composed, api=api, guarantee=guarantee, folder=tmp_path, quick=False)
        with made as stream:
            member = stream.start_member("a")
            for end in (broker.stop, broker.kill):
                stream.wait_for_growth(500, member)
                end()
                broker.start()
            stream.wait_until_complete(member)
            assert member.stop(within=TIMEOUT) == 0
    stream.assert_complete()
    stream.assert_order(restarts=2)
    assert len(stream.read_committed_numbers()) == len(composed.changes)
    assert "kafka_unavailable" in member.log.read_text()


async def test_a_full_device_ends_the_job_with_a_message(tmp_path: Path) -> None:
    """Exit code 4; the message names the file and says what to do."""
    source = tmp_path / "changes.ndjson"
    source.write_bytes(b"\n".join(LINES))
    errors = ["--error-sink", f"file:{errors_of(tmp_path)}"]
    async with (
        FakeWiki(build_dataset(*REVISIONS)) as wiki,
        start_job(tmp_path, *wiki_settings(wiki), *errors, source=f"file:{source}", sink="file:/dev/full") as run,
    ):
        ended = await run.close_input()
    assert ended.code == 4
    assert "wikistate: /dev/full cannot be written: No space left on device." in ended.stderr
    assert "make room, then restart the job" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
async def test_after_the_disk_was_full_the_next_run_completes_the_output(suffix: str, tmp_path: Path) -> None:
    """What could not be written whole is cut off; with room again, the next run goes on and every change is there."""
    source, sink = tmp_path / "changes.ndjson", tmp_path / f"out.ndjson{suffix}"
    source.write_bytes(b"\n".join(LINES) + b"\n")
    words = setting_arguments(
        stream_manager__source__options__bookmark=str(tmp_path / "bookmark"),
        local__max_in_flight_events=20,
    )
    limited = ("sh", "-c", 'ulimit -f 16; exec "$@"', "sh")  # 8 KiB where a block has 512 bytes
    ends = {"source": f"file:{source}", "sink": f"file:{sink}"}
    async with FakeWiki(build_dataset(*REVISIONS)) as wiki:
        words += [*wiki_settings(wiki), *setting_arguments(local__commit_interval=0.01)]
        async with start_job(tmp_path, *words, **ends, under=limited) as run:
            full = await run.close_input()
        before = revisions_in(sink)
        async with start_job(tmp_path, *words, **ends) as run:
            whole = await run.close_input()
    assert full.code == 4
    assert f"wikistate: {sink} cannot be written: File too large." in full.stderr
    assert "write to another one" in full.stderr
    assert whole.code == 0, whole.stderr
    assert len(before) < len(REVISIONS)
    assert set(revisions_in(sink)) == set(REVISIONS)


def revisions_in(file: Path) -> list[int]:
    """The revisions of an output file; all of its lines are whole."""
    match file.suffix:
        case ".gz":
            written = gzip.decompress(file.read_bytes())
        case ".zst":
            with zstandard.open(file, "rb") as lines:
                written = lines.read()
        case _:
            written = file.read_bytes()
    assert not written or written.endswith(b"\n")
    return [orjson.loads(each)["revision"]["rev_id"] for each in written.splitlines()]
