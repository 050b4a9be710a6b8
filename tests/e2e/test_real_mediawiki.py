"""A real MediaWiki and a real Kafka: the content in the output is byte for byte that of the wiki."""

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


class RecordedChanges(NamedTuple):
    """Changes of the wiki, by the revisions that they are about."""

    recorder: WikiRecorder
    moved: int
    redirect: int
    deleted: int
    undeleted: int
    hidden_later: int
    suppressed: int


@pytest.fixture(scope="module")
def changes(mediawiki: RealMediaWiki) -> RecordedChanges:
    """Changes of all kinds, with content of all kinds."""
    recorder = WikiRecorder(mediawiki)
    for title, text in SCRIPTS.items():
        recorder.edit(title, text)
    for title, (text, _) in MODELS.items():
        recorder.edit(title, text)
    recorder.edit("E2e/Empty", "")
    recorder.edit("E2e/Large", 'žluťoučký kůň úpěl ďábelské ódy. <!-- \\ " -->\n' * (MIB // 50))
    for number in range(MANY):
        recorder.edit("E2e/Many", f"Revision {number} of many.")
    recorder.edit("E2e/Old name", "It will be moved.")
    moved, redirect = recorder.move("E2e/Old name", "E2e/New name")
    recorder.edit("E2e/Deleted", "It will be deleted.")
    deleted = recorder.delete("E2e/Deleted")
    recorder.edit("E2e/Restored", "It will be deleted and restored.")
    recorder.delete("E2e/Restored")
    undeleted = recorder.undelete("E2e/Restored")
    hidden_later = recorder.edit("E2e/Hidden", "A secret that was visible when its event was sent.")
    suppressed = recorder.edit("E2e/Hidden", "Another secret.")
    recorder.edit("E2e/Hidden", "Nothing to hide.")
    mediawiki.hide_revision(hidden_later)
    recorder.suppress(suppressed)
    return RecordedChanges(recorder, moved, redirect, deleted, undeleted, hidden_later, suppressed)


class Outputs(NamedTuple):
    """Outputs of the job."""

    sink: list[Message]
    errors: list[Event]
    requests: int

    def about(self, rev_id: int) -> list[Event]:
        """Return the output events about a revision, in order."""
        events = [orjson.loads(message.value) for message in self.sink]
        return [event for event in events if event["revision"]["rev_id"] == rev_id]


@pytest.fixture(scope="module")
def outputs(changes: RecordedChanges, kafka: KafkaBroker) -> Outputs:
    """Outputs of the job after the events went through Kafka."""
    source, sink, errors = (kafka.create_topic(f"real-mediawiki.{name}") for name in ("in", "out", "errors"))
    produce(kafka, source, [orjson.dumps(event) for event in changes.recorder.events])
    cluster = f"kafka://{kafka.bootstrap_servers}"
    finished = asyncio.run(
        run_wikistate(
            *JOB,
            *("--source", f"{cluster}/{source}?group={source}&start=earliest&end=latest"),
            *("--sink", f"{cluster}/{sink}", "--error-sink", f"{cluster}/{errors}"),
            *("--wiki", f"{DOMAIN}={changes.recorder.mediawiki.api_url}"),
            *("--set", "stream_manager.sink.options.properties.max.request.size=10485760"),
            *("--set", "enrich.retry.acceptable_lag=0.5"),
        )
    )
    assert finished.status == 0, finished.err
    (requests,) = (line.split()[0] for line in finished.err.splitlines() if line.rstrip().endswith("requests to wikis"))
    return Outputs(read_all(kafka, sink), [event_of(message) for message in read_all(kafka, errors)], int(requests))


def test_nothing_is_lost(changes: RecordedChanges, outputs: Outputs) -> None:
    """Each event is in exactly one of the two streams."""
    sent = sorted(event["meta"]["id"] for event in changes.recorder.events)
    failed = [orjson.loads(event["raw_event"]) for event in outputs.errors]
    assert sorted(event["meta"]["id"] for event in [*map(event_of, outputs.sink), *failed]) == sent


def test_each_body_equals_the_raw_content_of_the_wiki(changes: RecordedChanges, outputs: Outputs) -> None:
    """Each body equals, byte for byte, the response of ``action=raw`` for its revision."""
    bodies = {
        event["revision"]["rev_id"]: slot["content_body"]
        for event in map(event_of, outputs.sink)
        for slot in event["revision"].get("content_slots", {}).values()
        if "content_body" in slot
    }
    assert len(bodies) > MANY + len(SCRIPTS) + len(MODELS)
    for rev_id, body in bodies.items():
        assert body.encode() == changes.recorder.mediawiki.fetch_raw(rev_id)
    assert {"", *SCRIPTS.values()} <= set(bodies.values())
    assert max(len(body.encode()) for body in bodies.values()) > MIB


def test_records_are_valid_keyed_and_timed_by_the_event(outputs: Outputs) -> None:
    """Each record is valid, stamped, keyed by its page, and has the event's time as its timestamp."""
    schema = SchemaRepository([SCHEMAS], read_bundled).get("mediawiki/page/change", "1.7.0")
    for message in outputs.sink:
        event = event_of(message)
        assert schema.describe_violations(event) == ""
        assert event["$schema"] == schema.uri
        assert event["meta"]["stream"] == "mediawiki.page_content_change.v1"
        assert message.key == orjson.dumps({"wiki_id": "examplewiki", "page_id": event["page"]["page_id"]})
        assert message.timestamp == parse_timestamp(event["dt"])


def test_each_kind_of_change_has_the_right_content(changes: RecordedChanges, outputs: Outputs) -> None:
    """A move and its redirect have content, a deletion is unchanged, a restored page has its content again."""
    (moved,) = outputs.about(changes.moved)
    assert (moved["page_change_kind"], body_of(moved)) == ("move", "It will be moved.")
    (redirect,) = outputs.about(changes.redirect)
    assert "E2e/New name" in (body_of(redirect) or "")
    (deleted,) = outputs.about(changes.deleted)
    assert (deleted["page_change_kind"], body_of(deleted)) == ("delete", None)
    restored = {event["page_change_kind"]: body_of(event) for event in outputs.about(changes.undeleted)}
    text = "It will be deleted and restored."
    assert restored == {"create": text, "delete": None, "undelete": text}


def test_hidden_content_has_no_body_and_causes_no_error(changes: RecordedChanges, outputs: Outputs) -> None:
    """The event or only the wiki may know that the content is hidden."""
    (later,) = outputs.about(changes.hidden_later)
    assert later["revision"]["is_content_visible"] is True
    assert body_of(later) is None
    for event in outputs.about(changes.suppressed):
        assert body_of(event) is None
    assert len(outputs.about(changes.suppressed)) == 2
    assert not any(b"secret" in message.value for message in outputs.sink)


def test_pages_with_other_content_models_keep_them(changes: RecordedChanges, outputs: Outputs) -> None:
    """The models are CSS, JavaScript and JSON."""
    for title, (_, model) in MODELS.items():
        (event,) = outputs.about(changes.recorder.latest_revision(title))
        assert event["revision"]["content_slots"]["main"]["content_model"] == model
        assert body_of(event)


def test_revision_of_a_deleted_page_is_an_error_event(changes: RecordedChanges, outputs: Outputs) -> None:
    """Only the revision of a page that has been deleted since is not available."""
    (error,) = outputs.errors
    schema = SchemaRepository([SCHEMAS], read_bundled).get("error", "2.1.0")
    assert schema.describe_violations(error) == ""
    assert error["error_type"] == "BadRevision"
    assert orjson.loads(error["raw_event"])["revision"]["rev_id"] == changes.deleted


def test_the_revisions_of_a_page_keep_their_order(changes: RecordedChanges, outputs: Outputs) -> None:
    """The revisions of one page have the order of the edits."""
    many = [event for event in map(event_of, outputs.sink) if event["page"]["page_title"] == "E2e/Many"]
    made = [event for event in changes.recorder.events if event["page"]["page_title"] == "E2e/Many"]
    assert len(many) == MANY
    assert [event["revision"]["rev_id"] for event in many] == [event["revision"]["rev_id"] for event in made]


def test_many_revisions_share_a_request(outputs: Outputs) -> None:
    """The number of requests is a small part of the number of events."""
    assert len(outputs.sink) > 2.5 * 50
    assert outputs.requests < len(outputs.sink) / 3


async def test_batch_that_exceeds_the_wikis_result_size_is_continued(tmp_path: Path, mediawiki: RealMediaWiki) -> None:
    """With ``$wgAPIMaxResultSize`` a fifth of a batch, all content still arrives, byte for byte."""
    del mediawiki  # this test has a wiki of its own, where the shared one is available
    with RealMediaWiki(tmp_path / "wiki") as wiki:
        with (tmp_path / "wiki" / "LocalSettings.php").open("a") as settings:
            settings.write("$wgAPIMaxResultSize = 100000;\n")
        recorder = WikiRecorder(wiki)
        texts = {recorder.edit(f"Page {number}", f"{number} řádek\n" * 1500): number for number in range(25)}
        assert "continue" in query_whole_batch(wiki, list(texts))
        outputs, errors = await run_over_files(recorder, tmp_path)
    assert errors == []
    assert {event["revision"]["rev_id"]: body_of(event) for event in outputs} == {
        rev_id: (f"{number} řádek\n" * 1500).strip() for rev_id, number in texts.items()
    }


def query_whole_batch(wiki: RealMediaWiki, rev_ids: list[int]) -> dict[str, Any]:
    """Return the response of the wiki to one request for all revisions."""
    revisions = "|".join(map(str, rev_ids))
    question = {"action": "query", "prop": "revisions", "rvprop": "content", "rvslots": "*", "revids": revisions}
    return wiki.call_api(question)


async def run_over_files(recorder: WikiRecorder, folder: Path) -> tuple[list[Event], list[Event]]:
    """Run the job from file to file, and return the outputs and the errors."""
    (folder / "in.ndjson").write_bytes(encode_ndjson(recorder.events))
    finished = await run_wikistate(
        *JOB,
        *("--source", "in.ndjson", "--sink", "out.ndjson", "--wiki", f"{DOMAIN}={recorder.mediawiki.api_url}"),
        folder=folder,
    )
    assert finished.status == 0, finished.err
    return decode_ndjson((folder / "out.ndjson").read_bytes()), decode_ndjson(
        (folder / "out.errors.ndjson").read_bytes()
    )


def event_of(message: Message) -> Event:
    """Return the event of a record."""
    event: Event = orjson.loads(message.value)
    return event


def body_of(event: Event) -> str | None:
    """Return the content of the main slot, None without content."""
    slot = event["revision"].get("content_slots", {}).get("main", {})
    body: str | None = slot.get("content_body")
    return body
