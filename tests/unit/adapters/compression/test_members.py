"""The work of a decoder grows with its bytes, whatever they are divided into, and bytes without content are not kept."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING

import pytest
from tests.unit.adapters.compression.compressed import COMPRESS, SKIPPABLE_FRAME

from wikistate.adapters.compression.decoder import DamagedError, Decoder
from wikistate.adapters.compression.formats import Format

if TYPE_CHECKING:
    from wikistate.adapters.compression.decoder import Member

EMPTY = {name: compress(b"") for name, compress in COMPRESS.items()}


class CountingMember:
    """Member that counts the bytes that it is given and gives back."""

    moved = 0

    def __init__(self, member: Member) -> None:
        self._member = member

    @property
    def eof(self) -> bool:
        """See `Member`."""
        return self._member.eof

    @property
    def needs_input(self) -> bool:
        """See `Member`."""
        return self._member.needs_input

    @property
    def unused_data(self) -> bytes:
        """See `Member`."""
        unused = self._member.unused_data
        CountingMember.moved += len(unused)
        return unused

    def decompress(self, data: bytes, max_length: int) -> bytes:
        """See `Member`."""
        CountingMember.moved += len(data)
        return self._member.decompress(data, max_length)


def count_moved(stream_format: Format, content: bytes, *, feed: int) -> int:
    """Return the number of bytes that the members of a content are given and give back."""
    decoder = Decoder(stream_format)
    build = decoder._new
    decoder._new = lambda: CountingMember(build())
    CountingMember.moved = 0
    for start in range(0, len(content), feed):
        decoder.feed(content[start : start + feed])
        assert decoder.read(1000) == b""
    decoder.finish()
    return CountingMember.moved


@pytest.mark.parametrize("stream_format", EMPTY)
def test_work_is_linear_in_the_number_of_empty_members(stream_format: Format) -> None:
    """Twice as many members are twice the work, also when they are fed at once."""
    once, twice = EMPTY[stream_format] * 10_000, EMPTY[stream_format] * 20_000
    assert count_moved(stream_format, twice, feed=len(twice)) <= 2.2 * count_moved(stream_format, once, feed=len(once))


@pytest.mark.parametrize("unit", [SKIPPABLE_FRAME, EMPTY[Format.ZSTD] + SKIPPABLE_FRAME])
def test_work_is_linear_in_the_number_of_skippable_frames(unit: bytes) -> None:
    """Between empty frames, too."""
    once, twice = unit * 10_000, unit * 20_000
    assert count_moved(Format.ZSTD, twice, feed=len(twice)) <= 2.2 * count_moved(Format.ZSTD, once, feed=len(once))


def test_work_is_linear_with_zero_bytes_between_members() -> None:
    """Each ends with a zero byte."""
    unit = EMPTY[Format.GZIP] + b"\0"
    once, twice = unit * 10_000, unit * 20_000
    assert count_moved(Format.GZIP, twice, feed=len(twice)) <= 2.2 * count_moved(Format.GZIP, once, feed=len(once))


@pytest.mark.parametrize("stream_format", EMPTY)
def test_bytes_without_content_are_not_kept(stream_format: Format) -> None:
    """Zero bytes behind a member, and empty members, for as long as they come."""
    decoder = Decoder(stream_format)
    decoder.feed(COMPRESS[stream_format](b"text"))
    assert decoder.read(100) == b"text"
    for block in (bytes(8_000), EMPTY[stream_format] * (8_000 // len(EMPTY[stream_format]))):
        decoder.feed(block)
        assert decoder.read(100) == b""
        tracemalloc.start()
        try:
            for _ in range(12):
                decoder.feed(block)
                assert decoder.read(100) == b""
            held, _ = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert held < 6 * len(block)


@pytest.mark.parametrize("stream_format", EMPTY)
def test_other_bytes_behind_the_end_are_refused_at_once(stream_format: Format) -> None:
    """They are not collected; the content before them is returned first."""
    decoder = Decoder(stream_format)
    decoder.feed(COMPRESS[stream_format](b"text") + b"<html>" * 10)
    assert decoder.read(100) == b"text"
    with pytest.raises(DamagedError):
        decoder.read(100)
    assert not decoder.is_complete


@pytest.mark.parametrize("stream_format", EMPTY)
def test_member_may_be_fed_before_all_of_the_last_one_was_read(stream_format: Format) -> None:
    """The bytes behind the end of a member keep their order."""
    text = bytes(range(256)) * 100
    content = COMPRESS[stream_format](text) * 3
    decoder = Decoder(stream_format)
    found = []
    for start in range(0, len(content), 50):
        decoder.feed(content[start : start + 50])
        found.append(decoder.read(7))
    while piece := decoder.read(7):
        found.append(piece)
    decoder.finish()
    assert b"".join(found) == text * 3
