"""Answers put together from compressed pieces are ordinary gzip."""

from __future__ import annotations

import gzip
import zlib

from hypothesis import given, settings
from hypothesis import strategies as st

from wikistate.testing.wiki.cached_bodies import CachedBody, join_gzipped, join_plain

RUNS = st.builds(lambda unit, times: unit * times, st.binary(min_size=1, max_size=40), st.integers(1, 3_000))


@settings(deadline=None)
@given(st.lists(st.binary(max_size=400) | RUNS, max_size=12))
def test_unpacked_they_are_what_was_put_in(parts: list[bytes]) -> None:
    """Small pieces, large ones, empty ones, none at all, in any order."""
    pieces = [CachedBody(part) for part in parts]
    assert gzip.decompress(join_gzipped(pieces)) == join_plain(pieces) == b"".join(parts)


def test_a_piece_may_stand_in_many_answers_and_twice_in_one() -> None:
    """It refers to nothing before it."""
    shared = CachedBody(b"the same words again and again " * 50)
    pieces = [shared, CachedBody(b"between"), shared]
    assert gzip.decompress(join_gzipped(pieces)) == join_plain(pieces)
    assert gzip.decompress(join_gzipped([shared])) == shared.raw


def test_it_is_one_member_that_any_client_unpacks_whole() -> None:
    """Clients that stop after the first member lose nothing."""
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    pieces = [CachedBody(b"a" * 1_000), CachedBody(b"b" * 10)]
    assert unpacker.decompress(join_gzipped(pieces)) == join_plain(pieces)
    assert unpacker.eof
    assert unpacker.unused_data == b""
