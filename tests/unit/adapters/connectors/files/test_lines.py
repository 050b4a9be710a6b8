"""The lines of a stream: the law of splitting, and its bound."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wikistate.adapters.connectors.files.lines import MAX_LINES, Line, LineSplitter

BYTES = st.binary(max_size=60) | st.text(alphabet="a\n", max_size=60).map(str.encode)


def split(chunks: list[bytes], bound: int = 1000) -> list[Line]:
    """Return all lines of a stream of chunks."""
    splitter = LineSplitter(bound)
    lines = [line for chunk in chunks for line in splitter.feed(chunk)]
    return lines + splitter.finish()


@given(st.lists(BYTES, max_size=8))
def test_sizes_of_chunks_do_not_matter(chunks: list[bytes]) -> None:
    """The lines are those of the whole stream."""
    assert split(chunks) == split([b"".join(chunks)])


@given(BYTES)
def test_joined_lines_are_the_stream(stream: bytes) -> None:
    """Only a missing line feed at the end is added."""
    joined = b"".join(line.value + b"\n" for line in split([stream]))
    assert joined == stream + (b"" if stream.endswith(b"\n") or not stream else b"\n")


@given(st.lists(BYTES, max_size=8), st.integers(min_value=1, max_value=20))
def test_bound_keeps_beginning_and_counts_other_bytes(chunks: list[bytes], bound: int) -> None:
    """A line above the bound has its beginning and the number of bytes that were left out."""
    for whole, line in zip(split(chunks), split(chunks, bound), strict=True):
        assert line == Line(whole.value[:bound], max(0, len(whole.value) - bound))


def test_endless_line_is_not_held_in_memory() -> None:
    """Only the beginning of a line above the bound is kept."""
    splitter = LineSplitter(10)
    for _ in range(10_000):
        assert splitter.feed(b"x" * 1000) == []
    assert len(splitter._begun) == 10
    assert splitter.feed(b"\n") == [Line(b"x" * 10, 9_999_990)]


@pytest.mark.parametrize("newlines", [MAX_LINES - 1, MAX_LINES, MAX_LINES + 1, 10 * MAX_LINES + 3])
@pytest.mark.parametrize("end", [b"", b"x"])
def test_lines_of_a_chunk_are_returned_in_steps(newlines: int, end: bytes) -> None:
    """A megabyte of line feeds is a million lines; none is lost at the steps, and an unfinished one is continued."""
    splitter = LineSplitter(10)
    steps = [splitter.feed(b"ab\n" * newlines + end)]
    while splitter.is_pending:
        steps.append(splitter.feed(b""))
    assert max(map(len, steps)) <= MAX_LINES
    last = splitter.feed(b"y\n")
    assert [line for step in steps for line in step] == [Line(b"ab", 0)] * newlines
    assert last == [Line(end + b"y", 0)]
    assert splitter.finish() == []
