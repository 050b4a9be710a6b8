"""Records of Kafka that hold no event, a key that is none, or more than a topic takes; and topics that are not there."""

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
    """A change of 20 MB."""
    return encode_line(build_change(rev_id) | {"comment": "x" * LARGE})


def event_of(found: TopicRecord) -> Event:
    """The event of a record."""
    assert found.value is not None
    event: Event = orjson.loads(found.value)
    return event


class Ends:
    """The three topics of a run that reads its source to the end."""

    def __init__(self, kafka: KafkaBroker, source: str, sink: str, errors: str) -> None:
        self.kafka, self.source, self.sink, self.errors = kafka, source, sink, errors

    @classmethod
    def new(cls, kafka: KafkaBroker, topic: TopicFactory) -> Ends:
        """Topics that are there."""
        return cls(kafka, topic(), topic(), topic())

    def words(self) -> list[str]:
        """The command line's arguments."""
        url = f"kafka://{self.kafka.bootstrap_servers}"
        return [
            *("--source", f"{url}/{self.source}?start=earliest&end=latest&group={uuid4()}"),
            *("--sink", f"{url}/{self.sink}", "--error-sink", f"{url}/{self.errors}"),
        ]

    async def run(self, folder: Path, *arguments: str) -> tuple[int, str]:
        """Run the job to the end of the source; its exit code, and what it said."""
        async with (
            FakeWiki(build_dataset(1, 2, 3)) as wiki,
            start_job(folder, *wiki_settings(wiki), *self.words(), *arguments) as run,
        ):
            ended = await run.close_input()
        return ended.code, ended.stderr

    def enriched(self) -> dict[int, Event]:
        """The sink's events by revision; a revision comes once."""
        found = [event_of(each) for each in topics.read_topic(self.kafka, self.sink)]
        by_revision = {event["revision"]["rev_id"]: event for event in found}
        assert len(by_revision) == len(found)
        return by_revision

    def refused(self) -> list[Event]:
        """The error events, in their order."""
        return [event_of(each) for each in topics.read_topic(self.kafka, self.errors)]


async def test_records_without_an_event_and_keys_that_are_none(
    kafka: KafkaBroker, topic: TopicFactory, tmp_path: Path
) -> None:
    """A tombstone is dropped, keys are not read, all else that is no event is an error event; the rest is enriched."""
    ends = Ends.new(kafka, topic)
    lines = [encode_line(build_change(number)) for number in (1, 2, 3)]
    records = [
        (b"\xff\x00{", lines[0]),
        (b"k", None),
        (None, lines[1]),
        (b"", b""),
        (b"k", b"\x00\xff"),
        (b"{}", lines[2]),
    ]
    topics.produce(kafka, ends.source, records)
    code, told = await ends.run(tmp_path)
    assert code == 0, told
    assert {
        number: event["revision"]["content_slots"]["main"]["content_body"] for number, event in ends.enriched().items()
    } == {number: text_of(number) for number in (1, 2, 3)}
    assert [event["error_type"] for event in ends.refused()] == ["NotJson", "NotJson"]
    assert [event["raw_event"] for event in ends.refused()] == ["", "\x00\\xff"]
    assert_errors_contain(ends.refused(), [b"", b"\x00\xff"])


async def test_the_key_of_an_enriched_record_names_its_page(
    kafka: KafkaBroker, topic: TopicFactory, tmp_path: Path
) -> None:
    """Whatever the key was that it came with."""
    ends = Ends.new(kafka, topic)
    topics.produce(kafka, ends.source, [(b"garbage", encode_line(build_change(1)))])
    code, told = await ends.run(tmp_path)
    assert code == 0, told
    assert [found.key for found in topics.read_topic(kafka, ends.sink)] == [b'{"wiki_id":"enwiki","page_id":1}']


async def test_an_event_of_20_mb_passes_where_limits_allow_it(
    kafka: KafkaBroker, topic: TopicFactory, tmp_path: Path
) -> None:
    """With max.request.size raised it is enriched, as are its neighbours."""
    ends = Ends.new(kafka, topic)
    topics.produce(
        kafka,
        ends.source,
        [(b"1", encode_line(build_change(1))), (b"2", large(2)), (b"3", encode_line(build_change(3)))],
    )
    raised = setting_arguments(stream_manager__sink__options__properties={"max.request.size": "40000000"})
    code, told = await ends.run(tmp_path, *raised)
    assert code == 0, told
    assert sorted(ends.enriched()) == [1, 2, 3]
    assert len(ends.enriched()[2]["comment"]) == LARGE
    assert ends.refused() == []


async def test_an_event_of_20_mb_becomes_an_error_event_that_fits_where_they_do_not(
    kafka: KafkaBroker, topic: TopicFactory, tmp_path: Path
) -> None:
    """The error event holds as much of the change as the error topic takes, and says what is missing."""
    ends = Ends.new(kafka, topic)
    topics.produce(
        kafka,
        ends.source,
        [(b"1", encode_line(build_change(1))), (b"2", large(2)), (b"3", encode_line(build_change(3)))],
    )
    code, told = await ends.run(tmp_path)
    assert code == 0, told
    assert sorted(ends.enriched()) == [1, 3]
    (refused,) = ends.refused()
    assert refused["error_type"] == "EventTooLargeForSink"
    assert "raw_event is cut" in refused["message"]
    assert 500_000 < len(refused["raw_event"]) < 1_000_000
    assert_errors_contain([refused], [large(2)])


@pytest.mark.parametrize("missing", ["source", "sink", "errors"])
async def test_a_topic_that_is_not_there_ends_the_job_before_it_reads(
    missing: str, kafka: KafkaBroker, topic: TopicFactory, tmp_path: Path
) -> None:
    """Exit code 4, and a message that names the topic and says what to do."""
    ends = Ends.new(kafka, topic)
    name = f"nobody-made-this.{uuid4()}"
    setattr(ends, missing, name)
    code, told = await ends.run(tmp_path)
    assert code == 4
    assert f"wikistate: The topic {name!r} cannot be used" in told
    assert "--create-topics" in told
    assert "Traceback" not in told


async def test_topics_are_made_on_request(kafka: KafkaBroker, tmp_path: Path) -> None:
    """With --create-topics the job starts on an empty cluster; a second start finds them there and is as well."""
    ends = Ends(kafka, *(f"made-on-request.{uuid4()}" for _ in range(3)))
    for expected in (1, 2):
        code, told = await ends.run(tmp_path, "--create-topics")
        assert code == 0, told
        topics.produce(kafka, ends.source, [(b"", encode_line(build_change(expected)))])
    assert sorted(ends.enriched()) == [1]
