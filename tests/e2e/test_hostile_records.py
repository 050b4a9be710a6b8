"""Records of Kafka without an event, with a malformed key, or too large for a topic; and missing topics."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import orjson
import pytest
from tests.e2e.enrichment_job import (
    assert_errors_contain,
    build_change,
    build_dataset,
    encode_line,
    setting_arguments,
    start_job,
    text_of,
    wiki_settings,
)
from tests.support import topics

from wikistate.testing.wiki.server import FakeWiki

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import TopicFactory
    from tests.e2e.enrichment_job import Event
    from tests.support.broker import KafkaBroker
    from tests.support.topics import TopicRecord

LARGE = 20_000_000


def large(rev_id: int) -> bytes:
    """Return a change of 20 MB."""
    return encode_line(build_change(rev_id) | {"comment": "x" * LARGE})


def event_of(found: TopicRecord) -> Event:
    """Return the event of a record."""
    assert found.value is not None
    event: Event = orjson.loads(found.value)
    return event


class JobTopics:
    """The three topics of a run that reads its source to the end."""

    def __init__(self, kafka: KafkaBroker, source: str, sink: str, errors: str) -> None:
        self.kafka, self.source, self.sink, self.errors = kafka, source, sink, errors

    @classmethod
    def create(cls, kafka: KafkaBroker, topic: TopicFactory) -> JobTopics:
        """Create the topics."""
        return cls(kafka, topic(), topic(), topic())

    def words(self) -> list[str]:
        """Return the arguments of the command line."""
        url = f"kafka://{self.kafka.bootstrap_servers}"
        return [
            *("--source", f"{url}/{self.source}?start=earliest&end=latest&group={uuid4()}"),
            *("--sink", f"{url}/{self.sink}", "--error-sink", f"{url}/{self.errors}"),
        ]

    async def run(self, folder: Path, *arguments: str) -> tuple[int, str]:
        """Run the job to the end of the source, and return its exit code and its standard error."""
        async with (
            FakeWiki(build_dataset(1, 2, 3)) as wiki,
            start_job(folder, *wiki_settings(wiki), *self.words(), *arguments) as run,
        ):
            result = await run.close_input()
            return result.code, result.stderr

    def enriched(self) -> dict[int, Event]:
        """Return the sink's events by revision, and assert that no revision is repeated."""
        found = [event_of(each) for each in topics.read_topic(self.kafka, self.sink)]
        by_revision = {event["revision"]["rev_id"]: event for event in found}
        assert len(by_revision) == len(found)
        return by_revision

    def errors_written(self) -> list[Event]:
        """Return the error events in their order."""
        return [event_of(each) for each in topics.read_topic(self.kafka, self.errors)]


async def test_records_without_an_event_and_with_malformed_keys(
    kafka: KafkaBroker, topic: TopicFactory, tmp_path: Path
) -> None:
    """A tombstone is dropped, keys are not read, each other record without an event becomes an error event."""
    job_topics = JobTopics.create(kafka, topic)
    lines = [encode_line(build_change(number)) for number in (1, 2, 3)]
    records = [
        (b"\xff\x00{", lines[0]),
        (b"k", None),
        (None, lines[1]),
        (b"", b""),
        (b"k", b"\x00\xff"),
        (b"{}", lines[2]),
    ]
    topics.produce(kafka, job_topics.source, records)
    code, stderr = await job_topics.run(tmp_path)
    assert code == 0, stderr
    assert {
        number: event["revision"]["content_slots"]["main"]["content_body"]
        for number, event in job_topics.enriched().items()
    } == {number: text_of(number) for number in (1, 2, 3)}
    assert [event["error_type"] for event in job_topics.errors_written()] == ["NotJson", "NotJson"]
    assert [event["raw_event"] for event in job_topics.errors_written()] == ["", "\x00\\xff"]
    assert_errors_contain(job_topics.errors_written(), [b"", b"\x00\xff"])


async def test_the_key_of_an_enriched_record_names_its_page(
    kafka: KafkaBroker, topic: TopicFactory, tmp_path: Path
) -> None:
    """The key of the source record does not matter."""
    job_topics = JobTopics.create(kafka, topic)
    topics.produce(kafka, job_topics.source, [(b"garbage", encode_line(build_change(1)))])
    code, stderr = await job_topics.run(tmp_path)
    assert code == 0, stderr
    assert [found.key for found in topics.read_topic(kafka, job_topics.sink)] == [b'{"wiki_id":"enwiki","page_id":1}']


async def test_event_of_20_mb_passes_under_raised_limits(
    kafka: KafkaBroker, topic: TopicFactory, tmp_path: Path
) -> None:
    """With a higher max.request.size the event is enriched, as are its neighbours."""
    job_topics = JobTopics.create(kafka, topic)
    topics.produce(
        kafka,
        job_topics.source,
        [(b"1", encode_line(build_change(1))), (b"2", large(2)), (b"3", encode_line(build_change(3)))],
    )
    raised = setting_arguments(stream_manager__sink__options__properties={"max.request.size": "40000000"})
    code, stderr = await job_topics.run(tmp_path, *raised)
    assert code == 0, stderr
    assert sorted(job_topics.enriched()) == [1, 2, 3]
    assert len(job_topics.enriched()[2]["comment"]) == LARGE
    assert job_topics.errors_written() == []


async def test_event_of_20_mb_becomes_an_error_event_under_default_limits(
    kafka: KafkaBroker, topic: TopicFactory, tmp_path: Path
) -> None:
    """The error event holds as much of the change as the error topic accepts, and states the size of the rest."""
    job_topics = JobTopics.create(kafka, topic)
    topics.produce(
        kafka,
        job_topics.source,
        [(b"1", encode_line(build_change(1))), (b"2", large(2)), (b"3", encode_line(build_change(3)))],
    )
    code, stderr = await job_topics.run(tmp_path)
    assert code == 0, stderr
    assert sorted(job_topics.enriched()) == [1, 3]
    (error,) = job_topics.errors_written()
    assert error["error_type"] == "EventTooLargeForSink"
    assert "raw_event is cut" in error["message"]
    assert 500_000 < len(error["raw_event"]) < 1_000_000
    assert_errors_contain([error], [large(2)])


@pytest.mark.parametrize("missing", ["source", "sink", "errors"])
async def test_missing_topic_ends_the_job_before_it_reads(
    missing: str, kafka: KafkaBroker, topic: TopicFactory, tmp_path: Path
) -> None:
    """The exit code is 4, and the message names the topic and the option that creates it."""
    job_topics = JobTopics.create(kafka, topic)
    name = f"never-created.{uuid4()}"
    setattr(job_topics, missing, name)
    code, stderr = await job_topics.run(tmp_path)
    assert code == 4
    assert f"wikistate: The topic {name!r} cannot be used" in stderr
    assert "--create-topics" in stderr
    assert "Traceback" not in stderr


async def test_topics_are_created_on_request(kafka: KafkaBroker, tmp_path: Path) -> None:
    """With --create-topics the job starts on an empty cluster; a second start finds the topics and succeeds too."""
    job_topics = JobTopics(kafka, *(f"created-on-request.{uuid4()}" for _ in range(3)))
    for expected in (1, 2):
        code, stderr = await job_topics.run(tmp_path, "--create-topics")
        assert code == 0, stderr
        topics.produce(kafka, job_topics.source, [(b"", encode_line(build_change(expected)))])
    assert sorted(job_topics.enriched()) == [1]
