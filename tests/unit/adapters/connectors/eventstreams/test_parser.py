"""The algorithm of the WHATWG standard for server-sent events, for chunks of any size."""

from __future__ import annotations

import tracemalloc
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wikistate.adapters.connectors.eventstreams.parser import (
    MAX_FIELD_BYTES,
    MAX_RETRY,
    EventStreamParser,
    ServerSentEvent,
)

PLAIN = 1_000_000


def parsed(*chunks: bytes, max_bytes: int = PLAIN) -> list[tuple[str, bytes]]:
    """Return the ids and the data of the events in these chunks."""
    parser = EventStreamParser(max_bytes)
    return [(event.id, event.data) for chunk in chunks for event in parser.feed(chunk)]


@pytest.mark.parametrize(
    ("stream", "events"),
    [
        (b"data: one\n\n", [("", b"one")]),
        (b"data:one\n\n", [("", b"one")]),
        (b"data:  one\n\n", [("", b" one")]),
        (b"data: YHOO\ndata: +2\ndata: 10\n\n", [("", b"YHOO\n+2\n10")]),
        (b": a comment\n\ndata: one\n:another\n\n", [("", b"one")]),
        (b"id: 1\ndata: one\n\ndata: two\n\n", [("1", b"one"), ("1", b"two")]),
        (b"id: 1\ndata: one\n\nid\ndata: two\n\n", [("1", b"one"), ("", b"two")]),
        (b"id: 1\n\ndata: one\n\n", [("1", b"one")]),
        (b"id: a\0b\ndata: one\n\n", [("", b"one")]),
        (b"data\n\ndata\ndata\n\ndata:", [("", b""), ("", b"\n")]),
        (b"event: message\nunknown: x\ndata: one\r\rdata: two\r\n\r\n", [("", b"one"), ("", b"two")]),
        (b"\xef\xbb\xbfdata: one\n\n", [("", b"one")]),
        (b"data: not ended\n", []),
        (b"data: \xff\xfe\n\n", [("", b"\xff\xfe")]),
        (b"", []),
    ],
)
def test_stream_is_parsed_as_standard_defines(stream: bytes, events: list[tuple[str, bytes]]) -> None:
    """The examples and rules of the standard apply; but data stays bytes, and an event with empty `data` is an event."""
    assert parsed(stream) == events


PIECES = st.sampled_from([b"data: a", b"data:b", b"id: 7", b":c", b"retry: 5", b"\n", b"\r", b"\r\n", b"\n\n", b"x"])


@given(st.lists(PIECES).map(b"".join), st.data())
def test_sizes_of_chunks_do_not_change_events(stream: bytes, draw: st.DataObject) -> None:
    """A network delivers chunks of any size."""
    cuts = sorted(draw.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    edges = [0, *cuts, len(stream)]
    chunks = [stream[begin:end] for begin, end in pairwise(edges)]
    assert parsed(*chunks) == parsed(stream)


@given(st.binary(max_size=300), st.integers(1, 100), st.integers(1, 50))
@example(b"12345\n", 5, 1)
def test_event_above_bound_keeps_beginning_and_counts_missing_bytes(data: bytes, bound: int, step: int) -> None:
    """The data is cut at the bound, and the next event is complete."""
    lines = data.replace(b"\r", b"").split(b"\n")
    whole = b"\n".join(lines)
    stream = b"".join(b"data:" + b" " + line + b"\n" for line in lines) + b"\ndata: next\n\n"
    parser = EventStreamParser(bound)
    chunks = [stream[begin : begin + step] for begin in range(0, len(stream), step)]
    first, second = [event for chunk in chunks for event in parser.feed(chunk)]
    assert whole.startswith(first.data)
    assert len(first.data) + first.truncated_bytes == len(whole)
    assert len(first.data) <= max(bound, 1)
    assert second.data == b"next"[:bound]


def test_endless_line_uses_bounded_memory() -> None:
    """The parser keeps at most the bound of an event."""
    parser = EventStreamParser(1000)
    for _ in range(100):
        assert parser.feed(b"x" * 100_000) == []
    assert len(parser._partial_line) < 100_000
    assert parser.feed(b"\n\ndata: after\n\n") == [ServerSentEvent("", b"after")]


def test_retry_time_of_server_is_in_seconds() -> None:
    """`retry` is in milliseconds on the wire; a value that is not a number is ignored."""
    parser = EventStreamParser(PLAIN)
    parser.feed(b"retry: 2500\nretry: soon\n")
    assert parser.retry == 2.5


@pytest.mark.parametrize(
    "line",
    [b"data\n", b"data:\n", b"data:ab\n", b"data\r", b":" + b"x" * 50 + b"\n", b"event:" + b"x" * 50 + b"\n", b"id:\n"],
    ids=["no-value", "empty", "two-bytes", "carriage-return", "comment", "event", "id"],
)
def test_lines_of_an_endless_event_take_their_size_in_memory(line: bytes) -> None:
    """A line feed is a byte of the data, and takes one; a line that is not data takes none once it has ended."""
    bound = 1 << 17
    parser = EventStreamParser(bound)
    chunk = line * (8192 // len(line))
    parser.feed(b"data: first\n")
    tracemalloc.start()
    try:
        for _ in range(6 * bound // len(chunk)):
            parser.feed(chunk)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 2 * bound
    lines = 6 * bound // len(chunk) * (len(chunk) // len(line))
    (event,) = parser.feed(b"\n\n" if b"\n" in line else b"\r\r")
    value = len(line.partition(b":")[2].rstrip(b"\r\n")) + 1 if line.startswith(b"data") else 0
    assert len(event.data) + event.truncated_bytes == len(b"first") + lines * value
    assert len(event.data) <= bound


@pytest.mark.parametrize("name", [b"", b"event: ", b"id: ", b"retry: ", b"unknown: ", b"dat"])
def test_line_that_is_not_data_is_kept_up_to_a_bound_of_its_own(name: bytes) -> None:
    """Its end is not waited for in memory, whatever length a record may have, and its beginning is not taken for the whole."""
    parser = EventStreamParser(1 << 30)
    for _ in range(40):
        parser.feed(name + b"1" * 65_536)
        name = b""
    assert len(parser._partial_line) <= MAX_FIELD_BYTES
    assert parser.feed(b"\ndata: after\n\n") == [ServerSentEvent("", b"after")]


def test_retry_time_is_bounded() -> None:
    """A server does not keep a client away for days."""
    parser = EventStreamParser(PLAIN)
    parser.feed(b"retry: 999999999\n")
    assert parser.retry == MAX_RETRY


def test_comment_is_not_within_an_event() -> None:
    """The end of a source does not wait for the end of a comment."""
    parser = EventStreamParser(PLAIN)
    parser.feed(b": a comment that does not")
    assert not parser.is_within_event
    parser.feed(b" end\ndat")
    assert parser.is_within_event
