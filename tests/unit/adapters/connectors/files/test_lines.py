"""Bytes into lines: the law of splitting, and its bound."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wikistate.adapters.connectors.files.lines import Line, LineSplitter

BYTES = st.binary(max_size=60) | st.text(alphabet="a\n", max_size=60).map(str.encode)


def split(chunks: list[bytes], bound: int = 1000) -> list[Line]:
    """All lines of a stream that comes in these chunks."""
    splitter = LineSplitter(bound)
    lines = [line for chunk in chunks for line in splitter.feed(chunk)]
    return lines + splitter.finish()


@given(st.lists(BYTES, max_size=8))
def test_chunks_do_not_matter(chunks: list[bytes]) -> None:
    """However the bytes are cut, the lines are those of the whole."""
    assert split(chunks) == split([b"".join(chunks)])


@given(BYTES)
def test_joined_again_the_lines_are_the_stream(stream: bytes) -> None:
    """Nothing is lost and nothing added but a line feed at the end, where it was missing."""
    joined = b"".join(line.value + b"\n" for line in split([stream]))
    assert joined == stream + (b"" if stream.endswith(b"\n") or not stream else b"\n")


@given(st.lists(BYTES, max_size=8), st.integers(min_value=1, max_value=20))
def test_a_bound_keeps_the_head_and_counts_the_rest(chunks: list[bytes], bound: int) -> None:
    """A line above the bound is its head and the number of bytes that were left out."""
    for whole, line in zip(split(chunks), split(chunks, bound), strict=True):
        assert line == Line(whole.value[:bound], max(0, len(whole.value) - bound))


def test_an_endless_line_is_not_held_in_memory() -> None:
    """Only the head of a line that is too long is kept while the rest goes by."""
    splitter = LineSplitter(10)
    for _ in range(10_000):
        assert splitter.feed(b"x" * 1000) == []
    assert sum(map(len, splitter._pieces)) == 10
    assert splitter.feed(b"\n") == [Line(b"x" * 10, 9_999_990)]
