"""Files and positions of a folder change together, wherever a crash comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from wikistate.adapters.connectors.parquet import folder as folder_module
from wikistate.adapters.connectors.parquet.folder import ParquetFolder
from wikistate.errors import ConfigError, SinkError
from wikistate.streaming.record import Output, Partition, Role

if TYPE_CHECKING:
    from pathlib import Path

HOUR = 3_600_000
PART = Partition("changes", 3)


def opened(path: Path, *, reader: str = "group", roll_bytes: int = 1 << 20) -> ParquetFolder:
    """A folder, taken."""
    folder = ParquetFolder(path, reader=reader, roll_bytes=roll_bytes)
    folder.open()
    return folder


def outputs(*numbers: int, hour: int = 0) -> list[Output]:
    """Events with these numbers as their page's, of one hour."""
    return [Output(Role.SINK, None, b'{"page":{"page_id":%d}}' % number, hour * HOUR) for number in numbers]


def pages(path: Path) -> list[int]:
    """What a reader finds who takes every Parquet file there is."""
    if not list(path.glob("**/*.parquet")):
        return []
    return [page for (page,) in _query(f"select page_id from '{path}/**/*.parquet' order by page_id")]


def _query(text: str) -> list[Any]:
    with duckdb.connect() as database:
        return database.execute(text).fetchall()


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """A folder that holds pages 1 and 2 and was read up to offset 10."""
    folder = opened(tmp_path / "lake")
    folder.write(outputs(1, 2))
    folder.commit({PART: 10})
    folder.close()
    return tmp_path / "lake"


def test_what_is_not_committed_is_seen_by_nobody_and_dropped(lake: Path) -> None:
    """A process that dies leaves nothing behind that counts: completed files and open ones alike."""
    dying = opened(lake, roll_bytes=1)
    dying.write(outputs(3, 4))
    assert pages(lake) == [1, 2]
    dying.close()
    after = opened(lake)
    assert after.positions == {PART: 10}
    after.commit({})
    assert pages(lake) == [1, 2]
    assert list((lake / "_wikistate" / "pending").iterdir()) == []


def test_a_crash_between_the_commit_and_the_last_file_is_made_good(lake: Path) -> None:
    """Once the record names files they are published by whoever opens the folder next, each once."""
    folder = opened(lake)
    folder.write([*outputs(3), *outputs(4, hour=1)])
    folder.commit({PART: 20})
    folder.close()
    pending = lake / "_wikistate" / "pending"
    (later,) = (lake / "dt=1970-01-01" / "hour=01").iterdir()
    later.rename(pending / later.name.replace("part-", "").replace(".parquet", ".open"))
    assert pages(lake) == [1, 2, 3]
    for _ in range(2):
        again = opened(lake)
        assert (pages(lake), again.positions) == ([1, 2, 3, 4], {PART: 20})
        again.close()


def test_a_commit_that_cannot_be_recorded_changes_nothing(lake: Path) -> None:
    """The files stay pending, the old positions hold."""
    folder = opened(lake)
    folder.write(outputs(3))
    (lake / "_wikistate" / "commit.json.draft").mkdir()
    with pytest.raises(OSError, match="directory"):
        folder.commit({PART: 20})
    folder.close()
    (lake / "_wikistate" / "commit.json.draft").rmdir()
    assert pages(lake) == [1, 2]
    assert opened(lake).positions == {PART: 10}


def test_positions_are_kept_for_each_reader_apart(lake: Path) -> None:
    """Another consumer group has read nothing of what this one has; neither forgets over the other."""
    other = opened(lake, reader="other")
    assert other.positions == {}
    other.commit({PART: 5})
    other.close()
    assert opened(lake).positions == {PART: 10}


def test_one_process_writes_at_a_time(lake: Path) -> None:
    """The second one is told; when the first lets go, it may."""
    first = opened(lake)
    second = ParquetFolder(lake, reader="group", roll_bytes=1)
    with pytest.raises(ConfigError, match="Another process"):
        second.open()
    second.close()
    first.close()
    opened(lake).close()


def test_a_damaged_record_is_an_error_and_not_an_empty_folder(lake: Path) -> None:
    """Starting over would write everything a second time."""
    (lake / "_wikistate" / "commit.json").write_text('{"format": 1}')
    with pytest.raises(SinkError, match="not a valid commit file"):
        opened(lake)


def test_files_are_completed_by_size(tmp_path: Path) -> None:
    """Beyond the size a new file begins; one commit publishes all of them."""
    folder = opened(tmp_path, roll_bytes=2000)
    for number in range(100):
        folder.write(outputs(number))
    folder.commit({PART: 100})
    assert len(list(tmp_path.glob("dt=*/hour=*/*.parquet"))) > 1
    assert pages(tmp_path) == list(range(100))


def test_a_back_fill_over_many_hours_keeps_few_files_open(tmp_path: Path) -> None:
    """The one that was not written for longest is completed; every event is there."""
    folder = opened(tmp_path)
    hours = folder_module.MAX_OPEN_FILES * 3
    for number in range(2 * hours):
        folder.write(outputs(number, hour=number % hours))
        assert len(folder._open) <= folder_module.MAX_OPEN_FILES
    folder.commit({})
    assert pages(tmp_path) == list(range(2 * hours))


def test_it_is_a_hive_table(lake: Path) -> None:
    """Partition columns come from the folders' names, times are times, and a filter reads the right folders."""
    table = f"read_parquet('{lake}/*/*/*.parquet', hive_partitioning=true)"
    found = _query(
        f"select dt::varchar, hour::int, epoch_ms(event_time), page_id from {table} where hour = 0 order by 4"
    )
    assert found == [("1970-01-01", 0, 0, 1), ("1970-01-01", 0, 0, 2)]
