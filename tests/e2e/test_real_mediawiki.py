"""A real MediaWiki and a real Kafka: what comes out is byte for byte what the wiki itself serves."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson
import pytest
from tests.e2e.commands import JOB, decode_ndjson, encode_ndjson, run_wikistate
from tests.e2e.kafka_topics import produce, read_all
from tests.e2e.wiki_recorder import DOMAIN, WikiRecorder
from tests.support.mediawiki import RealMediaWiki

from wikistate.core.events.bundled import SCHEMAS, read_bundled
from wikistate.core.events.repository import SchemaRepository
from wikistate.core.events.timestamps import parse_timestamp

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.kafka_topics import Message
    from tests.support.broker import KafkaBroker

    from wikistate.core.events.meta import Event

SCRIPTS = {
    "E2e/Łódź": "Zażółć gęślą jaźń.",
    "E2e/Αθήνα": "Πόλη των θεών — «αρχαία».",
    "E2e/Москва": "Съешь ещё этих мягких французских булок.",
    "E2e/القاهرة": "نص عربي مع \u200f علامات \u200f اتجاه.",
    "E2e/ירושלים": "שָׁלוֹם עולם",
    "E2e/दिल्ली": "नमस्ते दुनिया",
    "E2e/กรุงเทพ": "สวัสดีชาวโลก",
    "E2e/東京": "こんにちは、世界。𠮷野家",
    "E2e/Emoji": '👩‍👩‍👧‍👦 🏳️‍🌈 \u2028 \u2029 \u00a0 "quoted" \\ \t <b>&amp;</b>',
}
MODELS = {
    "MediaWiki:E2e.css": (".a > .b::after { content: '\\2014'; }", "css"),
    "MediaWiki:E2e.js": ("const a = '</script>' + `${1}`;", "javascript"),
    "User:Admin/e2e.json": ('{"b": [1, 2.50, null], "a": "\\u00e9"}', "json"),
}
MANY = 120
"""Revisions of one page: three batches."""

MIB = 1024 * 1024


class Story(NamedTuple):
    """What was done to the wiki, by the revisions that it is about."""

    room: WikiRecorder
    moved: int
    redirect: int
    deleted: int
    undeleted: int
    hidden_later: int
    suppressed: int


@pytest.fixture(scope="module")
def story(mediawiki: RealMediaWiki) -> Story:
    """Every kind of change, and every kind of content."""
    room = WikiRecorder(mediawiki)
    for title, text in SCRIPTS.items():
        room.edit(title, text)
    for title, (text, _) in MODELS.items():
        room.edit(title, text)
    room.edit("E2e/Empty", "")
    room.edit("E2e/Large", 'žluťoučký kůň úpěl ďábelské ódy. <!-- \\ " -->\n' * (MIB // 50))
    for number in range(MANY):
        room.edit("E2e/Many", f"Revision {number} of many.")
    room.edit("E2e/Old name", "It will be moved.")
    moved, redirect = room.move("E2e/Old name", "E2e/New name")
    room.edit("E2e/Deleted", "It will be deleted.")
    deleted = room.delete("E2e/Deleted")
    room.edit("E2e/Restored", "It will be deleted and restored.")
    room.delete("E2e/Restored")
    undeleted = room.undelete("E2e/Restored")
    hidden_later = room.edit("E2e/Hidden", "A secret that was visible when it was told.")
    suppressed = room.edit("E2e/Hidden", "Another secret.")
    room.edit("E2e/Hidden", "Nothing to hide.")
    mediawiki.hide_revision(hidden_later)
    room.suppress(suppressed)
    return Story(room, moved, redirect, deleted, undeleted, hidden_later, suppressed)


class Streams(NamedTuple):
    """What came out."""

    sink: list[Message]
    errors: list[Event]
    requests: int

    def of(self, rev_id: int) -> list[Event]:
        """The output events about a revision, in order."""
        events = [orjson.loads(message.value) for message in self.sink]
        return [event for event in events if event["revision"]["rev_id"] == rev_id]


@pytest.fixture(scope="module")
def streams(story: Story, kafka: KafkaBroker) -> Streams:
    """What came out when the events had gone through Kafka and the job."""
    source, sink, errors = (kafka.create_topic(f"real-mediawiki.{name}") for name in ("in", "out", "errors"))
    produce(kafka, source, [orjson.dumps(event) for event in story.room.events])
    cluster = f"kafka://{kafka.bootstrap_servers}"
    finished = asyncio.run(
        run_wikistate(
            *JOB,
            *("--source", f"{cluster}/{source}?group={source}&start=earliest&end=latest"),
            *("--sink", f"{cluster}/{sink}", "--error-sink", f"{cluster}/{errors}"),
            *("--wiki", f"{DOMAIN}={story.room.mediawiki.api_url}"),
            *("--set", "stream_manager.sink.options.properties.max.request.size=10485760"),
            *("--set", "enrich.retry.acceptable_lag=0.5"),
        )
    )
    assert finished.status == 0, finished.err
    (requests,) = (line.split()[0] for line in finished.err.splitlines() if line.rstrip().endswith("requests to wikis"))
    return Streams(read_all(kafka, sink), [value(message) for message in read_all(kafka, errors)], int(requests))


def test_nothing_is_lost(story: Story, streams: Streams) -> None:
    """Each event is in exactly one of the two streams."""
    sent = sorted(event["meta"]["id"] for event in story.room.events)
    failed = [orjson.loads(event["raw_event"]) for event in streams.errors]
    assert sorted(event["meta"]["id"] for event in [*map(value, streams.sink), *failed]) == sent


def test_every_body_is_what_the_wiki_serves_raw(story: Story, streams: Streams) -> None:
    """Every body is, byte for byte, what ``action=raw`` answers for its revision."""
    bodies = {
        event["revision"]["rev_id"]: slot["content_body"]
        for event in map(value, streams.sink)
        for slot in event["revision"].get("content_slots", {}).values()
        if "content_body" in slot
    }
    assert len(bodies) > MANY + len(SCRIPTS) + len(MODELS)
    for rev_id, body in bodies.items():
        assert body.encode() == story.room.mediawiki.fetch_raw(rev_id)
    assert {"", *SCRIPTS.values()} <= set(bodies.values())
    assert max(len(body.encode()) for body in bodies.values()) > MIB


def test_records_are_valid_keyed_and_timed_by_the_event(streams: Streams) -> None:
    """Each record is valid, stamped, keyed by its page, and has the event's own time as its timestamp."""
    schema = SchemaRepository([SCHEMAS], read_bundled).get("mediawiki/page/change", "1.7.0")
    for message in streams.sink:
        event = value(message)
        assert schema.describe_violations(event) == ""
        assert event["$schema"] == schema.uri
        assert event["meta"]["stream"] == "mediawiki.page_content_change.v1"
        assert message.key == orjson.dumps({"wiki_id": "examplewiki", "page_id": event["page"]["page_id"]})
        assert message.timestamp == parse_timestamp(event["dt"])


def test_each_kind_of_change_comes_out_as_it_must(story: Story, streams: Streams) -> None:
    """A move and its redirect have content, a deletion passes as it is, a restored page has its content again."""
    (moved,) = streams.of(story.moved)
    assert (moved["page_change_kind"], body_of(moved)) == ("move", "It will be moved.")
    (redirect,) = streams.of(story.redirect)
    assert "E2e/New name" in (body_of(redirect) or "")
    (deleted,) = streams.of(story.deleted)
    assert (deleted["page_change_kind"], body_of(deleted)) == ("delete", None)
    restored = {event["page_change_kind"]: body_of(event) for event in streams.of(story.undeleted)}
    text = "It will be deleted and restored."
    assert restored == {"create": text, "delete": None, "undelete": text}


def test_hidden_content_has_no_body_and_is_no_error(story: Story, streams: Streams) -> None:
    """Hidden content has no body, whether the event knows it or only the wiki; and it is no error."""
    (later,) = streams.of(story.hidden_later)
    assert later["revision"]["is_content_visible"] is True
    assert body_of(later) is None
    for event in streams.of(story.suppressed):
        assert body_of(event) is None
    assert len(streams.of(story.suppressed)) == 2
    assert not any(b"secret" in message.value for message in streams.sink)


def test_pages_that_are_no_wikitext_keep_their_content_model(story: Story, streams: Streams) -> None:
    """Pages that are no wikitext keep their content model."""
    for title, (_, model) in MODELS.items():
        (event,) = streams.of(story.room.latest_revision(title))
        assert event["revision"]["content_slots"]["main"]["content_model"] == model
        assert body_of(event)


def test_a_revision_of_a_deleted_page_is_an_error_event(story: Story, streams: Streams) -> None:
    """The one thing that cannot be had is the revision of a page that is deleted by now."""
    (error,) = streams.errors
    schema = SchemaRepository([SCHEMAS], read_bundled).get("error", "2.1.0")
    assert schema.describe_violations(error) == ""
    assert error["error_type"] == "BadRevision"
    assert orjson.loads(error["raw_event"])["revision"]["rev_id"] == story.deleted


def test_the_revisions_of_a_page_keep_their_order(story: Story, streams: Streams) -> None:
    """The revisions of one page come in the order in which they were made."""
    many = [event for event in map(value, streams.sink) if event["page"]["page_title"] == "E2e/Many"]
    made = [event for event in story.room.events if event["page"]["page_title"] == "E2e/Many"]
    assert len(many) == MANY
    assert [event["revision"]["rev_id"] for event in many] == [event["revision"]["rev_id"] for event in made]


def test_many_revisions_are_asked_for_together(streams: Streams) -> None:
    """The wiki answers a small part of the requests that one for each event would have been."""
    assert len(streams.sink) > 2.5 * 50
    assert streams.requests < len(streams.sink) / 3


async def test_a_batch_that_exceeds_the_wikis_result_size_is_continued(
    tmp_path: Path, mediawiki: RealMediaWiki
) -> None:
    """With ``$wgAPIMaxResultSize`` a fifth of a batch, all content still arrives, byte for byte."""
    del mediawiki  # it says whether a wiki can be had
    with RealMediaWiki(tmp_path / "wiki") as wiki:
        with (tmp_path / "wiki" / "LocalSettings.php").open("a") as settings:
            settings.write("$wgAPIMaxResultSize = 100000;\n")
        room = WikiRecorder(wiki)
        texts = {room.edit(f"Page {number}", f"{number} řádek\n" * 1500): number for number in range(25)}
        assert "continue" in whole_batch(wiki, list(texts))
        outputs, errors = await over_files(room, tmp_path)
    assert errors == []
    assert {event["revision"]["rev_id"]: body_of(event) for event in outputs} == {
        rev_id: (f"{number} řádek\n" * 1500).strip() for rev_id, number in texts.items()
    }


def whole_batch(wiki: RealMediaWiki, rev_ids: list[int]) -> dict[str, Any]:
    """What the wiki answers when it is asked for all of them at once."""
    revisions = "|".join(map(str, rev_ids))
    question = {"action": "query", "prop": "revisions", "rvprop": "content", "rvslots": "*", "revids": revisions}
    return wiki.call_api(question)


async def over_files(room: WikiRecorder, folder: Path) -> tuple[list[Event], list[Event]]:
    """Run the job from file to file; the output and the errors."""
    (folder / "in.ndjson").write_bytes(encode_ndjson(room.events))
    finished = await run_wikistate(
        *JOB,
        *("--source", "in.ndjson", "--sink", "out.ndjson", "--wiki", f"{DOMAIN}={room.mediawiki.api_url}"),
        folder=folder,
    )
    assert finished.status == 0, finished.err
    return decode_ndjson((folder / "out.ndjson").read_bytes()), decode_ndjson(
        (folder / "out.errors.ndjson").read_bytes()
    )


def value(message: Message) -> Event:
    """The event of a record."""
    event: Event = orjson.loads(message.value)
    return event


def body_of(event: Event) -> str | None:
    """The content of the main slot, None where there is none."""
    slot = event["revision"].get("content_slots", {}).get("main", {})
    body: str | None = slot.get("content_body")
    return body
