"""The Parquet sink: each event is in the table once, after a kill at any moment."""

from __future__ import annotations

import time
from functools import partial
from random import Random
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

import duckdb
import pytest
from confluent_kafka.admin import AdminClient
from tests.e2e.change_stream import WIKIS
from tests.e2e.enrichment_job import COMMAND, TIMEOUT, build_change, current_time, encode_line, setting_arguments
from tests.e2e.kill_stream import wait_until
from tests.support import topics
from tests.support.processes import Process, read_tail

from wikistate.testing.wiki.process import WikiProcess

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.broker import KafkaBroker

pytestmark = pytest.mark.fault
SEED = 20_260_115
COUNT = 3_000
BODY_BYTES = 200
KILLS = 6
PAGES = 150
START_SECONDS = 1.5
"""Seconds within which a process starts and reads its first records."""


class ParquetJob(NamedTuple):
    """A job that writes Parquet, and may be started several times."""

    folder: Path
    source: str
    api: str

    def start(self) -> Process:
        """Start a process that ends with its source."""
        words = setting_arguments(
            stream_manager__sink__options={"roll_seconds": 0.2},
            stream_manager__source__options__properties={"session.timeout.ms": "6000", "group.instance.id": "a"},
            enrich__mediawiki_api_endpoint_template=self.api,
            enrich__batch_size=10,
            farms__own__rate=15,
            local__commit_interval=0.05,
            local__max_in_flight_events=200,
        )
        endpoints = ["--source", self.source, "--sink", f"parquet:{self.folder / 'lake'}"]
        return Process([*COMMAND, *endpoints, *words], log=self.folder / "job.log")

    def count_files(self) -> int:
        """Return the number of files that readers see."""
        return len(list(self.folder.glob("lake/dt=*/hour=*/*.parquet")))

    def has_more_than(self, files: int) -> bool:
        """Return whether readers see more files than so many."""
        return self.count_files() > files

    def finish(self) -> None:
        """Run to the end of the source."""
        process = self.start()
        wait_until(lambda: not process.is_running)
        assert process.kill() == 0, read_tail(process.log)

    def rows(self) -> list[tuple[int, str]]:
        """Return the revisions of the table with their bodies, as another engine reads them, in their order."""
        table = f"read_parquet('{self.folder}/lake/**/*.parquet', hive_partitioning=true)"
        with duckdb.connect() as database:
            return database.execute(f"select rev_id, content_bodies['main'] from {table} order by rev_id").fetchall()


@pytest.fixture
async def api() -> AsyncIterator[str]:
    """URL of wikis in a separate process, where every revision exists."""
    async with WikiProcess("--bench", "--body-bytes", str(BODY_BYTES)) as wiki:
        yield f"{wiki.url}/w/api.php"


def edits() -> list[bytes]:
    """Return changes of the current hour, numbered from 1."""
    now, random = current_time(), Random(SEED)
    pages = [random.randrange(1, PAGES) for _ in range(COUNT)]
    return [
        encode_line(build_change(number, page_id=page, wiki=WIKIS[page % len(WIKIS)], dt=now))
        for number, page in enumerate(pages, start=1)
    ]


def kill_repeatedly(job: ParquetJob) -> None:
    """Kill the job while it starts, and while it writes."""
    random = Random(SEED)
    for _ in range(KILLS):
        process, before = job.start(), job.count_files()
        if random.random() < 0.4:
            time.sleep(random.uniform(0.0, START_SECONDS))
        else:
            wait_until(partial(job.has_more_than, before), process)
            time.sleep(random.uniform(0.0, 0.3))
        assert process.is_running, read_tail(process.log)
        process.kill()


def assert_table_has_each_change_once(job: ParquetJob) -> None:
    """Assert that the table has each change once, with a body."""
    rows = job.rows()
    assert [number for number, _ in rows] == list(range(1, COUNT + 1))
    assert {len(body) for _, body in rows} == {BODY_BYTES}


def delete_group(kafka: KafkaBroker, group: str) -> None:
    """Delete a consumer group as soon as the session of its static member has timed out."""
    admin = AdminClient({"bootstrap.servers": kafka.bootstrap_servers})

    def deleted() -> bool:
        failure = admin.delete_consumer_groups([group])[group].exception(TIMEOUT)
        return failure is None

    wait_until(deleted)


async def test_table_holds_each_event_once_after_kills(kafka: KafkaBroker, api: str, tmp_path: Path) -> None:
    """The positions are in the folder: without the group's offsets, too, no event is written a second time."""
    topic = kafka.create_topic(f"changes.{uuid4()}", partitions=4)
    topics.produce(kafka, topic, [(str(number % PAGES).encode(), edit) for number, edit in enumerate(edits())])
    url = f"kafka://{kafka.bootstrap_servers}/{topic}?group={topic}&start=earliest&end=latest"
    job = ParquetJob(tmp_path, url, api)
    kill_repeatedly(job)
    job.finish()
    assert_table_has_each_change_once(job)
    delete_group(kafka, topic)
    job.finish()
    assert_table_has_each_change_once(job)


async def test_run_over_a_file_resumes_at_the_position_of_the_table(api: str, tmp_path: Path) -> None:
    """A file needs no bookmark: a run that was killed is just started again."""
    (source := tmp_path / "changes.ndjson").write_bytes(b"".join(edit + b"\n" for edit in edits()))
    job = ParquetJob(tmp_path, f"file:{source}", api)
    kill_repeatedly(job)
    job.finish()
    assert_table_has_each_change_once(job)
