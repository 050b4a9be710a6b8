"""Readers of server-sent events and of compressed bytes, in pieces that are cut anywhere."""

from __future__ import annotations

import random
import zlib
from typing import TYPE_CHECKING

from tests.fuzz.mutators.compression import COMPRESSORS
from tests.fuzz.target import Kind, Target, require

from wikistate.adapters.compression.decoder import DamagedError, Decoder
from wikistate.adapters.compression.formats import Format, UnsupportedFormatError
from wikistate.adapters.compression.text_decoder import TextDecoder
from wikistate.adapters.connectors.eventstreams.event_id import format_event_id, parse_event_id
from wikistate.adapters.connectors.eventstreams.parser import EventStreamParser, ServerSentEvent
from wikistate.adapters.connectors.eventstreams.position import StreamPosition
from wikistate.adapters.connectors.eventstreams.single_topic import SingleTopicPosition
from wikistate.adapters.http.body import DecodedBodyBuffer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_BOUND = 10_000
"""Bytes of an event that are kept as a whole."""

_STEP = 4_096
_MAX_STEPS = 4_000
"""Steps of a decoder in one input. Reading a bomb to its end takes time in proportion to its content, and that is expected."""

_SSE_TOKENS = (
    *(
        "data: x\n\n",
        "data\n",
        "data:\n",
        "id: []\n",
        "id\n",
        "retry: 99999999999999999999\n",
        "retry: \u0665\n",
        ":\n",
        "\r",
        "\n\n",
    ),
    *('id: [{"topic":"t","partition":0,"offset":9223372036854775807}]\n', "event: message\n", "\ufeff", "data: {}\n\n"),
)


def read_events(data: bytes, _: Path) -> None:
    """Parse an event stream in pieces; its events are the same as those of the whole."""
    whole = EventStreamParser(_BOUND)
    events = whole.feed(data)
    pieces = EventStreamParser(_BOUND)
    again = [event for piece in _cut(data) for event in pieces.feed(piece)]
    require(events == again, "the events depend on the pieces in which their bytes arrive")
    require(all(len(event.data) <= _BOUND for event in events), "an event exceeds its bound")
    require(whole.retry is None or whole.retry >= 0, "a negative wait")
    _follow(events)


def _follow(events: list[ServerSentEvent]) -> None:
    for position in (StreamPosition("s", 0), SingleTopicPosition("s", "")):
        for event in events:
            found = position.to_record(event)
            if found is not None:
                require(0 <= found.record.offset < 2**63, "an offset is out of bounds")
                require(parse_event_id(found.token) or not found.token, "a token that cannot be read")
        last = position.last_event_id()
        require(format_event_id(parse_event_id(last)) == last or not last, "an id changes when it is read")
        require("\n" not in last, "an id has a line feed")


def read_compressed_events(data: bytes, _: Path) -> None:
    """Parse an event stream that is compressed, in pieces."""
    decoder, parser, steps = Decoder(_format_of(data)), EventStreamParser(_BOUND), 0
    for piece in _cut(data):
        decoder.feed(piece)
        while steps < _MAX_STEPS and (text := decoder.read(_STEP)):
            steps += 1
            require(len(text) <= _STEP, "a step exceeds its bound")
            _follow(parser.feed(text))
        if steps == _MAX_STEPS:
            return


def read_body(data: bytes, _: Path) -> None:
    """Read a compressed body within a limit."""
    for encoding in (Format.GZIP, Format.DEFLATE, Format.ZSTD):
        body = DecodedBodyBuffer(_BOUND, encoding)
        try:
            if all(body.feed(piece) for piece in _cut(data)) and body.is_complete:
                require(len(body.join()) <= _BOUND, "a body exceeds its limit")
        except DamagedError:
            continue


def read_text(data: bytes, _: Path) -> None:
    """Read a text in any format, in pieces."""
    decoder, steps = TextDecoder("x.gz" if len(data) % 2 else ""), 0
    for piece in (*_cut(data), None):
        if piece is None:
            decoder.end()
        else:
            decoder.feed(piece)
        while steps < _MAX_STEPS and (text := decoder.read(_STEP)):
            steps += 1
            require(len(text) <= 2 * _STEP, "a step exceeds its bound")
        if steps == _MAX_STEPS:
            return


def _format_of(data: bytes) -> Format:
    return Format.ZSTD if data.startswith(COMPRESSORS["zstd"](b"")[:4]) else Format.GZIP


def _cut(data: bytes) -> Iterator[bytes]:
    """Yield pieces of some bytes, which depend on the bytes alone."""
    rng = random.Random(zlib.crc32(data))
    size = rng.choice((1, 3, 100, 5_000, 1 << 20))
    if len(data) // size > 20_000:
        size = 1_000
    at = 0
    while at < len(data):
        length = rng.randint(1, size)
        yield data[at : at + length]
        at += length


_DECODING = (DamagedError, UnsupportedFormatError)
TARGETS = (
    Target(name="sse", kind=Kind.TEXT, run=read_events, tokens=_SSE_TOKENS),
    Target(
        name="sse-compressed",
        kind=Kind.TEXT,
        run=read_compressed_events,
        errors=_DECODING,
        compressed=True,
        tokens=_SSE_TOKENS,
    ),
    Target(name="body", kind=Kind.BINARY, run=read_body, compressed=True),
    Target(name="compressed-text", kind=Kind.BINARY, run=read_text, errors=_DECODING, compressed=True),
)
