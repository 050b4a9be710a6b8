from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.adapters.compression.compressed import COMPRESS, SKIPPABLE_FRAME, deflate_raw

from wikistate.adapters.compression.decoder import DamagedError
from wikistate.adapters.compression.formats import Format
from wikistate.adapters.http.body import BodyBuffer, DecodedBodyBuffer, find_encoding


def fed(body: BodyBuffer, chunks: list[bytes]) -> bool:
    """Return whether all chunks were accepted."""
    return all(body.feed(chunk) for chunk in chunks)


def cut(content: bytes, size: int) -> list[bytes]:
    """Return the content in pieces."""
    return [content[start : start + size] for start in range(0, len(content), size)]


@given(st.binary(max_size=300), st.integers(1, 50), st.integers(0, 400))
def test_body_is_accepted_exactly_up_to_the_limit(content: bytes, size: int, limit: int) -> None:
    """A body fits exactly if it is not longer than the limit, plain or compressed, in any pieces."""
    plain, packed = BodyBuffer(limit), DecodedBodyBuffer(limit, Format.GZIP)
    fits = len(content) <= limit
    assert fed(plain, cut(content, size)) is fits
    assert fed(packed, cut(gzip.compress(content), size)) is fits
    if fits:
        assert plain.join() == packed.join() == content
        assert packed.is_complete


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=4), st.integers(1, 30))
def test_members_of_gzip_are_joined(members: list[bytes], size: int) -> None:
    """RFC 1952 allows several members, one after the other."""
    body = DecodedBodyBuffer(1000, Format.GZIP)
    assert fed(body, cut(b"".join(map(gzip.compress, members)), size))
    assert body.is_complete
    assert body.join() == b"".join(members)


def test_truncated_gzip_is_not_complete() -> None:
    """A connection that ends early must not look like a shorter text."""
    body = DecodedBodyBuffer(1000, Format.GZIP)
    assert body.feed(gzip.compress(b"a text")[:-3])
    assert not body.is_complete


@pytest.mark.parametrize(
    ("encoding", "content"),
    [
        ("gzip", COMPRESS[Format.GZIP](b"a text") + COMPRESS[Format.GZIP](b", continued") + bytes(100)),
        ("X-GZIP ", COMPRESS[Format.GZIP](b"a text, continued")),
        ("deflate", COMPRESS[Format.DEFLATE](b"a text, continued")),
        ("deflate", deflate_raw(b"a text, continued")),
        ("zstd", SKIPPABLE_FRAME + COMPRESS[Format.ZSTD](b"a text") + COMPRESS[Format.ZSTD](b", continued")),
    ],
)
def test_each_encoding_is_read_to_its_end(encoding: str, content: bytes) -> None:
    """Members, frames and padding, in both forms of "deflate"; any shorter body is not complete."""
    found = find_encoding({"Content-Encoding": encoding})
    assert found is not None
    body = DecodedBodyBuffer(1000, found)
    assert fed(body, cut(content, 5))
    assert body.is_complete
    assert body.join() == b"a text, continued"
    truncated = DecodedBodyBuffer(1000, found)
    assert fed(truncated, cut(content.rstrip(b"\0")[:-1], 5))
    assert not truncated.is_complete


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "compress"])
def test_other_encodings_are_not_read(encoding: str) -> None:
    """They were not requested."""
    assert find_encoding({"Content-Encoding": encoding}) is None


def test_bytes_that_are_not_gzip_are_damaged() -> None:
    """The caller maps the error."""
    with pytest.raises(DamagedError):
        DecodedBodyBuffer(1000, Format.GZIP).feed(b"<html></html>")


def test_gzip_bomb_needs_no_more_memory_than_the_limit() -> None:
    """Compressed zeros of 64 MB are rejected after the limit, without ever being held."""
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()
    limit = 1 << 20
    tracemalloc.start()
    try:
        assert not DecodedBodyBuffer(limit, Format.GZIP).feed(bomb)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * limit
