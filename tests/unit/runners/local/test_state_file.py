from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from wikistate.errors import StateError
from wikistate.runners.local.state_file import CheckpointData, PartitionProgress, StateFile
from wikistate.streaming.keyed_job import EMPTY_STATE, KeyedState
from wikistate.streaming.record import Partition

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Iterator[StateFile]:
    """Yield an open, empty file."""
    file = StateFile(tmp_path / "state" / "state.sqlite")
    file.open()
    yield file
    file.close()


def test_checkpoint_is_read_back(file: StateFile) -> None:
    """State with and without a blob, timers, positions and the watermark, for more keys than one query takes."""
    states = {key: KeyedState(-key, b"rest" if key % 3 == 0 else b"") for key in range(1, 1200)} | {
        5000: KeyedState(None, b"alone")
    }
    file.commit(CheckpointData(states, {7: 70, 8: None}, {Partition("a", 1): PartitionProgress(5, 50)}, 99))
    assert file.read([*states, 6000]) == states | {6000: EMPTY_STATE}
    assert (file.timers(), file.progress(), file.watermark()) == (
        {7: 70},
        {Partition("a", 1): PartitionProgress(5, 50)},
        99,
    )


def test_later_changes_replace_and_remove(file: StateFile) -> None:
    """A blob that is removed, a key that is deleted, a timer that has fired; everything else stays."""
    file.commit(
        CheckpointData(
            {1: KeyedState(1, b"rest"), 2: KeyedState(2), 3: KeyedState(3)},
            {1: 10, 2: 20},
            {Partition("a"): PartitionProgress(1, None)},
            5,
        )
    )
    file.commit(
        CheckpointData({1: KeyedState(4), 2: EMPTY_STATE}, {1: None}, {Partition("b"): PartitionProgress(2, 9)}, None)
    )
    assert file.read([1, 2, 3]) == {1: KeyedState(4), 2: EMPTY_STATE, 3: KeyedState(3)}
    assert file.timers() == {2: 20}
    assert file.progress() == {Partition("a"): PartitionProgress(1, None), Partition("b"): PartitionProgress(2, 9)}
    assert file.watermark() == 5


def test_checkpoint_is_written_completely_or_not_at_all(file: StateFile) -> None:
    """If one value cannot be written, nothing of its checkpoint is."""
    with pytest.raises((StateError, OverflowError)):
        file.commit(
            CheckpointData(
                {1: KeyedState(1), 2: KeyedState(2**70)}, {1: 10}, {Partition("a"): PartitionProgress(1, 1)}, 5
            )
        )
    assert file.read([1]) == {1: EMPTY_STATE}
    assert (file.timers(), file.progress(), file.watermark()) == ({}, {}, None)


def test_file_is_filled_in_any_order_and_the_larger_number_counts(file: StateFile) -> None:
    """An entity in several dumps has its newest revision."""
    assert file.fill(iter([(3, 30), (1, 10), (3, 31), (2, 20), (3, 29)])) == 3
    assert file.read([1, 2, 3]) == {1: KeyedState(10), 2: KeyedState(20), 3: KeyedState(31)}


def test_file_with_state_is_not_filled_again(file: StateFile) -> None:
    """Two states would be mixed."""
    file.fill([(1, 1)])
    with pytest.raises(StateError, match="already holds state"):
        file.fill([(2, 2)])
    assert file.read([2]) == {2: EMPTY_STATE}


def test_format_of_another_version_is_rejected(tmp_path: Path) -> None:
    """The error names the format."""
    path = tmp_path / "state.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 7")
    connection.close()
    with pytest.raises(StateError, match="format 7"):
        StateFile(path).open()


def test_other_file_is_rejected(tmp_path: Path) -> None:
    """The error names the file and the next step."""
    path = tmp_path / "state.sqlite"
    path.write_bytes(b"no database" * 1000)
    with pytest.raises(StateError, match="cannot be opened"):
        StateFile(path).open()
