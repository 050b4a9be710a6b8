"""Damaged state of sources and jobs: a number of another type or out of bounds is an error with the place, no traceback."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import orjson
import pytest
from tests.unit.adapters.connectors.recent_changes.test_source import MemoryMetadata, ScriptedWiki

from wikistate.adapters.connectors.checkpoint import Checkpoint, ResumePosition
from wikistate.adapters.connectors.files.position import OffsetFile
from wikistate.adapters.connectors.push_source import resolve_begin
from wikistate.adapters.connectors.recent_changes.inventory import Inventory
from wikistate.adapters.connectors.recent_changes.page_cache import PageCache
from wikistate.adapters.connectors.recent_changes.position import ChangeWindow
from wikistate.adapters.connectors.recent_changes.wiki import RecentChangesWiki
from wikistate.core.updater.state import EntityState
from wikistate.errors import SourceError, StateError
from wikistate.jobs.rdf_sync.retries import RetryQueue
from wikistate.runners.local.state_file import CheckpointData, PartitionProgress, StateFile
from wikistate.streaming.record import Partition

if TYPE_CHECKING:
    from pathlib import Path

BAD_NUMBERS = ["x", 5.5, "9" * 5000, b"\x01"]


@pytest.mark.parametrize("value", BAD_NUMBERS, ids=lambda value: f"{value!r:.20}")
@pytest.mark.parametrize("column", ["offset", "number"])
def test_number_of_a_checkpoint_is_checked(column: str, value: object, tmp_path: Path) -> None:
    """SQLite stores any type in any column."""
    checkpoint = Checkpoint(tmp_path / "positions.sqlite", "s")
    checkpoint.open()
    checkpoint.commit({Partition("t"): ResumePosition(5, "token")})
    checkpoint.close()
    with closing(sqlite3.connect(tmp_path / "positions.sqlite")) as connection:
        connection.execute(f"UPDATE places SET {column} = ?", (value,))
        connection.commit()
    checkpoint.open()
    with pytest.raises(SourceError, match=r"positions\.sqlite cannot be read"):
        checkpoint.load_positions()
    checkpoint.close()


@pytest.mark.parametrize("value", BAD_NUMBERS, ids=lambda value: f"{value!r:.20}")
@pytest.mark.parametrize(
    ("table", "column"), [("wakes", "time"), ("partitions", "offset"), ("partitions", "time"), ("clock", "watermark")]
)
def test_number_of_a_state_file_is_checked(table: str, column: str, value: object, tmp_path: Path) -> None:
    """The error names the file."""
    file = StateFile(tmp_path / "state.sqlite")
    file.open()
    file.commit(CheckpointData({}, {1: 2}, {Partition("t"): PartitionProgress(3, 4)}, 5))
    file.close()
    with closing(sqlite3.connect(tmp_path / "state.sqlite")) as connection:
        connection.execute(f"UPDATE {table} SET {column} = ?", (value,))
        connection.commit()
    file.open()
    with pytest.raises(StateError, match=r"state\.sqlite cannot be read"):
        (file.timers(), file.progress(), file.watermark())
    file.close()


@pytest.mark.parametrize(
    "token",
    [
        *("", "[]", "{}", '{"begin":1}'),
        '{"begin":1,"newest":9e22,"changes":{}}',
        '{"begin":1,"newest":2,"changes":{"a":null}}',
        '{"begin":9223372036854775808,"newest":2,"changes":{}}',
        '{"begin":"1","newest":2,"changes":{}}',
    ],
)
def test_position_in_recent_changes_is_checked(token: str) -> None:
    """The error says what to do."""
    with pytest.raises(StateError, match=r"position in .* is damaged"):
        ChangeWindow.load(token, 1000)


@pytest.mark.parametrize(
    "change", [{"format": None}, {"listed": "x"}, {"complete_since": 2**63}, {"resume": 5}, {"waiting": 7}], ids=str
)
async def test_stored_inventory_is_checked(change: dict[str, object]) -> None:
    """The error says what to do."""
    state = {"format": 1, "listed": 0, "waiting": [0], "resume": None, "complete_since": None} | change
    metadata = MemoryMetadata()
    await metadata.save_metadata({"inventory": orjson.dumps(state).decode()})
    inventory = Inventory(RecentChangesWiki(ScriptedWiki(), "api"), PageCache(metadata), max_pages=5)
    with pytest.raises(StateError, match=r"inventory of the pages in .* is damaged|has format"):
        await inventory.load(metadata)


@pytest.mark.parametrize("stored", ["x", "1.5", "9" * 5000, "--1", str(2**63), "٣"])
async def test_stored_start_of_a_source_is_checked(stored: str) -> None:
    """A time before the epoch is valid."""
    metadata = MemoryMetadata()
    await metadata.save_metadata({"begun": stored})
    with pytest.raises(StateError, match=r"start of the first run in .* is damaged"):
        await resolve_begin(metadata, None, now=0)
    await metadata.save_metadata({"begun": "-1000"})
    assert await resolve_begin(metadata, None, now=0) == -1000


@pytest.mark.parametrize(
    "content", [b"[]", b'{"Q1":5}', b'{"Q1":[1]}', b'{"Q1":[1,9e30]}', b'{"Q1":["1",2]}', b'{"nothing":[1,2]}']
)
def test_queue_of_retries_is_checked(content: bytes, tmp_path: Path) -> None:
    """The error names the file."""
    (tmp_path / "retries.json").write_bytes(content)
    with pytest.raises(StateError, match=r"retries\.json cannot be used"):
        RetryQueue.load(tmp_path / "retries.json")


@pytest.mark.parametrize("lines", [-1, 2**63, 1.5, True, "1"])
def test_position_of_files_is_checked(lines: object, tmp_path: Path) -> None:
    """A number of lines is from 0 to that of 64 bits."""
    (tmp_path / "offsets.json").write_bytes(orjson.dumps({"a": lines}))
    with pytest.raises(SourceError, match="does not map files to numbers of lines"):
        OffsetFile(tmp_path / "offsets.json").load()


@pytest.mark.parametrize("blob", [b"{", b"[]", b"5", b"[1]", b"[1,2]", b'[1,null,"Q1",[5]]', b'[1,null,"Q1",[["c"]]]'])
def test_state_of_an_entity_is_checked(blob: bytes) -> None:
    """The error says that the file is damaged."""
    with pytest.raises(StateError, match="state of an entity at revision 5 is damaged"):
        EntityState.unpack(5, blob)
