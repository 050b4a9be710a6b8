"""Positions and metadata over restarts, in one file."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from wikistate.adapters.connectors.checkpoint import Checkpoint, ResumePosition
from wikistate.errors import SourceError
from wikistate.streaming.record import Partition

if TYPE_CHECKING:
    from pathlib import Path

HERE, THERE = Partition("here"), Partition("there", 3)


def opened(path: Path, source: str = "feed") -> Checkpoint:
    """Return a checkpoint, open."""
    checkpoint = Checkpoint(path, source)
    checkpoint.open()
    return checkpoint


def test_positions_and_metadata_survive_restart(tmp_path: Path) -> None:
    """Each partition has its last position; a value replaces the earlier one of its name."""
    path = tmp_path / "new" / "folder" / "positions.sqlite"
    first = opened(path)
    first.commit({HERE: ResumePosition(3, "c"), THERE: ResumePosition(1, "é")})
    first.commit({HERE: ResumePosition(9, "i")})
    first.save_metadata({"a": "1", "b": "2"})
    first.save_metadata({"a": "3"})
    first.close()
    second = opened(path)
    assert second.load_positions() == {HERE: ResumePosition(9, "i"), THERE: ResumePosition(1, "é")}
    assert second.load_metadata(["a", "b", "c"]) == {"a": "3", "b": "2"}
    second.close()


def test_sources_of_one_file_are_independent(tmp_path: Path) -> None:
    """The source is part of the key."""
    one = opened(tmp_path / "positions.sqlite", "one")
    one.commit({HERE: ResumePosition(3, "c")})
    one.save_metadata({"a": "1"})
    one.close()
    other = opened(tmp_path / "positions.sqlite", "other")
    assert (other.load_positions(), other.load_metadata(["a"])) == ({}, {})
    other.close()


def test_second_process_is_rejected(tmp_path: Path) -> None:
    """It would skip the records of the first process; the message names the next step."""
    path = tmp_path / "positions.sqlite"
    first = opened(path)
    script = f"""
from pathlib import Path
from wikistate.adapters.connectors.checkpoint import Checkpoint
Checkpoint(Path({str(path)!r}), "feed").open()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "locked" in done.stderr
    assert "--state" in done.stderr
    first.close()


def test_error_of_invalid_file_names_it(tmp_path: Path) -> None:
    """A file of another program is not overwritten."""
    path = tmp_path / "positions.sqlite"
    path.write_bytes(b"Dear diary, " * 100)
    checkpoint = Checkpoint(path, "feed")
    with pytest.raises(SourceError, match=r"positions\.sqlite"):
        checkpoint.open()
    checkpoint.close()
    assert path.read_bytes() == b"Dear diary, " * 100


def test_folder_that_cannot_be_created_is_an_error(tmp_path: Path) -> None:
    """A file has its name."""
    (tmp_path / "state").write_text("")
    with pytest.raises(SourceError, match="state"):
        Checkpoint(tmp_path / "state" / "positions.sqlite", "feed").open()
