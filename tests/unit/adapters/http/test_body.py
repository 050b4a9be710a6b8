from __future__ import annotations

import gzip
import tracemalloc
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wikistate.adapters.http.body import BodyBuffer, GzipBodyBuffer


def fed(body: BodyBuffer, chunks: list[bytes]) -> bool:
    """Return whether all chunks were accepted."""
    return all(body.feed(chunk) for chunk in chunks)


def cut(content: bytes, size: int) -> list[bytes]:
    """Return the content in pieces."""
    return [content[start : start + size] for start in range(0, len(content), size)]


@given(st.binary(max_size=300), st.integers(1, 50), st.integers(0, 400))
def test_body_is_accepted_exactly_up_to_the_limit(content: bytes, size: int, limit: int) -> None:
    """A body fits exactly if it is not longer than the limit, plain or compressed, in any pieces."""
    plain, packed = BodyBuffer(limit), GzipBodyBuffer(limit)
    fits = len(content) <= limit
    assert fed(plain, cut(content, size)) is fits
    assert fed(packed, cut(gzip.compress(content), size)) is fits
    if fits:
        assert plain.join() == packed.join() == content
        assert packed.is_complete


@given(st.lists(st.binary(max_size=50), min_size=1, max_size=4), st.integers(1, 30))
def test_members_of_gzip_are_joined(members: list[bytes], size: int) -> None:
    """RFC 1952 allows several members, one after the other."""
    body = GzipBodyBuffer(1000)
    assert fed(body, cut(b"".join(map(gzip.compress, members)), size))
    assert body.is_complete
    assert body.join() == b"".join(members)


def test_truncated_gzip_is_not_complete() -> None:
    """A connection that ends early must not look like a shorter text."""
    body = GzipBodyBuffer(1000)
    assert body.feed(gzip.compress(b"a text")[:-3])
    assert not body.is_complete


def test_bytes_that_are_not_gzip_are_an_error_of_zlib() -> None:
    """The caller maps the error."""
    with pytest.raises(zlib.error):
        GzipBodyBuffer(1000).feed(b"<html>")


def test_gzip_bomb_needs_no_more_memory_than_the_limit() -> None:
    """Compressed zeros of 64 MB are rejected after the limit, without ever being held."""
    packer = zlib.compressobj(wbits=31)
    bomb = b"".join(packer.compress(bytes(1 << 20)) for _ in range(64)) + packer.flush()
    limit = 1 << 20
    tracemalloc.start()
    try:
        assert not GzipBodyBuffer(limit).feed(bomb)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 4 * limit
