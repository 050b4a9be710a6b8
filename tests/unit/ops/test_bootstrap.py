from __future__ import annotations

import bz2
import gzip
import lzma
from pathlib import Path

import pytest
import zstandard
from tests.unit.adapters.compression.compressed import SKIPPABLE_FRAME

from wikistate.core.updater.entity_id import parse_entity_id
from wikistate.errors import InputError
from wikistate.ops.bootstrap import fill_state, sort_revisions
from wikistate.runners.local.state_file import StateFile
from wikistate.streaming.keyed_job import EMPTY_STATE, KeyedState


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


def test_sorted_revisions_are_those_of_a_state_file(tmp_path: Path) -> None:
    """In the order of the keys, the newest revision of each."""
    (tmp_path / "a.csv").write_text("L3,8\nQ2,4\nQ1,2\n")
    (tmp_path / "b.csv.gz").write_bytes(gzip.compress(b"P31,7\nQ1,3\n"))
    found = list(sort_revisions(sorted(tmp_path.glob("*.csv*"))))
    assert found == [
        (parse_entity_id(entity).key, number) for entity, number in (("Q1", 3), ("Q2", 4), ("P31", 7), ("L3", 8))
    ]


def test_list_without_an_entity_is_not_sorted(tmp_path: Path) -> None:
    """A savepoint of nothing would look like a success."""
    (tmp_path / "a.csv").touch()
    with pytest.raises(InputError, match=r"empty: .*a\.csv\. .*ENTITY,REVISION"):
        list(sort_revisions([tmp_path / "a.csv"]))


def test_invalid_line_is_not_sorted(tmp_path: Path) -> None:
    """The message has its file and number."""
    (tmp_path / "a.csv").write_text("Q7,1\nQ8\n")
    with pytest.raises(InputError, match=r"a\.csv, line 2, is"):
        list(sort_revisions([tmp_path / "a.csv"]))


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
    with pytest.raises(InputError, match="not an entity id"):
        fill_state([path], tmp_path / "state.sqlite")


@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv.bz2", "a.csv.zst", "absent.csv"])
def test_unreadable_file_is_reported(tmp_path: Path, name: str) -> None:
    """The file is damaged or missing."""
    if not name.startswith("absent"):
        (tmp_path / name).write_bytes(b"\x1f\x8bnothing")
    with pytest.raises(InputError, match=name):
        fill_state([tmp_path / name], tmp_path / "state.sqlite")


@pytest.mark.parametrize("revision", ["9223372036854775808", "9" * 5000, "1" + "0" * 19])
def test_revision_above_64_bits_is_reported(tmp_path: Path, revision: str) -> None:
    """The message has the file, the line and the largest revision."""
    path = tmp_path / "a.csv"
    path.write_text(f"Q7,1\nQ8,{revision}\n")
    with pytest.raises(InputError, match=r"a\.csv, line 2, is .* 9223372036854775807"):
        fill_state([path], tmp_path / "state.sqlite")
    with pytest.raises(InputError, match=r"revisions-too-large\.csv, line 1, is"):
        fill_state([Path(__file__).parent / "cases" / "revisions-too-large.csv"], tmp_path / "state.sqlite")


def test_list_of_other_tools_is_read(tmp_path: Path) -> None:
    """Members, skippable frames and padding, a byte order mark, and xz."""
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(b"Q1,2\n") + gzip.compress(b"Q2,4\n") + bytes(64))
    (tmp_path / "b.csv.zst").write_bytes(
        SKIPPABLE_FRAME + zstandard.compress(b"Q3,5\n") + zstandard.compress(b"Q4,6\n")
    )
    (tmp_path / "c.csv.xz").write_bytes(lzma.compress(b"Q5,7\r\n"))
    (tmp_path / "d.csv").write_bytes(b"\xef\xbb\xbfQ6,8\n")
    assert fill_state(sorted(tmp_path.glob("*.csv*")), tmp_path / "state.sqlite") == 6


@pytest.mark.parametrize(
    ("content", "says"), [("Q1,2\n".encode("utf-16"), "UTF-16"), (b"PK\x03\x04", "ZIP"), (b"PAR1", "Parquet")]
)
def test_list_in_another_format_is_refused_by_name(tmp_path: Path, content: bytes, says: str) -> None:
    """It is invalid input."""
    (tmp_path / "a.csv").write_bytes(content)
    with pytest.raises(InputError, match=says):
        fill_state([tmp_path / "a.csv"], tmp_path / "state.sqlite")
