"""Files and standard input as a source, beyond what every source must do."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import zlib
from typing import TYPE_CHECKING

import orjson
import pytest
import zstandard

from wikistate.adapters.connectors.files import STANDARD_INPUT, FileSource
from wikistate.errors import ConfigError, SourceError
from wikistate.streaming.record import Partition

if TYPE_CHECKING:
    from pathlib import Path

    from wikistate.streaming.record import Record

LINES = [b'{"n":%d}' % number for number in range(5000)]
BLOCK = b"".join(line + b"\n" for line in LINES)


async def nothing_revoked(partitions: object) -> None:
    """Nobody takes a file away."""
    raise AssertionError(partitions)


async def read(source: FileSource) -> list[Record]:
    """Everything that a source has."""
    await source.open(nothing_revoked)
    records: list[Record] = []
    try:
        while (batch := await source.poll(500, 5.0)) is not None:
            records += batch
    finally:
        await source.close()
    return records


async def read_until_it_fails(source: FileSource) -> tuple[list[bytes | None], SourceError]:
    """What a source has before it fails, and how it fails; it fails again when asked again."""
    values: list[bytes | None] = []

    async def poll_on() -> None:
        while True:
            values.extend([record.value for record in await source.poll(500, 5.0) or []])

    await source.open(nothing_revoked)
    with pytest.raises(SourceError) as caught:
        await poll_on()
    with pytest.raises(SourceError):
        await source.poll(500, 5.0)
    await source.close()
    return values, caught.value


async def test_a_last_line_without_its_end_counts(tmp_path: Path) -> None:
    """Files that people make often end without a line feed."""
    path = tmp_path / "events.ndjson"
    path.write_bytes(b"one\n\ntwo")
    assert [record.value for record in await read(FileSource([path]))] == [b"one", b"", b"two"]


async def test_each_file_is_a_partition_with_lines_from_0(tmp_path: Path) -> None:
    """Several files are read in the order in which they are named."""
    paths = [tmp_path / name for name in ("b.ndjson", "empty.ndjson", "a.ndjson.gz")]
    paths[0].write_bytes(b"1\n2\n")
    paths[1].touch()
    paths[2].write_bytes(gzip.compress(b"3\n"))
    records = await read(FileSource(paths))
    assert [(record.partition.topic, record.offset, record.value) for record in records] == [
        (str(paths[0]), 0, b"1"),
        (str(paths[0]), 1, b"2"),
        (str(paths[2]), 0, b"3"),
    ]


async def test_a_line_above_the_bound_is_cut_and_says_by_how_much(tmp_path: Path) -> None:
    """One monstrous line neither fills the memory nor stops the job."""
    path = tmp_path / "events.ndjson"
    path.write_bytes(b"short\n" + b"x" * 1_000_000 + b"\nafter\n")
    records = await read(FileSource([path], max_record_bytes=1000))
    assert [(len(record.value or b""), record.truncated_bytes) for record in records] == [
        (5, 0),
        (1000, 999_000),
        (5, 0),
    ]


@pytest.mark.parametrize("suffix", [".gz", ".zst", ".ndjson"])
async def test_compression_is_recognised_by_the_first_bytes(tmp_path: Path, suffix: str) -> None:
    """A file may have any name: downloads are renamed, and some clients decompress on the way."""
    for number, content in enumerate((BLOCK, gzip.compress(BLOCK), zstandard.ZstdCompressor().compress(BLOCK))):
        path = tmp_path / f"{number}{suffix}"
        path.write_bytes(content)
        assert [record.value for record in await read(FileSource([path]))] == LINES


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.ZstdCompressor().compress])
async def test_members_that_follow_one_another_are_one_stream(tmp_path: Path, compress: type[bytes]) -> None:
    """RFC 1952 and RFC 8878 allow it, and `FileSink` makes one at each flush; lines may span them."""
    path = tmp_path / "events"
    path.write_bytes(b"".join(compress(part) for part in (BLOCK[:7], BLOCK[7:20], BLOCK[20:])))
    assert [record.value for record in await read(FileSource([path]))] == LINES


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.ZstdCompressor().compress])
async def test_a_truncated_file_delivers_what_is_whole_and_then_fails(tmp_path: Path, compress: type[bytes]) -> None:
    """A download that broke off is no shorter file: the error names it and the line where it ends."""
    path = tmp_path / "events.ndjson.x"
    path.write_bytes(compress(BLOCK[: BLOCK.index(LINES[100])]) + compress(BLOCK)[:-10])
    values, error = await read_until_it_fails(FileSource([path]))
    assert values[:100] == LINES[:100]
    assert set(values) <= set(LINES)
    assert str(path) in error.message
    assert f"line {len(values)}" in error.message
    assert "it ends in the middle" in error.message


async def test_a_file_cut_within_its_first_bytes_fails_by_its_name(tmp_path: Path) -> None:
    """Two bytes of Zstandard are no record."""
    path = tmp_path / "events.ndjson.zst"
    path.write_bytes(zstandard.ZstdCompressor().compress(BLOCK)[:2])
    values, error = await read_until_it_fails(FileSource([path]))
    assert values == []
    assert "ends in the middle" in error.message


async def test_a_corrupt_file_fails_with_its_place(tmp_path: Path) -> None:
    """Bytes that changed on the disk are found by the check sums of the format."""
    content = bytearray(gzip.compress(os.urandom(100_000)))
    content[50_000] ^= 0xFF
    path = tmp_path / "events.ndjson.gz"
    path.write_bytes(content)
    _, error = await read_until_it_fails(FileSource([path]))
    assert "damaged" in error.message


async def test_a_folder_and_a_forbidden_name_are_errors_at_the_start(tmp_path: Path) -> None:
    """Before anything is read, and naming the path."""
    for path, says in ((tmp_path, "folder"), (tmp_path / "missing.ndjson", "No such file")):
        source = FileSource([path])
        with pytest.raises(SourceError, match=says) as caught:
            await source.open(nothing_revoked)
        assert str(path) in caught.value.message
        await source.close()


@pytest.mark.parametrize("names", [["a", "a"], ["a", "./a"], []])
def test_a_file_is_named_once(tmp_path: Path, names: list[str]) -> None:
    """Two partitions with one name could not be told apart."""
    with pytest.raises(ConfigError):
        FileSource([tmp_path / name for name in names])


async def test_the_bookmark_holds_each_file_and_survives_the_process(tmp_path: Path) -> None:
    """Committed lines of several files are in one JSON file, by absolute path."""
    paths = [tmp_path / "a.ndjson", tmp_path / "b.ndjson"]
    for path in paths:
        path.write_bytes(b"0\n1\n2\n")
    bookmark = tmp_path / "state" / "bookmark.json"
    source = FileSource(paths, offset_file=bookmark)
    await source.open(nothing_revoked)
    await source.commit({Partition(str(paths[0])): 3})
    await source.commit({Partition(str(paths[1])): 1})
    await source.close()
    assert orjson.loads(bookmark.read_bytes()) == {str(paths[0]): 3, str(paths[1]): 1}
    assert [record.value for record in await read(FileSource(paths, offset_file=bookmark))] == [b"1", b"2"]


async def test_a_file_shorter_than_its_bookmark_is_an_error(tmp_path: Path) -> None:
    """It was replaced; going on would leave its first lines out."""
    path, bookmark = tmp_path / "a.ndjson", tmp_path / "bookmark.json"
    path.write_bytes(b"0\n1\n")
    bookmark.write_bytes(orjson.dumps({str(path): 5}))
    _, error = await read_until_it_fails(FileSource([path], offset_file=bookmark))
    assert "5 lines of it are done" in error.message


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"a": "b"}'])
async def test_a_bookmark_that_is_none_is_an_error(tmp_path: Path, content: bytes) -> None:
    """A broken position is not taken for the beginning."""
    path, bookmark = tmp_path / "a.ndjson", tmp_path / "bookmark.json"
    path.touch()
    bookmark.write_bytes(content)
    source = FileSource([path], offset_file=bookmark)
    with pytest.raises(SourceError, match="saved position"):
        await source.open(nothing_revoked)
    await source.close()


READER = """
import asyncio
from wikistate.adapters.connectors.files import STANDARD_INPUT, FileSource

async def main():
    source, count = FileSource([STANDARD_INPUT]), 0
    await source.open(None)
    while (batch := await source.poll(100, 5.0)) is not None:
        count += len(batch)
    await source.close()
    print(count)

asyncio.run(main())
"""


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_standard_input_is_read_to_its_end(compress: type[bytes]) -> None:
    """A process at the end of a shell pipe reads all of it, compressed or not, and ends."""
    ended = subprocess.run([sys.executable, "-c", READER], input=compress(BLOCK), capture_output=True, check=True)
    assert ended.stdout == b"5000\n"
    assert STANDARD_INPUT == 0


def test_zlib_knows_the_end_of_a_member() -> None:
    """What the reader rests on: a decompressor says where its member ends."""
    member = zlib.decompressobj(31)
    assert member.decompress(gzip.compress(b"a") + b"rest") == b"a"
    assert member.eof
    assert member.unused_data == b"rest"
