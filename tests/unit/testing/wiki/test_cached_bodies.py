"""Bodies that consist of compressed pieces are ordinary gzip."""

from __future__ import annotations

import gzip
import zlib

from hypothesis import given, settings
from hypothesis import strategies as st

from wikistate.testing.wiki.cached_bodies import CachedBody, join_gzipped, join_plain

RUNS = st.builds(lambda unit, times: unit * times, st.binary(min_size=1, max_size=40), st.integers(1, 3_000))


@settings(deadline=None)
@given(st.lists(st.binary(max_size=400) | RUNS, max_size=12))
def test_unpacked_body_is_the_sum_of_its_pieces(parts: list[bytes]) -> None:
    """There may be small, large, empty or no pieces in any order."""
    pieces = [CachedBody(part) for part in parts]
    assert gzip.decompress(join_gzipped(pieces)) == join_plain(pieces) == b"".join(parts)


def test_piece_may_be_in_many_bodies_and_twice_in_one() -> None:
    """A piece does not refer to the bytes before it."""
    shared = CachedBody(b"the same words again and again " * 50)
    pieces = [shared, CachedBody(b"between"), shared]
    assert gzip.decompress(join_gzipped(pieces)) == join_plain(pieces)
    assert gzip.decompress(join_gzipped([shared])) == shared.raw


def test_body_is_a_single_gzip_member() -> None:
    """Clients that stop after the first member get the whole body."""
    unpacker = zlib.decompressobj(zlib.MAX_WBITS | 16)
    pieces = [CachedBody(b"a" * 1_000), CachedBody(b"b" * 10)]
    assert unpacker.decompress(join_gzipped(pieces)) == join_plain(pieces)
    assert unpacker.eof
    assert unpacker.unused_data == b""
