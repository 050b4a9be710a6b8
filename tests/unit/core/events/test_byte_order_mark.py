"""Byte order marks around JSON, and first lines for messages."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wikistate.core.events.byte_order_mark import MARK, load_json, remove_marks
from wikistate.core.events.decoder import read_object
from wikistate.core.events.documents import parse_document
from wikistate.core.events.first_line import quote_first_line
from wikistate.core.events.replay import ReplayFilter
from wikistate.errors import DocumentError
from wikistate.streaming.record import Partition, Record

EVENT = b'{"a":"\xef\xbb\xbf"}'


@given(st.integers(0, 3), st.integers(0, 3), st.sampled_from([b"", b"\n", b" \r\n"]))
def test_marks_before_and_behind_are_removed(before: int, behind: int, space: bytes) -> None:
    """Several, with white space between, as of several files of a wiki. A mark within the text stays."""
    text = (space + MARK) * before + EVENT + (MARK + space) * behind
    assert load_json(text) == {"a": "\ufeff"}
    assert remove_marks(text).strip() == EVENT


def test_text_without_a_mark_is_not_copied() -> None:
    """The usual case costs nothing."""
    text = b"x" * 1000
    assert remove_marks(text) is text
    assert remove_marks(MARK + MARK) == b""


@pytest.mark.parametrize("text", [b"", MARK, MARK + b"{", b"{" + MARK + b"}"])
def test_other_text_stays_invalid(text: bytes) -> None:
    """Only marks at the edges are removed."""
    with pytest.raises(orjson.JSONDecodeError):
        load_json(text)


def test_event_error_event_and_document_may_have_a_mark() -> None:
    """The source does not matter."""
    assert read_object(Record(MARK + b'{"a":1}', None, None, Partition("t"), 0)) == {"a": 1}
    assert parse_document(MARK + b'{"a": 1}', "x.json") == {"a": 1}
    assert parse_document(MARK + b"a: 1\n", "x.yaml") == {"a": 1}
    error = b'{"$schema":"/error/2.1.0","error_type":"NotJson","raw_event":"x"}'
    assert ReplayFilter().classify(MARK + error) == ReplayFilter().classify(error)


@pytest.mark.parametrize(
    ("body", "quoted"),
    [
        (b"Please set a user agent and respect our robot policy.\nMore.", "'Please set a user agent and respect our"),
        (b"\n\n  <!DOCTYPE html><html><head><title>Wiki\n is down</title></head></html>", "'Wiki is down'"),
        (b"<html><style>b {}</style><b>No&nbsp;room</b></html>", "'No room'"),
        (b"<html>", "'<html>'"),
        (MARK + b"<br />\n<b>Warning</b>: mysqli", "'<br />'"),
        (b"\x1b[31mred\x00", r"'\x1b[31mred\x00'"),
        (b"\xff\xfe\xfa", "'���'"),
        (b"x" * 1000, "x…'"),
        (b" \n", "no text"),
        (b"", "no text"),
    ],
)
def test_first_line_is_bounded_and_escaped(body: bytes, quoted: str) -> None:
    """A terminal shows it on one line, without control characters."""
    found = quote_first_line(body)
    assert quoted in found
    assert found.isprintable()
    assert len(found) < 200


@pytest.mark.parametrize("uri", ["x.json", "x.yaml"])
@pytest.mark.parametrize("body", [b"<html><title>Sign in</title></html>", b"{ Sign in", b"Sign in"])
def test_document_that_cannot_be_read_is_quoted(body: bytes, uri: str) -> None:
    """A schema repository behind a login answers with a page."""
    with pytest.raises(DocumentError, match=r"It begins with '.*Sign in'"):
        parse_document(body, uri)
