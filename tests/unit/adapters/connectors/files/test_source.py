"""Files and standard input as a source, in addition to the contract of sources."""

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


async def ignore_revocation(partitions: object) -> None:
    """Commit nothing: a file has no rebalances."""
    raise AssertionError(partitions)


async def read(source: FileSource) -> list[Record]:
    """Return all records of a source."""
    await source.open(ignore_revocation)
    records: list[Record] = []
    try:
        while (batch := await source.poll(500, 5.0)) is not None:
            records += batch
    finally:
        await source.close()
    return records


async def read_until_it_fails(source: FileSource) -> tuple[list[bytes | None], SourceError]:
    """Return the records before the failure of a source, and the error, which each later call raises as well."""
    values: list[bytes | None] = []

    async def poll_on() -> None:
        while True:
            values.extend([record.value for record in await source.poll(500, 5.0) or []])

    await source.open(ignore_revocation)
    with pytest.raises(SourceError) as caught:
        await poll_on()
    with pytest.raises(SourceError):
        await source.poll(500, 5.0)
    await source.close()
    return values, caught.value


async def test_last_line_without_line_feed_is_a_record(tmp_path: Path) -> None:
    """Files that people write often end without a line feed."""
    path = tmp_path / "events.ndjson"
    path.write_bytes(b"one\n\ntwo")
    assert [record.value for record in await read(FileSource([path]))] == [b"one", b"", b"two"]


async def test_each_file_is_a_partition_with_lines_from_0(tmp_path: Path) -> None:
    """Several files are read in the order of their names in the settings."""
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


async def test_line_above_bound_is_truncated_with_number_of_bytes(tmp_path: Path) -> None:
    """One huge line neither fills the memory nor stops the job."""
    path = tmp_path / "events.ndjson"
    path.write_bytes(b"short\n" + b"x" * 1_000_000 + b"\nafter\n")
    records = await read(FileSource([path], max_record_bytes=1000))
    assert [(len(record.value or b""), record.truncated_bytes) for record in records] == [
        (5, 0),
        (1000, 999_000),
        (5, 0),
    ]


@pytest.mark.parametrize("suffix", [".gz", ".zst", ".ndjson"])
async def test_compression_is_recognised_by_first_bytes(tmp_path: Path, suffix: str) -> None:
    """A file may have any name: downloads are renamed, and some clients decompress them."""
    for number, content in enumerate((BLOCK, gzip.compress(BLOCK), zstandard.ZstdCompressor().compress(BLOCK))):
        path = tmp_path / f"{number}{suffix}"
        path.write_bytes(content)
        assert [record.value for record in await read(FileSource([path]))] == LINES


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.ZstdCompressor().compress])
async def test_consecutive_members_are_one_stream(tmp_path: Path, compress: type[bytes]) -> None:
    """RFC 1952 and RFC 8878 allow it, and `FileSink` writes one at each flush; lines may span them."""
    path = tmp_path / "events"
    path.write_bytes(b"".join(compress(part) for part in (BLOCK[:7], BLOCK[7:20], BLOCK[20:])))
    assert [record.value for record in await read(FileSource([path]))] == LINES


@pytest.mark.parametrize("compress", [gzip.compress, zstandard.ZstdCompressor().compress])
async def test_truncated_file_delivers_complete_lines_and_then_fails(tmp_path: Path, compress: type[bytes]) -> None:
    """An incomplete download is an error that names the file and the line at its end."""
    path = tmp_path / "events.ndjson.x"
    path.write_bytes(compress(BLOCK[: BLOCK.index(LINES[100])]) + compress(BLOCK)[:-10])
    values, error = await read_until_it_fails(FileSource([path]))
    assert values[:100] == LINES[:100]
    assert set(values) <= set(LINES)
    assert str(path) in error.message
    assert f"line {len(values)}" in error.message
    assert "it ends in the middle" in error.message


async def test_file_truncated_within_its_first_bytes_fails_by_its_name(tmp_path: Path) -> None:
    """Two bytes of Zstandard do not form a record."""
    path = tmp_path / "events.ndjson.zst"
    path.write_bytes(zstandard.ZstdCompressor().compress(BLOCK)[:2])
    values, error = await read_until_it_fails(FileSource([path]))
    assert values == []
    assert "ends in the middle" in error.message


async def test_error_of_corrupt_file_names_line(tmp_path: Path) -> None:
    """The checksums of the format detect bytes that changed on the disk."""
    content = bytearray(gzip.compress(os.urandom(100_000)))
    content[50_000] ^= 0xFF
    path = tmp_path / "events.ndjson.gz"
    path.write_bytes(content)
    _, error = await read_until_it_fails(FileSource([path]))
    assert "damaged" in error.message


async def test_folder_and_unreadable_file_are_errors_of_open(tmp_path: Path) -> None:
    """The error names the path before anything is read."""
    for path, says in ((tmp_path, "folder"), (tmp_path / "missing.ndjson", "No such file")):
        source = FileSource([path])
        with pytest.raises(SourceError, match=says) as caught:
            await source.open(ignore_revocation)
        assert str(path) in caught.value.message
        await source.close()


@pytest.mark.parametrize("names", [["a", "a"], ["a", "./a"], []])
def test_file_named_twice_is_rejected(tmp_path: Path, names: list[str]) -> None:
    """Two partitions with one name could not be distinguished."""
    with pytest.raises(ConfigError):
        FileSource([tmp_path / name for name in names])


async def test_bookmark_stores_each_file_over_restarts(tmp_path: Path) -> None:
    """Committed lines of several files are in one JSON file, by absolute path."""
    paths = [tmp_path / "a.ndjson", tmp_path / "b.ndjson"]
    for path in paths:
        path.write_bytes(b"0\n1\n2\n")
    bookmark = tmp_path / "state" / "bookmark.json"
    source = FileSource(paths, offset_file=bookmark)
    await source.open(ignore_revocation)
    await source.commit({Partition(str(paths[0])): 3})
    await source.commit({Partition(str(paths[1])): 1})
    await source.close()
    assert orjson.loads(bookmark.read_bytes()) == {str(paths[0]): 3, str(paths[1]): 1}
    assert [record.value for record in await read(FileSource(paths, offset_file=bookmark))] == [b"1", b"2"]


async def test_file_shorter_than_its_bookmark_is_an_error(tmp_path: Path) -> None:
    """The file was replaced, and a resume would miss its first lines."""
    path, bookmark = tmp_path / "a.ndjson", tmp_path / "bookmark.json"
    path.write_bytes(b"0\n1\n")
    bookmark.write_bytes(orjson.dumps({str(path): 5}))
    _, error = await read_until_it_fails(FileSource([path], offset_file=bookmark))
    assert "5 lines of it are done" in error.message


@pytest.mark.parametrize("content", [b"{", b"[]", b'{"a": "b"}'])
async def test_invalid_bookmark_is_an_error(tmp_path: Path, content: bytes) -> None:
    """An invalid position does not mean the beginning."""
    path, bookmark = tmp_path / "a.ndjson", tmp_path / "bookmark.json"
    path.touch()
    bookmark.write_bytes(content)
    source = FileSource([path], offset_file=bookmark)
    with pytest.raises(SourceError, match="saved position"):
        await source.open(ignore_revocation)
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
    """A process after a shell pipe reads all records, compressed or not, and ends."""
    ended = subprocess.run([sys.executable, "-c", READER], input=compress(BLOCK), capture_output=True, check=True)
    assert ended.stdout == b"5000\n"
    assert STANDARD_INPUT == 0


def test_zlib_reports_end_of_member() -> None:
    """The reader depends on a decompressor that reports the end of its member."""
    member = zlib.decompressobj(31)
    assert member.decompress(gzip.compress(b"a") + b"rest") == b"a"
    assert member.eof
    assert member.unused_data == b"rest"
