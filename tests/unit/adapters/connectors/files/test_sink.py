"""Files and standard output as a sink, in addition to the contract of sinks."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wikistate.adapters.connectors.connector import SharedClients
from wikistate.adapters.connectors.files import STANDARD_OUTPUT, FileSink
from wikistate.adapters.connectors.files.endpoint import FileEndpoint
from wikistate.errors import ConfigError, InternalError, SinkError
from wikistate.streaming.record import Output, Role

OUTPUT = Output(Role.SINK, None, b'{"new":1}', None)
COMPRESS = {".gz": gzip.compress, ".zst": zstandard.ZstdCompressor().compress}


async def append(path: Path | int, *outputs: Output) -> None:
    """Open, write, flush and close."""
    sink = FileSink(path)
    await sink.open()
    try:
        await sink.write(outputs)
        await sink.flush()
    finally:
        await sink.close()


def lines(path: Path) -> list[bytes]:
    """Return the lines of a file, decompressed."""
    content = path.read_bytes()
    match path.suffix:
        case ".gz":
            content = gzip.decompress(content)
        case ".zst":
            content = zstandard.ZstdDecompressor().decompressobj(read_across_frames=True).decompress(content)
    assert content == b"" or content.endswith(b"\n")
    return content.split(b"\n")[:-1]


async def test_missing_folders_are_created(tmp_path: Path) -> None:
    """The first run of a job needs no preparation."""
    path = tmp_path / "a" / "b" / "events.ndjson"
    await append(path, OUTPUT)
    assert lines(path) == [OUTPUT.value]


async def test_second_writer_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    """Its lines would be mixed with those of the first, and each would truncate the incomplete line of the other."""
    path = tmp_path / "events.ndjson"
    first, second = FileSink(path), FileSink(path)
    await first.open()
    with pytest.raises(ConfigError, match="Another process writes to"):
        await second.open()
    await second.close()
    await first.write([OUTPUT])
    await first.close()
    await append(path, OUTPUT)
    assert lines(path) == [OUTPUT.value] * 2


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.ndjson", b"", ""),
        ("a.ndjson", b"{}\n", "1 line"),
        ("a.ndjson", b"{}\n" * 2818, "2,818 lines"),
        ("a.ndjson.gz", gzip.compress(b"{}\n"), "23 bytes"),
        ("a.ndjson.zst", bytes(1_234_567), "1.2 MB"),
    ],
)
def test_contents_are_counted_or_measured(tmp_path: Path, name: str, content: bytes, expected: str) -> None:
    """A compressed file is not decompressed to count its lines."""
    (path := tmp_path / name).write_bytes(content)
    assert FileEndpoint(path=str(path)).describe_contents() == expected


def test_size_of_a_large_file_is_stated_instead_of_its_lines(tmp_path: Path) -> None:
    """The start of a service does not read gigabytes."""
    path = tmp_path / "a.ndjson"
    with path.open("wb") as file:
        file.truncate(3_000_000_000)
    assert FileEndpoint(path=str(path)).describe_contents() == "3.0 GB"
    assert FileEndpoint(path=str(tmp_path / "none")).describe_contents() == ""
    assert FileEndpoint(path="/dev/null").describe_contents() == ""


async def test_two_spellings_of_a_path_share_a_writer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The lock would otherwise refuse the second sink of the same run."""
    monkeypatch.chdir(tmp_path)
    clients = SharedClients()
    sinks = [FileEndpoint(path=path).build_sink(clients, standard_stream=1) for path in ("a.ndjson", "./a.ndjson")]
    assert sinks[0] is sinks[1]


async def test_incomplete_last_line_is_truncated(tmp_path: Path) -> None:
    """A crash during a write leaves half a line, which was never committed and is written again."""
    path = tmp_path / "events.ndjson"
    path.write_bytes(b'{"old":1}\n{"old":2,"te')
    await append(path, OUTPUT)
    assert lines(path) == [b'{"old":1}', OUTPUT.value]


async def test_complete_last_line_without_line_feed_is_kept(tmp_path: Path) -> None:
    """A person may have written it; complete lines are never truncated."""
    path = tmp_path / "events.ndjson"
    path.write_bytes(b'{"old":1}\n{"old":2}')
    await append(path, OUTPUT)
    assert lines(path) == [b'{"old":1}', b'{"old":2}', OUTPUT.value]


async def test_incomplete_line_longer_than_a_block_is_truncated(tmp_path: Path) -> None:
    """The search for the last line feed continues over several blocks."""
    path = tmp_path / "events.ndjson"
    path.write_bytes(b'{"old":1}\n{"' + b"x" * 500_000)
    await append(path, OUTPUT)
    assert lines(path) == [b'{"old":1}', OUTPUT.value]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40)
@given(st.sampled_from(sorted(COMPRESS)), st.data())
async def test_compressed_file_is_readable_after_crash_at_any_byte(
    tmp_path: Path, suffix: str, data: st.DataObject
) -> None:
    """Of three flushes, those before the crash are kept, and the new output follows them."""
    members = [COMPRESS[suffix](b'{"old":%d}\n' % number) for number in range(3)]
    content = b"".join(members)
    cut = data.draw(st.integers(min_value=0, max_value=len(content)))
    whole = sum(len(b"".join(members[: number + 1])) <= cut for number in range(3))
    path = tmp_path / f"events.ndjson{suffix}"
    path.write_bytes(content[:cut])
    await append(path, OUTPUT)
    assert lines(path) == [b'{"old":%d}' % number for number in range(whole)] + [OUTPUT.value]


@pytest.mark.parametrize("suffix", sorted(COMPRESS))
async def test_file_with_another_compression_than_its_name_is_not_changed(tmp_path: Path, suffix: str) -> None:
    """A truncation would destroy the file of another program."""
    path = tmp_path / f"notes{suffix}"
    path.write_bytes(b"not compressed at all\n")
    with pytest.raises(SinkError, match="cannot be appended to"):
        await append(path, OUTPUT)
    assert path.read_bytes() == b"not compressed at all\n"


async def test_error_of_full_disk_states_reason() -> None:
    """`/dev/full` fails each write like a full disk."""
    with pytest.raises(SinkError, match="/dev/full cannot be written: No space left") as caught:
        await append(Path("/dev/full"), OUTPUT)
    assert "make room" in caught.value.hint


LIMITED = """
import asyncio, resource, sys
from pathlib import Path
from wikistate.adapters.connectors.files import FileSink
from wikistate.streaming.record import Output, Role
from wikistate.errors import SinkError

async def main():
    sink = FileSink(Path(sys.argv[1]))
    await sink.open()
    await sink.write([Output(Role.SINK, None, b"whole %06d" % number, None) for number in range(2000)])
    await sink.flush()
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
    try:
        for start in range(20):
            noise = [Output(Role.SINK, None, b"%x" % (7 ** (5000 + number)), None) for number in range(100)]
            await sink.write(noise)
            await sink.flush()
    except SinkError as error:
        print(error)
    await sink.close()

asyncio.run(main())
"""


@pytest.mark.parametrize("name", ["events.ndjson", "events.ndjson.gz", "events.ndjson.zst"])
def test_file_at_its_size_limit_ends_with_complete_line(tmp_path: Path, name: str) -> None:
    """A partial write is truncated: the flushed lines are there, and no partial line follows."""
    path = tmp_path / name
    ended = subprocess.run([sys.executable, "-c", LIMITED, path], capture_output=True, check=True)
    assert b"cannot be written: File too large" in ended.stdout
    assert b"ulimit -f" in ended.stdout
    assert path.stat().st_size <= 100_000
    assert lines(path)[:2000] == [b"whole %06d" % number for number in range(2000)]


PRINTER = """
import asyncio
from wikistate.adapters.connectors.files import STANDARD_OUTPUT, FileSink
from wikistate.streaming.record import Output, Role
from wikistate.errors import SinkError

async def main():
    sink = FileSink(STANDARD_OUTPUT)
    await sink.open()
    try:
        await sink.write([Output(Role.SINK, None, b"x" * 100, None)] * 50_000)
        await sink.flush()
    except SinkError as error:
        import sys
        print(error, file=sys.stderr)
    await sink.close()

asyncio.run(main())
"""


def test_standard_output_is_written_to_a_pipe() -> None:
    """The reader gets more than the buffer of the pipe holds."""
    ended = subprocess.run([sys.executable, "-c", PRINTER], capture_output=True, check=True)
    assert ended.stdout == (b"x" * 100 + b"\n") * 50_000
    assert STANDARD_OUTPUT == 1


def test_error_of_closed_pipe_states_reason() -> None:
    """`wikistate … | head` ends with a message and without a traceback."""
    with subprocess.Popen([sys.executable, "-c", PRINTER], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        assert b"The program that reads the output has ended." in process.stderr.read()


async def test_output_with_line_break_is_rejected(tmp_path: Path) -> None:
    """A reader would see two lines; encoders never write one."""
    sink = FileSink(tmp_path / "events.ndjson")
    await sink.open()
    with pytest.raises(InternalError):
        await sink.write([Output(Role.SINK, None, b"a\nb", None)])
    await sink.close()


async def test_error_of_folder_names_it(tmp_path: Path) -> None:
    """A folder cannot be appended to."""
    with pytest.raises(SinkError, match=str(tmp_path)):
        await append(tmp_path, OUTPUT)
