"""Files and positions of a folder change together, also in a crash."""

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
    """Return a folder, open."""
    folder = ParquetFolder(path, reader=reader, roll_bytes=roll_bytes)
    folder.open()
    return folder


def outputs(*numbers: int, hour: int = 0) -> list[Output]:
    """Return events of one hour with these page numbers."""
    return [Output(Role.SINK, None, b'{"page":{"page_id":%d}}' % number, hour * HOUR) for number in numbers]


def pages(path: Path) -> list[int]:
    """Return the page numbers in all visible Parquet files."""
    if not list(path.glob("**/*.parquet")):
        return []
    return [page for (page,) in _query(f"select page_id from '{path}/**/*.parquet' order by page_id")]


def _query(text: str) -> list[Any]:
    with duckdb.connect() as database:
        return database.execute(text).fetchall()


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    """Return a folder that holds pages 1 and 2 and was read up to offset 10."""
    folder = opened(tmp_path / "lake")
    folder.write(outputs(1, 2))
    folder.commit({PART: 10})
    folder.close()
    return tmp_path / "lake"


def test_uncommitted_files_are_invisible_and_dropped(lake: Path) -> None:
    """After a crash completed and open files are dropped alike."""
    dying = opened(lake, roll_bytes=1)
    dying.write(outputs(3, 4))
    assert pages(lake) == [1, 2]
    dying.close()
    after = opened(lake)
    assert after.positions == {PART: 10}
    after.commit({})
    assert pages(lake) == [1, 2]
    assert list((lake / "_wikistate" / "pending").iterdir()) == []


def test_open_publishes_files_of_interrupted_commit(lake: Path) -> None:
    """The next `open` publishes the files that the commit names, each once."""
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


def test_failed_commit_changes_nothing(lake: Path) -> None:
    """The files stay pending, and the old positions apply."""
    folder = opened(lake)
    folder.write(outputs(3))
    (lake / "_wikistate" / "commit.json.draft").mkdir()
    with pytest.raises(OSError, match="directory"):
        folder.commit({PART: 20})
    folder.close()
    (lake / "_wikistate" / "commit.json.draft").rmdir()
    assert pages(lake) == [1, 2]
    assert opened(lake).positions == {PART: 10}


def test_each_reader_has_separate_positions(lake: Path) -> None:
    """A commit of one consumer group does not change the positions of another group."""
    other = opened(lake, reader="other")
    assert other.positions == {}
    other.commit({PART: 5})
    other.close()
    assert opened(lake).positions == {PART: 10}


def test_one_process_writes_at_a_time(lake: Path) -> None:
    """The second process is rejected until the first one closes the folder."""
    first = opened(lake)
    second = ParquetFolder(lake, reader="group", roll_bytes=1)
    with pytest.raises(ConfigError, match="Another process"):
        second.open()
    second.close()
    first.close()
    opened(lake).close()


def test_damaged_commit_file_is_an_error(lake: Path) -> None:
    """A start from the beginning would write all events a second time."""
    (lake / "_wikistate" / "commit.json").write_text('{"format": 1}')
    with pytest.raises(SinkError, match="not a valid commit file"):
        opened(lake)


def test_files_are_completed_by_size(tmp_path: Path) -> None:
    """A new file begins above the size; one commit publishes all of them."""
    folder = opened(tmp_path, roll_bytes=2000)
    for number in range(100):
        folder.write(outputs(number))
    folder.commit({PART: 100})
    assert len(list(tmp_path.glob("dt=*/hour=*/*.parquet"))) > 1
    assert pages(tmp_path) == list(range(100))


def test_back_fill_of_many_hours_keeps_few_files_open(tmp_path: Path) -> None:
    """The file without a write for the longest time is completed; no event is lost."""
    folder = opened(tmp_path)
    hours = folder_module.MAX_OPEN_FILES * 3
    for number in range(2 * hours):
        folder.write(outputs(number, hour=number % hours))
        assert len(folder._open) <= folder_module.MAX_OPEN_FILES
    folder.commit({})
    assert pages(tmp_path) == list(range(2 * hours))


def test_folder_is_a_hive_table(lake: Path) -> None:
    """Names of folders are partition columns, times are times, and a filter reads only the matching folders."""
    table = f"read_parquet('{lake}/*/*/*.parquet', hive_partitioning=true)"
    found = _query(
        f"select dt::varchar, hour::int, epoch_ms(event_time), page_id from {table} where hour = 0 order by 4"
    )
    assert found == [("1970-01-01", 0, 0, 1), ("1970-01-01", 0, 0, 2)]
