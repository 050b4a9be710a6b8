from __future__ import annotations

import bz2
import gzip
from typing import TYPE_CHECKING

import pytest
import zstandard

from wikistate.core.updater.entity_id import parse_entity_id
from wikistate.errors import InputError
from wikistate.ops.bootstrap import fill_state
from wikistate.runners.local.state_file import StateFile
from wikistate.streaming.keyed_job import EMPTY_STATE, KeyedState

if TYPE_CHECKING:
    from pathlib import Path


def states_of(state: Path, *entities: str) -> list[KeyedState]:
    """Return the states of entities in the file."""
    file = StateFile(state)
    file.open()
    try:
        keys = [parse_entity_id(entity).key for entity in entities]
        found = file.read(keys)
        return [found[key] for key in keys]
    finally:
        file.close()


def test_lists_are_read_in_each_compression(tmp_path: Path) -> None:
    """Several files are one list; the newest revision of an entity in two of them counts."""
    (tmp_path / "a.csv").write_text("Q1,2\nQ2,4\n")
    (tmp_path / "b.csv.bz2").write_bytes(bz2.compress(b"Q3,101010\n"))
    (tmp_path / "c.csv.gz").write_bytes(gzip.compress(b"P31,7\nL3,8\n"))
    (tmp_path / "d.csv.zst").write_bytes(zstandard.compress(b"M4,9\nQ1,3\n"))
    state = tmp_path / "state.sqlite"
    assert fill_state(sorted(tmp_path.glob("*.csv*")), state) == 6
    held = states_of(state, "Q1", "Q2", "Q3", "P31", "L3", "M4", "Q4")
    assert held == [*map(KeyedState, (3, 4, 101010, 7, 8, 9)), EMPTY_STATE]


@pytest.mark.parametrize("line", ["Q1", "Q1,", "Q1,-2", "Q1,0", "Q1,2,3", "Q1,٣", "entity,revision"])
def test_invalid_line_is_reported(tmp_path: Path, line: str) -> None:
    """The message has its file and number, and no state is written."""
    path = tmp_path / "a.csv"
    path.write_text(f"Q7,1\n{line}\n")
    with pytest.raises(InputError, match=r"a\.csv, line 2, is"):
        fill_state([path], tmp_path / "state.sqlite")
    assert states_of(tmp_path / "state.sqlite", "Q7") == [EMPTY_STATE]


def test_invalid_entity_id_is_rejected(tmp_path: Path) -> None:
    """An id with a path in it never becomes a key."""
    path = tmp_path / "a.csv"
    path.write_text("../Q1,1\n")
    with pytest.raises(InputError, match="no entity id"):
        fill_state([path], tmp_path / "state.sqlite")


@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv.bz2", "a.csv.zst", "absent.csv"])
def test_unreadable_file_is_reported(tmp_path: Path, name: str) -> None:
    """The file is damaged or missing."""
    if not name.startswith("absent"):
        (tmp_path / name).write_bytes(b"\x1f\x8bnothing")
    with pytest.raises(InputError, match=name):
        fill_state([tmp_path / name], tmp_path / "state.sqlite")
