"""Emptying an error stream: what a healthy run would have given is there in the end, and nothing is done for ever."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

import orjson
import pytest
from tests.e2e.commands import run_wikistate
from tests.e2e.enrichment_job import (
    body_of,
    build_change,
    build_page,
    build_revision,
    encode_line,
    read_lines,
    setting_arguments,
    text_of,
    wiki_settings,
)
from tests.e2e.kafka_topics import produce, read_all

from wikistate.demo.pages import Wiki
from wikistate.testing.faults import HttpStatus, Rule
from wikistate.testing.wiki.datasets import MemoryDataset
from wikistate.testing.wiki.server import FakeWiki

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.e2e.enrichment_job import Event
    from tests.support.broker import KafkaBroker

JOB = "page-content-change"
COUNT = 1_000
WIKIS = [Wiki("enwiki", "en.wikipedia.org"), Wiki("dewiki", "de.wikipedia.org"), Wiki("elwiki", "el.wikipedia.org")]
DOWN = [Rule(HttpStatus(503), wiki="el.wikipedia.org")]
NUMBERS = range(1, COUNT + 1)


class Ends(NamedTuple):
    """Where the job reads and writes, as the command line says it."""

    source: str
    sink: str
    errors: str


def wiki_of(number: int) -> Wiki:
    """The wiki of a change: every third is the one that is down."""
    return WIKIS[number % 3]


FAILING = {number for number in NUMBERS if wiki_of(number) is WIKIS[2]}
LINES = [encode_line(build_change(number, wiki=wiki_of(number))) for number in NUMBERS]
HEALTHY = {number: text_of(number) for number in NUMBERS}


@pytest.fixture
async def wiki() -> AsyncIterator[FakeWiki]:
    """The three wikis, of which one is down."""
    world = MemoryDataset(*WIKIS)
    for number in NUMBERS:
        world.put(wiki_of(number), build_page(number), build_revision(number))
    async with FakeWiki(world) as wiki:
        wiki.set_faults(DOWN)
        yield wiki


def patience(wiki: FakeWiki) -> list[str]:
    """Settings that give a wiki up after two tries."""
    return [*wiki_settings(wiki), *setting_arguments(enrich__retry__max_attempts=2)]


async def replay(ends: Ends, wiki: FakeWiki, *words: str) -> str:
    """Replay the error stream through the job; what it said."""
    given = ("--from", ends.errors, "--to", JOB, "--sink", ends.sink, "--error-sink", ends.errors, *patience(wiki))
    ended = await run_wikistate("replay", *given, *words)
    assert ended.status == 0, ended.err
    return ended.err


async def enrich(ends: Ends, wiki: FakeWiki) -> None:
    """Run the job to the end of its source."""
    given = ("--source", ends.source, "--sink", ends.sink, "--error-sink", ends.errors, *patience(wiki))
    ended = await run_wikistate("run", JOB, *given)
    assert ended.status == 0, ended.err


def bodies(events: list[Event]) -> dict[int, str]:
    """The content by revision; no revision is there twice."""
    found = {event["revision"]["rev_id"]: body_of(event) for event in events}
    assert len(found) == len(events)
    return found


async def test_after_the_outage_a_replay_makes_the_output_whole(wiki: FakeWiki, tmp_path: Path) -> None:
    """From file to file. A replay in the outage keeps what fails again, once; a second one after it finds nothing."""
    (tmp_path / "in.ndjson").write_bytes(b"".join(each + b"\n" for each in LINES))
    ends = Ends(*(f"file:{tmp_path / name}" for name in ("in.ndjson", "out.ndjson", "errors.ndjson")))
    sink, errors = tmp_path / "out.ndjson", tmp_path / "errors.ndjson"
    await enrich(ends, wiki)
    assert bodies(read_lines(sink)).keys() == set(NUMBERS) - FAILING
    assert len(read_lines(errors)) == len(FAILING)

    assert f"{len(FAILING)}    ServiceUnavailable    to be replayed" in await replay(ends, wiki, "--dry-run")
    await replay(ends, wiki)
    assert len(read_lines(errors)) == 2 * len(FAILING)
    assert bodies(read_lines(sink)).keys() == set(NUMBERS) - FAILING

    wiki.set_faults([])
    await replay(ends, wiki)
    assert bodies(read_lines(sink)) == HEALTHY
    assert "nothing new" in await replay(ends, wiki)
    assert (len(read_lines(sink)), len(read_lines(errors))) == (COUNT, 2 * len(FAILING))


async def test_over_kafka_a_second_replay_finds_nothing(wiki: FakeWiki, kafka: KafkaBroker) -> None:
    """Through the job, whose error events are on a topic: the group of the replays knows how far it came."""
    source, sink, errors = (kafka.create_topic(f"{name}.{uuid4()}") for name in ("in", "out", "errors"))
    produce(kafka, source, LINES)
    url = f"kafka://{kafka.bootstrap_servers}"
    await enrich(Ends(f"{url}/{source}?start=earliest&end=latest", f"{url}/{sink}", f"{url}/{errors}"), wiki)
    wiki.set_faults([])
    ends = Ends("", f"{url}/{sink}", f"{url}/{errors}")
    await replay(ends, wiki)
    assert bodies([orjson.loads(message.value) for message in read_all(kafka, sink)]) == HEALTHY
    assert "nothing new" in await replay(ends, wiki)
    assert len(read_all(kafka, sink)) == COUNT
    assert len(read_all(kafka, errors)) == len(FAILING)


async def test_events_go_back_onto_their_stream_as_they_were(wiki: FakeWiki, kafka: KafkaBroker) -> None:
    """Byte for byte, under the key of their page; the job that reads the stream does them again."""
    source, sink, errors = (kafka.create_topic(f"{name}.{uuid4()}") for name in ("in", "out", "errors"))
    produce(kafka, source, LINES)
    url = f"kafka://{kafka.bootstrap_servers}"
    ends = Ends(f"{url}/{source}?start=earliest&end=latest&group={uuid4()}", f"{url}/{sink}", f"{url}/{errors}")
    await enrich(ends, wiki)
    wiki.set_faults([])
    ended = await run_wikistate("replay", "--from", ends.errors, "--to", f"{url}/{source}")
    assert ended.status == 0, ended.err
    again = read_all(kafka, source)[COUNT:]
    assert sorted(message.value for message in again) == sorted(LINES[number - 1] for number in FAILING)
    for message in again:
        event = orjson.loads(message.value)
        key = {"wiki_id": event["wiki_id"], "page_id": event["page"]["page_id"]}
        assert message.key == orjson.dumps(key)
    await enrich(ends, wiki)
    assert bodies([orjson.loads(message.value) for message in read_all(kafka, sink)]) == HEALTHY
