"""Encoders: from an event to the bytes of a sink, and from a rejection to the bytes of the error stream."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.limited_memory import run_within_allowance

from wikistate.core.events.bundled import SCHEMAS, STREAMS, read_bundled
from wikistate.core.events.documents import parse_document
from wikistate.core.events.encoder import MAX_CUT_EVENT, MAX_RAW_EVENT, Encoder, ErrorEncoder
from wikistate.core.events.error_event import Emitter
from wikistate.core.events.rejection import RejectedEvent
from wikistate.core.events.repository import SchemaRepository
from wikistate.core.events.stream_config import StreamConfigs
from wikistate.streaming.record import Output, Partition, Record, Role

if TYPE_CHECKING:
    from wikistate.core.events.meta import Event

REPOSITORY = SchemaRepository([SCHEMAS], read_bundled)
PINNED = REPOSITORY.get("mediawiki/page/change", "1.7.0")
NEWER: Event = REPOSITORY.get("mediawiki/page/change", "1.11.0").document["examples"][0]
EVENT: Event = PINNED.document["examples"][0]
ERROR = REPOSITORY.get("error", "2.1.0")
SINK = StreamConfigs.parse(parse_document(read_bundled(STREAMS) or b"", STREAMS), STREAMS).get(
    "mediawiki.page_content_change.v1"
)
NOW = 1_800_000_000_123


def encoder(*, keep_unknown: bool = False, max_bytes: int = 1_000_000) -> Encoder:
    """Return an encoder whose ids are counted up."""
    ids = count()
    return Encoder(SINK, PINNED, keep_unknown=keep_unknown, max_bytes=max_bytes, new_id=lambda: f"id-{next(ids)}")


def encode(event: Event, **settings: Any) -> tuple[Output, Event]:
    """Return the output and the event in it."""
    chosen = encoder(**settings)
    key = chosen.build_key(event)
    assert not isinstance(key, RejectedEvent)
    output = chosen.encode(event, key, NOW)
    assert isinstance(output, Output)
    return output, orjson.loads(output.value)


def test_output_is_stamped_keyed_and_has_the_event_time() -> None:
    """`$schema`, `meta.stream` and `meta.dt` are those of the sink; id, domain and `dt` stay."""
    output, event = encode(EVENT)
    assert (output.role, event["$schema"]) == (Role.SINK, "/mediawiki/page/change/1.7.0")
    assert event["meta"]["stream"] == "mediawiki.page_content_change.v1"
    assert event["meta"]["dt"] == "2027-01-15T08:00:00.123Z"
    assert {**event, "$schema": EVENT["$schema"], "meta": EVENT["meta"]} == EVENT
    kept = {name: value for name, value in event["meta"].items() if name not in ("stream", "dt")}
    assert kept == {name: value for name, value in EVENT["meta"].items() if name not in ("stream", "dt")}
    assert orjson.loads(output.key or b"") == {"wiki_id": EVENT["wiki_id"], "page_id": EVENT["page"]["page_id"]}
    assert list(orjson.loads(output.key or b"")) == ["wiki_id", "page_id"]
    assert output.timestamp is not None


def test_event_without_an_id_gets_one() -> None:
    """Readers need the id to drop repeats."""
    meta = {name: value for name, value in EVENT["meta"].items() if name != "id"}
    assert encode({**EVENT, "meta": meta})[1]["meta"]["id"] == "id-0"


def test_pinned_drops_newer_fields_and_pass_through_keeps_them() -> None:
    """The `$schema` of the output is true in both cases."""
    pinned, kept = encode(NEWER)[1], encode(NEWER, keep_unknown=True)[1]
    assert pinned["$schema"] == "/mediawiki/page/change/1.7.0"
    assert PINNED.is_valid(pinned)
    assert kept["$schema"] == NEWER["$schema"]
    assert REPOSITORY.get_by_uri(kept["$schema"]).is_valid(kept)
    assert kept["revision"] == NEWER["revision"]


@pytest.mark.parametrize("keep_unknown", [True, False])
def test_event_that_breaks_the_schema_is_not_written(*, keep_unknown: bool) -> None:
    """An enrichment may have broken the event."""
    broken = {**EVENT, "revision": {**EVENT["revision"], "rev_id": "one"}}
    rejected = encoder(keep_unknown=keep_unknown).encode(broken, None, NOW)
    assert isinstance(rejected, RejectedEvent)
    assert rejected.error_type == "InvalidOutput"
    assert "rev_id" in rejected.message


def test_event_above_the_size_of_the_sink_is_rejected_with_both_sizes() -> None:
    """The event is rejected before a producer could fail on it."""
    rejected = encoder(max_bytes=100).encode(EVENT, None, NOW)
    assert isinstance(rejected, RejectedEvent)
    assert rejected.error_type == "EventTooLargeForSink"
    assert "accepts 100" in rejected.message


def test_event_that_json_cannot_hold_is_rejected() -> None:
    """An unknown field that is nested too deeply can be read, but not be written again."""
    deep: Any = []
    for _ in range(600):
        deep = [deep]
    rejected = encoder(keep_unknown=True).encode({**EVENT, "deep": deep}, None, NOW)
    assert isinstance(rejected, RejectedEvent)
    assert rejected.error_type == "NotEncodable"


def test_event_without_a_field_of_the_key_is_rejected() -> None:
    """Without a key it could not be written to the partition where readers look for it."""
    rejected = encoder().build_key({**EVENT, "page": {}})
    assert isinstance(rejected, RejectedEvent)
    assert (rejected.error_type, "page.page_id" in rejected.message) == ("NoMessageKey", True)


EMITTER = Emitter(
    emitter_id="job", stream="job.error", source_stream="source", source_schema_uri="/mediawiki/page/change/1.7.0"
)


@given(st.binary(max_size=3000), st.text(max_size=50), st.integers(0, 10**6))
def test_every_rejection_becomes_a_valid_error_event_within_the_size(raw: bytes, message: str, cut: int) -> None:
    """The size holds for any record, even when escapes make it longer."""
    limit = 130 * 1024
    record = Record(raw, None, None, Partition("t"), 3, cut)
    output = ErrorEncoder(EMITTER, max_bytes=limit).encode(RejectedEvent("Kind", message), record, NOW)
    event = orjson.loads(output.value)
    assert ERROR.describe_violations(event) == ""
    assert (output.role, output.key, output.timestamp) == (Role.ERROR, None, NOW)
    assert event["error_type"] == "Kind"
    assert len(output.value) <= limit


def _encode_error(record: Record, rejected: RejectedEvent, *, emitter_id: str = "job", now: int = NOW) -> str:
    emitter = Emitter(emitter_id=emitter_id, stream="job.error", source_stream="s", source_schema_uri="/x/1.0.0")
    event = orjson.loads(ErrorEncoder(emitter, max_bytes=10**6).encode(rejected, record, now).value)
    assert ERROR.describe_violations(event) == ""
    identity: str = event["meta"]["id"]
    return identity


NOT_JSON = RejectedEvent("NotJson", "It is not JSON.")
NAMED = RejectedEvent("NoMatchingWiki", "There is no such wiki.", {"meta": {"id": "6f1c"}})


def test_record_that_is_read_again_has_the_same_id() -> None:
    """The time, the message and the traceback may differ; the id does not."""
    record = Record(b"{", None, None, Partition("t", 2), 7)
    first = _encode_error(record, NOT_JSON)
    assert _encode_error(record, RejectedEvent("NotJson", "Other words.", stack="line 9"), now=NOW + 5000) == first


@pytest.mark.parametrize(
    ("record", "rejected", "emitter_id"),
    [
        (Record(b"{", None, None, Partition("t", 2), 8), NOT_JSON, "job"),
        (Record(b"{", None, None, Partition("t", 1), 7), NOT_JSON, "job"),
        (Record(b"{", None, None, Partition("u", 2), 7), NOT_JSON, "job"),
        (Record(b"[", None, None, Partition("t", 2), 7), NOT_JSON, "job"),
        (Record(None, None, None, Partition("t", 2), 7), NOT_JSON, "job"),
        (Record(b"{", None, None, Partition("t", 2), 7, 3), NOT_JSON, "job"),
        (Record(b"{", None, None, Partition("t", 2), 7), RejectedEvent("NotAnObject", "x"), "job"),
        (Record(b"{", None, None, Partition("t", 2), 7), NOT_JSON, "other job"),
    ],
)
def test_different_failure_has_a_different_id(record: Record, rejected: RejectedEvent, emitter_id: str) -> None:
    """Two bad lines with the same text are two failures."""
    first = _encode_error(Record(b"{", None, None, Partition("t", 2), 7), NOT_JSON)
    assert _encode_error(record, rejected, emitter_id=emitter_id) != first


def test_event_with_an_id_is_the_same_at_any_position() -> None:
    """A public stream has no stable offsets: a record that is sent again after a reconnect has another one."""
    first, second = (Record(b"{}", None, None, Partition("t"), offset) for offset in (1, 900))
    assert _encode_error(first, NAMED) == _encode_error(second, NAMED)


def test_large_record_is_cut_in_its_error_event() -> None:
    """The error sink has a size limit, too, and the message names the size of the missing part."""
    limit = 200 * 1024
    record = Record(b'"' * 10_000_000, None, None, Partition("t"), 0)
    output = ErrorEncoder(EMITTER, max_bytes=limit).encode(RejectedEvent("Kind", "Too much."), record, NOW)
    assert len(output.value) <= limit
    assert "raw_event is cut" in orjson.loads(output.value)["message"]


@given(st.binary(max_size=3000), st.integers(0, 4000), st.integers(0, 4000), st.integers(0, 10**6))
def test_error_event_can_be_shortened_again(raw: bytes, first: int, second: int, cut: int) -> None:
    """It stays valid, holds a beginning of the record, and names what is missing from the whole record."""
    encoder_ = ErrorEncoder(EMITTER, max_bytes=130 * 1024)
    record = Record(raw, None, None, Partition("source"), 0, truncated_bytes=cut)
    whole = encoder_.encode(RejectedEvent("Kind", "Message."), record, NOW)
    shorter = encoder_.shorten(encoder_.shorten(whole, first), second)
    event, before = orjson.loads(shorter.value), orjson.loads(whole.value)
    assert ERROR.describe_violations(event) == ""
    assert before["raw_event"].startswith(event["raw_event"])
    assert len(shorter.value) <= second or not event["raw_event"]
    assert {**event, "raw_event": "", "message": ""} == {**before, "raw_event": "", "message": ""}
    if event["raw_event"] != before["raw_event"]:
        assert "(raw_event is cut: it lacks the last" in event["message"]
        assert event["message"].count("raw_event is cut") == 1


def test_shortened_error_event_names_the_bytes_of_the_source_event() -> None:
    """Also when the source has cut it before, and when it is cut twice."""
    encoder_ = ErrorEncoder(EMITTER, max_bytes=130 * 1024)
    record = Record(b"x" * 3000, None, None, Partition("source"), 0, truncated_bytes=500)
    whole = encoder_.encode(RejectedEvent("Kind", "A (raw_event is cut: 7 of 9 bytes) in a message."), record, NOW)
    shorter = encoder_.shorten(encoder_.shorten(whole, 2000), 1500)
    event = orjson.loads(shorter.value)
    kept = len(event["raw_event"])
    assert 900 < kept < 1500
    assert event["message"] == (
        "A (raw_event is cut: 7 of 9 bytes) in a message. "
        f"(raw_event is cut: it lacks the last {3500 - kept} of 3500 bytes)"
    )


def test_record_of_control_characters_takes_bounded_memory() -> None:
    """Each of its bytes would take six in the error event."""
    run_within_allowance(f"{__name__}:encode_control_characters")


def encode_control_characters() -> None:
    """Encode the error event of the longest record that a source reads by default."""
    record = Record(bytes(64 << 20), None, None, Partition("t"), 0)
    output = ErrorEncoder(EMITTER, max_bytes=256 << 20).encode(RejectedEvent("NotJson", "No."), record, NOW)
    assert MAX_RAW_EVENT - 6 <= len(output.value) <= MAX_RAW_EVENT + 1000


def test_copy_of_a_record_that_its_source_has_cut_is_short() -> None:
    """It cannot be replayed; the message names the size of the whole record."""
    record = Record(b"x" * 10**6, None, None, Partition("t"), 0, truncated_bytes=5)
    output = ErrorEncoder(EMITTER, max_bytes=256 << 20).encode(RejectedEvent("EventTooLarge", "No."), record, NOW)
    event = orjson.loads(output.value)
    assert len(event["raw_event"]) == MAX_CUT_EVENT
    assert f"it lacks the last {10**6 + 5 - MAX_CUT_EVENT} of 1000005 bytes" in event["message"]
