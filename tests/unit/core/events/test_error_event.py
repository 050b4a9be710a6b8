from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.core.events.strategies import JSON

from wikistate.core.events.bundled import SCHEMAS, read_bundled
from wikistate.core.events.error_event import Emitter, build_error_event, truncate_to_size
from wikistate.core.events.repository import SchemaRepository

SCHEMA = SchemaRepository([SCHEMAS], read_bundled).get_by_uri("/error/2.1.0")
EMITTER = Emitter(
    emitter_id="enrich",
    stream="enrich.error",
    source_stream="source.v1",
    source_schema_uri="/mediawiki/page/change/1.7.0",
)
NOW = 1_700_000_000_123

# Text as Python has it: with lone surrogates, which a file name or an exception's message may hold.
ANY_TEXT = st.text(st.characters(), max_size=40)
META = st.dictionaries(st.sampled_from(["stream", "domain", "request_id", "uri", "id"]), JSON | ANY_TEXT, max_size=5)
EVENTS = JSON | st.dictionaries(st.sampled_from(["$schema", "meta", "dt"]), META | JSON | ANY_TEXT, max_size=3)


def failed(raw: bytes | None = b"{}", event: object = None, **more: Any) -> dict[str, Any]:
    """Return an error event about a failure."""
    arguments = {"error_type": "Broken", "message": "It broke.", "max_raw_bytes": 1000, **more}
    return build_error_event(EMITTER, raw=raw, event=event, now=NOW, event_id="new", **arguments)


@given(
    raw=st.none() | st.binary(max_size=300),
    event=EVENTS,
    texts=st.fixed_dictionaries(dict.fromkeys(("error_type", "message", "stack", "triggered_by"), ANY_TEXT)),
    limit=st.integers(0, 400),
    raw_cut=st.integers(0, 5),
)
def test_error_event_is_valid_for_any_failure(
    raw: bytes | None, event: object, texts: dict[str, str], limit: int, raw_cut: int
) -> None:
    """For any bytes, any JSON as the event and any text of an exception the result is valid and can be encoded."""
    found = failed(raw, event, **texts, max_raw_bytes=limit, truncated_bytes=raw_cut)
    assert SCHEMA.describe_violations(found) == ""
    assert orjson.loads(orjson.dumps(found)) == found


def test_error_event_names_emitter_error_and_failed_event() -> None:
    """Every field is where the schema's description says; identities come from the failed event."""
    meta = {"stream": "s.v1", "domain": "en.wikipedia.org", "request_id": "r", "uri": "u", "id": "old", "dt": "d"}
    found = failed(b'{"a":1}', {"$schema": "/t/1.0.0", "meta": meta}, stack="line 1", triggered_by="event r")
    assert found == {
        "$schema": "/error/2.1.0",
        "meta": {"stream": "enrich.error", "id": "new", "domain": "en.wikipedia.org", "request_id": "r"},
        "dt": "2023-11-14T22:13:20.123Z",
        "emitter_id": "enrich",
        "error_type": "Broken",
        "message": "It broke.",
        "stack": "line 1",
        "triggered_by": "event r",
        "errored_schema_uri": "/t/1.0.0",
        "errored_stream_name": "s.v1",
        "raw_event": '{"a":1}',
    }


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        {"meta": 5},
        {"$schema": "", "meta": {"stream": "", "domain": "", "request_id": ""}},
        {"$schema": 1, "meta": {"stream": [], "domain": 7, "request_id": None}},
        {"$schema": "x" * 2000, "meta": {"stream": "x" * 2000, "domain": "x" * 2000, "request_id": "x" * 2000}},
    ],
)
def test_missing_identity_is_that_of_the_source(event: object) -> None:
    """Without a usable identity, stream and schema are those of the job's source, and the rest is left out."""
    found = failed(event=event)
    assert found["errored_schema_uri"] == "/mediawiki/page/change/1.7.0"
    assert found["errored_stream_name"] == "source.v1"
    assert found["meta"] == {"stream": "enrich.error", "id": "new"}
    assert not {"stack", "triggered_by"} & found.keys()


def test_event_without_bytes_has_no_raw_event() -> None:
    """Missing bytes and empty bytes are distinguished."""
    assert "raw_event" not in failed(None)
    assert failed(b"")["raw_event"] == ""


def test_bytes_that_are_not_utf8_are_shown_with_backslashes() -> None:
    """No byte is lost."""
    assert failed(b"caf\xe9 \xf0\x9f")["raw_event"] == "caf\\xe9 \\xf0\\x9f"


def test_message_names_the_size_of_a_cut() -> None:
    """The message has the missing size and the whole size, including the part that the source had left out."""
    found = failed(b"x" * 1500, truncated_bytes=500)
    assert len(found["raw_event"]) == 1000
    assert found["message"] == "It broke. (raw_event is cut: it lacks the last 1000 of 2000 bytes)"


def test_message_names_a_cut_by_the_source_alone() -> None:
    """The cut is named even when the rest of the event fits."""
    assert failed(b"x", truncated_bytes=9)["message"].endswith("(raw_event is cut: it lacks the last 9 of 10 bytes)")


@pytest.mark.parametrize("letter", ["m", '"', "\0", "\udc80", "\U0001f9ad"])
def test_messages_and_stacks_are_bounded(letter: str) -> None:
    """An exception that quotes a whole document does not make the event too large for a sink, even with escapes."""
    found = failed(message=letter * 10**5, stack=letter * 10**5, triggered_by=letter * 10**5)
    assert len(found["message"]) > 2000
    assert len(orjson.dumps(found)) < 50_000


@given(st.binary(max_size=400) | st.text(max_size=200).map(str.encode), st.integers(0, 500))
def test_truncated_text_is_a_prefix_within_the_limit(raw: bytes, limit: int) -> None:
    """The text is a prefix of at most `limit` bytes on the wire, and the missing bytes are counted."""
    text, left_out = truncate_to_size(raw, limit)
    whole = raw.decode(errors="backslashreplace")
    assert len(orjson.dumps(text)) - 2 <= limit
    assert whole.startswith(text)
    assert (left_out == 0) == (len(orjson.dumps(whole)) - 2 <= limit)


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=200), st.integers(0, 300))
def test_no_character_is_split(text: str, limit: int) -> None:
    """A character that does not fit is left out as a whole, and its bytes are counted."""
    raw = text.encode()
    kept, left_out = truncate_to_size(raw, limit)
    assert kept.encode() == raw[: len(raw) - left_out]


@pytest.mark.parametrize("letter", ["x", "é", "€", "𝄞", '"', "\x01"])
@pytest.mark.parametrize("limit", [10**5, 5 * 10**5, 10**7])
def test_long_text_is_measured_in_steps(letter: str, limit: int) -> None:
    """Steps split characters and escapes; the text is about as long as the limit allows."""
    raw = b"a" + letter.encode() * 300_000
    text, left_out = truncate_to_size(raw, limit)
    size = len(orjson.dumps(text)) - 2
    whole = len(orjson.dumps(raw.decode())) - 2
    assert raw == text.encode() + raw[len(raw) - left_out :]
    assert size == whole if whole <= limit else limit - 16 < size <= limit


def test_bytes_that_are_not_utf8_may_lie_at_a_step() -> None:
    """Each is shown once."""
    raw = (b"a" * (256 * 1024 - 1) + b"\xe2\x82") * 2
    text, left_out = truncate_to_size(raw, 10**7)
    assert (text, left_out) == (raw.decode(errors="backslashreplace"), 0)
