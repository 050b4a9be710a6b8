"""Replay of an error stream: the output equals that of a healthy run in the end, and no event is repeated for ever."""

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


class JobEndpoints(NamedTuple):
    """Endpoints of the job, as the command line states them."""

    source: str
    sink: str
    errors: str


def wiki_of(number: int) -> Wiki:
    """Return the wiki of a change: each third change is of the one that is down."""
    return WIKIS[number % 3]


FAILING = {number for number in NUMBERS if wiki_of(number) is WIKIS[2]}
LINES = [encode_line(build_change(number, wiki=wiki_of(number))) for number in NUMBERS]
HEALTHY = {number: text_of(number) for number in NUMBERS}


@pytest.fixture
async def wiki() -> AsyncIterator[FakeWiki]:
    """The three wikis, of which one is down."""
    dataset = MemoryDataset(*WIKIS)
    for number in NUMBERS:
        dataset.put(wiki_of(number), build_page(number), build_revision(number))
    async with FakeWiki(dataset) as wiki:
        wiki.set_faults(DOWN)
        yield wiki


def retry_settings(wiki: FakeWiki) -> list[str]:
    """Return settings that give up after two attempts."""
    return [*wiki_settings(wiki), *setting_arguments(enrich__retry__max_attempts=2)]


async def replay(endpoints: JobEndpoints, wiki: FakeWiki, *words: str, status: int = 0) -> str:
    """Replay the error stream through the job, and return its standard error."""
    arguments = (
        "--from",
        endpoints.errors,
        "--to",
        JOB,
        "--sink",
        endpoints.sink,
        "--error-sink",
        endpoints.errors,
        *retry_settings(wiki),
    )
    result = await run_wikistate("replay", *arguments, *words)
    assert result.status == status, result.err
    return result.err


async def enrich(endpoints: JobEndpoints, wiki: FakeWiki) -> None:
    """Run the job to the end of its source."""
    arguments = (
        "--source",
        endpoints.source,
        "--sink",
        endpoints.sink,
        "--error-sink",
        endpoints.errors,
        *retry_settings(wiki),
    )
    result = await run_wikistate("run", JOB, *arguments)
    assert result.status == 0, result.err


def bodies(events: list[Event]) -> dict[int, str]:
    """Return the content by revision, and assert that no revision is repeated."""
    found = {event["revision"]["rev_id"]: body_of(event) for event in events}
    assert len(found) == len(events)
    return found


async def test_replay_after_an_outage_completes_the_output(wiki: FakeWiki, tmp_path: Path) -> None:
    """Files. A replay in the outage keeps the new failures, once each; a second replay after it finds nothing."""
    (tmp_path / "in.ndjson").write_bytes(b"".join(each + b"\n" for each in LINES))
    endpoints = JobEndpoints(*(f"file:{tmp_path / name}" for name in ("in.ndjson", "out.ndjson", "errors.ndjson")))
    sink, errors = tmp_path / "out.ndjson", tmp_path / "errors.ndjson"
    await enrich(endpoints, wiki)
    assert bodies(read_lines(sink)).keys() == set(NUMBERS) - FAILING
    assert len(read_lines(errors)) == len(FAILING)

    assert f"{len(FAILING)}    ServiceUnavailable    to be replayed" in await replay(endpoints, wiki, "--dry-run")
    await replay(endpoints, wiki, status=8)
    assert len(read_lines(errors)) == 2 * len(FAILING)
    assert bodies(read_lines(sink)).keys() == set(NUMBERS) - FAILING

    wiki.set_faults([])
    await replay(endpoints, wiki)
    assert bodies(read_lines(sink)) == HEALTHY
    assert "nothing new" in await replay(endpoints, wiki)
    assert (len(read_lines(sink)), len(read_lines(errors))) == (COUNT, 2 * len(FAILING))


async def test_over_kafka_a_second_replay_finds_nothing(wiki: FakeWiki, kafka: KafkaBroker) -> None:
    """The error events are on a topic: the consumer group of the replays has the position."""
    source, sink, errors = (kafka.create_topic(f"{name}.{uuid4()}") for name in ("in", "out", "errors"))
    produce(kafka, source, LINES)
    url = f"kafka://{kafka.bootstrap_servers}"
    await enrich(JobEndpoints(f"{url}/{source}?start=earliest&end=latest", f"{url}/{sink}", f"{url}/{errors}"), wiki)
    wiki.set_faults([])
    endpoints = JobEndpoints("", f"{url}/{sink}", f"{url}/{errors}")
    await replay(endpoints, wiki)
    assert bodies([orjson.loads(message.value) for message in read_all(kafka, sink)]) == HEALTHY
    assert "nothing new" in await replay(endpoints, wiki)
    assert len(read_all(kafka, sink)) == COUNT
    assert len(read_all(kafka, errors)) == len(FAILING)


async def test_events_return_unchanged_to_their_stream(wiki: FakeWiki, kafka: KafkaBroker) -> None:
    """They are equal byte for byte, with the key of their page; the job that reads the stream processes them again."""
    source, sink, errors = (kafka.create_topic(f"{name}.{uuid4()}") for name in ("in", "out", "errors"))
    produce(kafka, source, LINES)
    url = f"kafka://{kafka.bootstrap_servers}"
    endpoints = JobEndpoints(
        f"{url}/{source}?start=earliest&end=latest&group={uuid4()}", f"{url}/{sink}", f"{url}/{errors}"
    )
    await enrich(endpoints, wiki)
    wiki.set_faults([])
    result = await run_wikistate("replay", "--from", endpoints.errors, "--to", f"{url}/{source}")
    assert result.status == 0, result.err
    again = read_all(kafka, source)[COUNT:]
    assert sorted(message.value for message in again) == sorted(LINES[number - 1] for number in FAILING)
    for message in again:
        event = orjson.loads(message.value)
        key = {"wiki_id": event["wiki_id"], "page_id": event["page"]["page_id"]}
        assert message.key == orjson.dumps(key)
    await enrich(endpoints, wiki)
    assert bodies([orjson.loads(message.value) for message in read_all(kafka, sink)]) == HEALTHY
