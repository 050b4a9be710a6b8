"""Outages around the job: a broker that comes back, a disk that is full."""

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
    """Broker for this test alone, which may stop it; it is available where the shared one is."""
    del kafka
    with KafkaBroker(tmp_path / "kafka") as broker:
        yield broker


@pytest.mark.fault
@pytest.mark.parametrize("guarantee", ["AT_LEAST_ONCE", "EXACTLY_ONCE"])
async def test_run_survives_an_outage_of_the_broker(guarantee: str, broker: KafkaBroker, tmp_path: Path) -> None:
    """One run of the job survives an orderly stop and a kill of the broker, each in the middle of the work."""
    composed = compose(3_000, Random(7))
    async with WikiProcess("--bench", "--body-bytes", str(BODY_BYTES)) as wiki:
        await wiki.set_faults(composed.rules)
        api = f"{wiki.url}/w/api.php"
        new_stream = KillStream(
            broker=broker, composed=composed, api=api, guarantee=guarantee, folder=tmp_path, quick=False
        )
        with new_stream as stream:
            member = stream.start_member("a")
            for interrupt in (broker.stop, broker.kill):
                stream.wait_for_growth(500, member)
                interrupt()
                broker.start()
            stream.wait_until_complete(member)
            assert member.stop(within=TIMEOUT) == 0
    stream.assert_complete()
    stream.assert_order(restarts=2)
    assert len(stream.read_committed_numbers()) == len(composed.changes)
    assert "kafka_unavailable" in member.log.read_text()


async def test_full_device_ends_the_job_with_a_message(tmp_path: Path) -> None:
    """The exit code is 4; the message names the file and the remedy."""
    source = tmp_path / "changes.ndjson"
    source.write_bytes(b"\n".join(LINES))
    errors = ["--error-sink", f"file:{errors_of(tmp_path)}"]
    async with (
        FakeWiki(build_dataset(*REVISIONS)) as wiki,
        start_job(tmp_path, *wiki_settings(wiki), *errors, source=f"file:{source}", sink="file:/dev/full") as run,
    ):
        result = await run.close_input()
    assert result.code == 4
    assert "wikistate: /dev/full cannot be written: No space left on device." in result.stderr
    assert "make room, then restart the job" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("suffix", ["", ".gz", ".zst"])
async def test_next_run_after_a_full_disk_completes_the_output(suffix: str, tmp_path: Path) -> None:
    """A partial line is cut off; with room again, the next run resumes and each change is in the output."""
    source, sink = tmp_path / "changes.ndjson", tmp_path / f"out.ndjson{suffix}"
    source.write_bytes(b"\n".join(LINES) + b"\n")
    words = setting_arguments(
        stream_manager__source__options__bookmark=str(tmp_path / "bookmark"),
        local__max_in_flight_events=20,
    )
    limited = ("sh", "-c", 'ulimit -f 16; exec "$@"', "sh")  # 8 KiB where a block has 512 bytes
    endpoints = {"source": f"file:{source}", "sink": f"file:{sink}"}
    async with FakeWiki(build_dataset(*REVISIONS)) as wiki:
        words += [*wiki_settings(wiki), *setting_arguments(local__commit_interval=0.01)]
        async with start_job(tmp_path, *words, **endpoints, under=limited) as run:
            full = await run.close_input()
        before = revisions_in(sink)
        async with start_job(tmp_path, *words, **endpoints) as run:
            whole = await run.close_input()
    assert full.code == 4
    assert f"wikistate: {sink} cannot be written: File too large." in full.stderr
    assert "write to another file" in full.stderr
    assert whole.code == 0, whole.stderr
    assert len(before) < len(REVISIONS)
    assert set(revisions_in(sink)) == set(REVISIONS)


def revisions_in(file: Path) -> list[int]:
    """Return the revisions of an output file, and assert that all its lines are complete."""
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
