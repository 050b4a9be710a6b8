"""Formats of files as a source: every format is read, or refused by name."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest
from structlog.testing import capture_logs
from tests.unit.adapters.compression.compressed import COMPRESS, SKIPPABLE_FRAME, SUFFIXES

from wikistate.adapters.compression.formats import Format
from wikistate.adapters.connectors.files.reader import LineReader
from wikistate.adapters.connectors.files.sink import FileSink
from wikistate.errors import ConfigError, InputError, SourceError

if TYPE_CHECKING:
    from wikistate.streaming.record import Record

CASES = Path(__file__).parent / "cases"
LINES = [b'{"n":%d}' % number for number in range(3000)]
BLOCK = b"".join(line + b"\n" for line in LINES)
MARK = b"\xef\xbb\xbf"


def read(target: Path | int, *, start: int = 0) -> list[Record]:
    """Return all records of a file from a line."""
    reader = LineReader(target, bound=1 << 20, start=start)
    records: list[Record] = []
    try:
        reader.open()
        while (found := reader.read(1.0)) is not None:
            records += found
    finally:
        reader.close()
    return records


def values(target: Path | int) -> list[bytes | None]:
    """Return the lines of a file."""
    return [record.value for record in read(target)]


@pytest.mark.parametrize("name", sorted(path.name for path in CASES.iterdir()))
def test_files_of_other_tools_are_read(name: str) -> None:
    """A parallel compressor writes a skippable frame first, tape tools add zeros, editors a byte order mark."""
    found = values(CASES / name)
    assert all(isinstance(orjson.loads(value or b""), dict) for value in found)
    assert len(found) == {"pzstd-skippable-frame.ndjson.zst": 1}.get(name, 5)


@pytest.mark.parametrize("stream_format", SUFFIXES)
def test_lines_span_members_and_positions_resume_within_them(tmp_path: Path, stream_format: Format) -> None:
    """The offset is the number of the line, however the bytes are divided into members and padded."""
    path = tmp_path / f"events{SUFFIXES[stream_format]}"
    parts = (BLOCK[:7], BLOCK[7:9000], b"", BLOCK[9000:])
    path.write_bytes(b"".join(COMPRESS[stream_format](part) for part in parts) + bytes(512))
    assert values(path) == LINES
    resumed = read(path, start=2000)
    assert [(record.offset, record.value) for record in resumed] == list(enumerate(LINES))[2000:]


@pytest.mark.parametrize("stream_format", SUFFIXES)
def test_file_that_grew_is_resumed_at_its_position(tmp_path: Path, stream_format: Format) -> None:
    """A later run reads the members that were appended."""
    path = tmp_path / "events"
    path.write_bytes(COMPRESS[stream_format](BLOCK))
    done = len(read(path))
    with path.open("ab") as file:
        file.write(COMPRESS[stream_format](b"new\n"))
    assert [record.value for record in read(path, start=done)] == [b"new"]


@pytest.mark.parametrize("stream_format", SUFFIXES)
def test_truncated_member_is_an_error(tmp_path: Path, stream_format: Format) -> None:
    """It is not a shorter file."""
    path = tmp_path / "events"
    path.write_bytes((COMPRESS[stream_format](BLOCK) * 2)[:-9])
    with pytest.raises(SourceError, match="it ends in the middle"):
        read(path)


def write_tar(content: bytes) -> bytes:
    """Return a tar archive with one file."""
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as archive:
        member = tarfile.TarInfo("events.ndjson")
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    return written.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("a.ndjson", BLOCK.decode().encode("utf-16"), "UTF-16"),
        ("a.ndjson", BLOCK.decode().encode("utf-16-le"), "UTF-16"),
        ("a.ndjson", BLOCK.decode().encode("utf-32"), "UTF-32"),
        ("a.ndjson.lz4", b"\x04\x22\x4d\x18\x64\x40\xa7", "LZ4"),
        ("a.ndjson.br", b"\x0b\x02\x80", "Brotli"),
        ("a.ndjson.zip", b"PK\x03\x04\x14\0\0\0", "ZIP"),
        ("a.ndjson", b"PAR1\x15\x04", "Parquet"),
        ("a.tar", write_tar(BLOCK), "tar archive"),
        ("a.tar.gz", COMPRESS[Format.GZIP](write_tar(BLOCK)), "tar archive"),
        ("a.gz", COMPRESS[Format.GZIP](BLOCK.decode().encode("utf-16")), "UTF-16"),
        ("a.gz", COMPRESS[Format.GZIP](COMPRESS[Format.GZIP](BLOCK)), "compressed twice"),
        ("a.bz2", bytes(range(1, 200)), "its name says bzip2"),
    ],
)
def test_other_formats_are_refused_by_name(tmp_path: Path, name: str, content: bytes, says: str) -> None:
    """They are invalid input: without the check each line would become an error event."""
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=says) as caught:
        read(path)
    assert str(path) in caught.value.message
    assert caught.value.hint


def test_name_of_another_format_is_logged(tmp_path: Path) -> None:
    """The first bytes decide, and the log says so."""
    path = tmp_path / "events.ndjson.gz"
    path.write_bytes(BLOCK)
    with capture_logs() as logs:
        assert values(path) == LINES
    assert [(line["event"], line["stated"], line["format"]) for line in logs] == [
        ("file_format_unexpected", "gzip", "plain text")
    ]


@pytest.mark.parametrize("compress", [bytes, *(COMPRESS[stream_format] for stream_format in SUFFIXES)])
def test_byte_order_mark_is_removed_and_logged_once(tmp_path: Path, compress: type[bytes]) -> None:
    """Plain or compressed; also where files were joined, and at the end."""
    path = tmp_path / "events"
    path.write_bytes(compress(MARK + BLOCK + MARK + b'{"n":-1}\n{"n":-2}' + MARK))
    with capture_logs() as logs:
        assert values(path) == [*LINES, b'{"n":-1}', b'{"n":-2}']
    assert [(line["event"], line["origin"]) for line in logs] == [("byte_order_mark_removed", str(path))]


@pytest.mark.parametrize("first", [MARK[:1], MARK[:2], SKIPPABLE_FRAME[:3]])
def test_pipe_that_delivers_byte_by_byte_is_recognised(first: bytes) -> None:
    """A mark or a signature may be split between two reads."""
    whole = (MARK if MARK.startswith(first) else SKIPPABLE_FRAME) + b""
    rest = whole[len(first) :] + (BLOCK if MARK.startswith(first) else COMPRESS[Format.ZSTD](BLOCK))
    reading, writing = os.pipe()
    reader = LineReader(reading, bound=1 << 20)
    reader.open()
    os.write(writing, first)
    assert reader.read(1.0) == []
    os.write(writing, rest)
    os.close(writing)
    records: list[Record] = []
    while (found := reader.read(1.0)) is not None:
        records += found
    reader.close()
    os.close(reading)
    assert [record.value for record in records] == LINES


@pytest.mark.parametrize("suffix", [".bz2", ".xz", ".br", ".lz4", ".zip", ".tar", ".parquet"])
def test_file_with_a_format_that_is_not_written_is_rejected(tmp_path: Path, suffix: str) -> None:
    """Plain text under such a name would mislead its readers."""
    with pytest.raises(ConfigError, match="which is not written"):
        FileSink(tmp_path / f"out.ndjson{suffix}")
