"""The decoder of compressed bytes, for each format."""

from __future__ import annotations

import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.adapters.compression.compressed import COMPRESS, SKIPPABLE_FRAME, deflate_raw

from wikistate.adapters.compression.decoder import DamagedError, Decoder, TruncatedError
from wikistate.adapters.compression.formats import Format

FORMATS = list(COMPRESS)


def decode(decoder: Decoder, content: bytes, *, size: int, limit: int = 1 << 20) -> list[bytes]:
    """Return the decompressed pieces of content that is fed in chunks, and check its end."""
    pieces = []
    for start in range(0, len(content), size):
        decoder.feed(content[start : start + size])
        while piece := decoder.read(limit):
            pieces.append(piece)
    decoder.finish()
    return pieces


@given(
    st.sampled_from(FORMATS),
    st.lists(st.tuples(st.binary(max_size=200), st.integers(0, 9)), min_size=1, max_size=4),
    st.integers(1, 50),
    st.integers(1, 100),
)
def test_members_are_read_to_the_real_end(
    stream_format: Format, members: list[tuple[bytes, int]], size: int, limit: int
) -> None:
    """Members and the zero bytes behind them may follow one another, in chunks and steps of any size."""
    content = b"".join(COMPRESS[stream_format](text) + bytes(zeros) for text, zeros in members)
    decoder = Decoder(stream_format)
    pieces = decode(decoder, content, size=size, limit=limit)
    assert b"".join(pieces) == b"".join(text for text, _ in members)
    assert all(len(piece) <= limit for piece in pieces)
    assert decoder.complete_bytes == len(content) - members[-1][1] or decoder.complete_bytes == len(content)


@pytest.mark.parametrize("stream_format", FORMATS)
@pytest.mark.parametrize("size", [1, 7, 1000])
def test_end_in_the_middle_is_an_error(stream_format: Format, size: int) -> None:
    """At each byte of the second member; the end between two members is complete."""
    first, second = COMPRESS[stream_format](b"first"), COMPRESS[stream_format](b"second " * 20)
    assert b"".join(decode(Decoder(stream_format), first, size=size)) == b"first"
    for end in range(1, len(second)):
        with pytest.raises(TruncatedError):
            decode(Decoder(stream_format), first + second[:end], size=size)


@pytest.mark.parametrize("stream_format", FORMATS)
def test_other_bytes_behind_the_end_are_an_error(stream_format: Format) -> None:
    """They are a damaged member, not an end."""
    content = COMPRESS[stream_format](b"first") + b"<html>maintenance</html>" * 3
    with pytest.raises(DamagedError):
        decode(Decoder(stream_format), content, size=1000)


@pytest.mark.parametrize("stream_format", FORMATS)
def test_step_is_bounded(stream_format: Format) -> None:
    """32 MB of zeros in a few bytes are returned in pieces, without ever being held."""
    content = COMPRESS[stream_format](bytes(32 << 20))
    limit = 64 * 1024
    decoder = Decoder(stream_format)
    tracemalloc.start()
    try:
        decoder.feed(content)
        size = 0
        while piece := decoder.read(limit):
            assert len(piece) <= limit
            size += len(piece)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size == 32 << 20
    assert peak < 24 << 20


@pytest.mark.parametrize("size", [1, 3, 1000])
def test_skippable_frames_are_skipped(size: int) -> None:
    """Before, between and behind the frames."""
    frame = COMPRESS[Format.ZSTD]
    content = SKIPPABLE_FRAME + frame(b"a") + SKIPPABLE_FRAME * 2 + frame(b"b") + SKIPPABLE_FRAME
    assert b"".join(decode(Decoder(Format.ZSTD), content, size=size)) == b"ab"


@pytest.mark.parametrize("size", [1, 1000])
def test_raw_deflate_is_recognised(size: int) -> None:
    """The two forms of "deflate" differ in the first two bytes."""
    assert b"".join(decode(Decoder(Format.DEFLATE), deflate_raw(b"a text"), size=size)) == b"a text"


def test_output_that_ends_at_the_limit_is_not_held_back() -> None:
    """The last bytes are returned without further input: a live stream may pause there."""
    content = COMPRESS[Format.GZIP](b"x" * 1000)[:-8]
    decoder = Decoder(Format.GZIP)
    decoder.feed(content)
    pieces = []
    while piece := decoder.read(100):
        pieces.append(piece)
    assert b"".join(pieces) == b"x" * 1000
