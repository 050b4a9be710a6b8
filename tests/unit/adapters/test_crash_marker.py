"""Marker of the work that ends processes."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING

import pytest
from tests.support.limited_process import run_limited

from wikistate.adapters.crash_marker import CrashMarker, KilledProcessError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file in a folder that does not exist yet."""
    return tmp_path / "state" / "parsing"


def opened(file: Path) -> CrashMarker:
    """Return the marker of a new process."""
    marker = CrashMarker(file)
    marker.open()
    return marker


def die(file: Path, *names: str) -> None:
    """Run a process that dies in the middle of this work."""
    died = run_limited(
        """
        import os, sys
        from pathlib import Path
        from wikistate.adapters.crash_marker import CrashMarker
        marker = CrashMarker(Path(sys.argv[1]))
        marker.open()
        marker.end(marker.begin(b"survived"))
        for name in sys.argv[2:]:
            marker.begin(name.encode())
        os.abort()
        """,
        str(file),
        *names,
    )
    assert died.returncode == -signal.SIGABRT, died.stderr


def test_work_that_ended_two_processes_is_refused_in_all_later_ones(file: Path) -> None:
    """The first death may be a coincidence."""
    die(file, "Q1")
    die(file, "Q1")
    for _ in range(2):
        marker = opened(file)
        with pytest.raises(KilledProcessError, match="Q1: the process ended 2 times") as raised:
            marker.begin(b"Q1")
        assert str(file) in raised.value.hint
        marker.end(marker.begin(b"survived"))
        marker.close()


def test_work_that_the_next_process_survives_is_forgotten(file: Path) -> None:
    """Two deaths count only if no process survived the work between them."""
    die(file, "Q1")
    marker = opened(file)
    marker.end(marker.begin(b"Q1"))
    marker.close()
    die(file, "Q1")
    marker = opened(file)
    marker.end(marker.begin(b"Q1"))
    marker.close()


def test_death_of_other_work_does_not_reset_the_count(file: Path) -> None:
    """A process may die of one document before it comes to the other."""
    for ended in ("Q1", "Q2", "Q1", "Q2"):
        die(file, ended)
    marker = opened(file)
    for name in (b"Q1", b"Q2"):
        with pytest.raises(KilledProcessError):
            marker.begin(name)
    marker.close()


async def test_suspects_run_alone_so_that_neighbours_are_not_refused(file: Path) -> None:
    """Three documents were in work at the first death, and one of them causes the second."""
    die(file, "Q1", "Q2", "Q3")
    marker, running = opened(file), 0

    async def work(name: bytes) -> None:
        nonlocal running
        async with marker.turn():
            running += 1
            slot = marker.begin(name)
            await asyncio.sleep(0)
            assert running == 1
            marker.end(slot)
            running -= 1

    await asyncio.gather(*(work(name) for name in (b"Q4", b"Q1", b"Q5", b"Q3")))
    marker.close()
    die(file, "Q2")
    marker = opened(file)
    for name in (b"Q1", b"Q3", b"Q4"):
        marker.end(marker.begin(name))
    with pytest.raises(KilledProcessError):
        marker.begin(b"Q2")
    marker.close()


async def test_work_runs_side_by_side_without_suspects(file: Path) -> None:
    """The usual case pays nothing."""
    marker = opened(file)
    async with marker.turn(), marker.turn():
        slots = [marker.begin(b"Q%d" % number) for number in range(300)]
    assert len(set(slots)) == 257  # each has a place until the file is full
    for slot in slots:
        marker.end(slot)
    assert marker.begin(b"Q1") >= 0
    marker.close()


def test_second_process_marks_nothing(file: Path) -> None:
    """Its work is not mixed with that of the first, which keeps the file."""
    first, second = opened(file), opened(file)
    assert first.begin(b"Q1") >= 0
    assert second.begin(b"Q1") == -1
    second.end(-1)
    second.close()
    first.close()
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"\xff" * 100_000, b"\x01" * 65536, b"\x02\x00" * 40_000], ids=range(4))
def test_damaged_file_is_read_without_an_error(file: Path, content: bytes) -> None:
    """A file of any content leads to work that is done."""
    file.parent.mkdir()
    file.write_bytes(content)
    marker = opened(file)
    marker.end(marker.begin(b"Q1"))
    marker.close()


def test_folder_that_cannot_be_written_is_reported_and_nothing_is_marked(tmp_path: Path) -> None:
    """The job runs all the same."""
    (tmp_path / "file").write_text("")
    marker = opened(tmp_path / "file" / "parsing")
    assert marker.begin(b"Q1") == -1
    marker.end(-1)
    marker.close()
