"""State, positions and ledgers that are damaged: each is an error that names the file and the next step, and none is changed."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from wikistate.adapters.connectors.checkpoint import Checkpoint, ResumePosition
from wikistate.adapters.connectors.eventstreams.position import StreamPosition
from wikistate.adapters.connectors.files.position import OffsetFile
from wikistate.adapters.connectors.parquet.commit_file import Commit, CommitFile
from wikistate.adapters.connectors.push_source import resolve_begin
from wikistate.adapters.connectors.recent_changes.inventory import Inventory
from wikistate.adapters.connectors.recent_changes.page_cache import PageCache
from wikistate.adapters.connectors.recent_changes.position import ChangeWindow
from wikistate.adapters.sqlite import explain_failure, open_exclusive, transaction
from wikistate.adapters.triplestore.freshness import FreshnessFile
from wikistate.core.updater.state import EntityState
from wikistate.errors import SinkError, SourceError, StateError, StoreError, WikistateError
from wikistate.jobs.rdf_sync.checkpoint_marker import CheckpointGenerationFile
from wikistate.jobs.rdf_sync.full_scan import SCAN_PARTITION, FullScanFeed
from wikistate.jobs.rdf_sync.retries import RetryQueue
from wikistate.jobs.rdf_sync.sync_state import SyncState
from wikistate.runners.local.state_file import StateFile
from wikistate.streaming.record import Partition

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

BINARY = bytes(range(256))
CONTENTS = {
    "empty": b"",
    "binary": BINARY,
    "list": b"[]",
    "null": b"null",
    "text": b'"generation"',
    "truncated": b'{"format": 1, "positions": {"gro',
    "nested": b"[" * 100_000,
    "huge number": b'{"Q1": [1, 99999999999999999999], "a": 99999999999999999999}',
    "negative": b'{"Q1": [-1, -1], "a": -1}',
    "wrong type": b'{"Q1": ["1", 2], "a": "5"}',
    "no entity": b'{"Q1/../etc": [1, 2], "x": "y"}',
    "too few": b'{"Q1": [1], "a": []}',
}
READERS: dict[str, tuple[type[WikistateError], Callable[[Path], object]]] = {
    "generation": (StateError, lambda path: CheckpointGenerationFile(path).read()),
    "queue": (StateError, RetryQueue.load),
    "bookmark": (SourceError, lambda path: OffsetFile(path).load()),
    "ledger": (SinkError, lambda path: CommitFile(path).load()),
    "freshness": (StoreError, lambda path: FreshnessFile(path.with_name(path.stem)).read()),
}


@pytest.mark.parametrize("content", CONTENTS)
@pytest.mark.parametrize("kind", READERS)
def test_damaged_file_is_an_error(kind: str, content: str, tmp_path: Path) -> None:
    """The message names the file, the hint says what to do, and the file stays as it is."""
    error_type, read = READERS[kind]
    path = tmp_path / "kept.freshness"
    path.write_bytes(CONTENTS[content])
    with pytest.raises(error_type) as error:
        read(path)
    assert str(path) in error.value.message
    assert error.value.hint
    assert len(str(error.value)) < 1000
    assert path.read_bytes() == CONTENTS[content]


GOOD: dict[str, Any] = {
    "format": 1,
    "positions": {"group": [["topic", 0, 5]]},
    "files": {"a.open": "dt=1/hour=2/a.parquet"},
}


def test_ledger_without_damage_is_read(tmp_path: Path) -> None:
    """The cases below differ from it in one place."""
    (tmp_path / "commit.json").write_bytes(orjson.dumps(GOOD))
    assert CommitFile(tmp_path / "commit.json").load() == Commit({"group": {Partition("topic", 0): 5}}, GOOD["files"])


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"format": "1"},
        {"positions": []},
        {"positions": {"group": {}}},
        {"positions": {"group": [["topic", 0]]}},
        {"positions": {"group": [["topic", "0", 5]]}},
        {"positions": {"group": [["topic", 0, "5"]]}},
        {"positions": {"group": [["topic", 0, -5]]}},
        {"positions": {"group": [[1, 0, 5]]}},
        {"files": []},
        {"files": {"a.open": 5}},
        {"files": {"a.open": "/etc/passwd"}},
        {"files": {"a.open": "../../victim"}},
        {"files": {"../commit.json": "a.parquet"}},
        {"files": {"..": "a.parquet"}},
    ],
    ids=str,
)
def test_ledger_with_a_wrong_type_is_an_error(change: dict[str, Any], tmp_path: Path) -> None:
    """Of a newer version as well. A path that leads out of the folder would move files of others."""
    content = orjson.dumps(GOOD | change)
    (tmp_path / "commit.json").write_bytes(content)
    with pytest.raises(SinkError, match=r"commit\.json is not a valid commit file"):
        CommitFile(tmp_path / "commit.json").load()
    assert (tmp_path / "commit.json").read_bytes() == content


def keyed_state(path: Path) -> None:
    """Read everything of a state file."""
    file = StateFile(path)
    try:
        file.open()
        file.progress()
        file.watermark()
        file.timers()
        file.read([1, 2])
    finally:
        file.close()


def positions(path: Path) -> None:
    """Read everything of a checkpoint of a source."""
    checkpoint = Checkpoint(path, "feed")
    try:
        checkpoint.open()
        checkpoint.load_positions()
        checkpoint.load_metadata(["a"])
    finally:
        checkpoint.close()


DATABASES = {"keyed state": (StateError, keyed_state), "positions": (SourceError, positions)}
FILE_DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "binary": lambda _: BINARY * 40,
    "truncated": lambda content: content[: len(content) // 2],
    "short": lambda content: content[:50],
    "schema": lambda content: content.replace(b"CREATE TABLE", b"CREAT\xff\xfeABLE"),
    "flipped": lambda content: content[:4096] + bytes(byte ^ 0xFF for byte in content[4096:]),
}


@pytest.mark.parametrize("damage", FILE_DAMAGES)
@pytest.mark.parametrize("kind", DATABASES)
def test_damaged_database_is_an_error_and_is_not_changed(kind: str, damage: str, tmp_path: Path) -> None:
    """An empty file would pass for a first run, which skips everything since the last one."""
    error_type, read = DATABASES[kind]
    path = tmp_path / "kept.sqlite"
    read(path)
    content = FILE_DAMAGES[damage](path.read_bytes())
    path.write_bytes(content)
    with pytest.raises(error_type) as error:
        read(path)
    assert str(path) in error.value.message
    assert "Restore it from a copy" in error.value.hint
    assert path.read_bytes() == content


@pytest.mark.parametrize("kind", DATABASES)
def test_log_without_its_database_is_an_error(kind: str, tmp_path: Path) -> None:
    """SQLite would delete the transactions of a killed process, or mix them into a new file."""
    error_type, read = DATABASES[kind]
    (tmp_path / "kept.sqlite-wal").write_bytes(BINARY)
    with pytest.raises(error_type, match=r"does not exist, but its log .*kept\.sqlite-wal does"):
        read(tmp_path / "kept.sqlite")
    assert (tmp_path / "kept.sqlite-wal").read_bytes() == BINARY


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO numbers VALUES (1, 'x')",
        "INSERT INTO rests VALUES (1, 'x')",
        "INSERT INTO wakes VALUES (1, 'x')",
        "INSERT INTO partitions VALUES ('a', 0, 'x', 1)",
        "INSERT INTO partitions VALUES ('a', 0, -7, 1)",
        "INSERT INTO partitions VALUES ('a', 0, 1, 'x')",
        "INSERT INTO clock VALUES (0, 'x')",
        "DROP TABLE numbers; CREATE TABLE numbers (other TEXT)",
    ],
)
def test_keyed_state_with_a_wrong_type_is_an_error(statement: str, tmp_path: Path) -> None:
    """SQLite stores a text in a column of numbers."""
    keyed_state(tmp_path / "state.sqlite")
    execute(tmp_path / "state.sqlite", statement)
    with pytest.raises(StateError, match=r"state\.sqlite cannot be"):
        keyed_state(tmp_path / "state.sqlite")


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO places VALUES ('feed', 'a', 0, 'x', '')",
        "INSERT INTO places VALUES ('feed', 'a', 'x', 0, '')",
        "INSERT INTO places VALUES ('feed', 'a', 0, -1, '')",
        "INSERT INTO places VALUES ('feed', 'a', 0, 1, x'00ff')",
        "INSERT INTO notes VALUES ('feed', 'a', x'00ff')",
    ],
)
def test_positions_with_a_wrong_type_are_an_error(statement: str, tmp_path: Path) -> None:
    """SQLite stores any type in any column."""
    positions(tmp_path / "positions.sqlite")
    execute(tmp_path / "positions.sqlite", statement)
    with pytest.raises(SourceError, match=r"positions\.sqlite cannot be read"):
        positions(tmp_path / "positions.sqlite")


def execute(path: Path, statements: str) -> None:
    """Change a database behind the back of its job."""
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(statements)


def test_state_of_another_job_or_wiki_is_an_error(tmp_path: Path) -> None:
    """Revisions of another wiki would make the job skip changes; a file of an older version gets an owner."""
    keyed_state(tmp_path / "state.sqlite")
    for owner in ("rdf-sync a.test", "rdf-sync a.test"):
        file = StateFile(tmp_path / "state.sqlite", owner)
        file.open()
        file.close()
    for owner in ("rdf-sync b.test", "rdf-updater a.test"):
        file = StateFile(tmp_path / "state.sqlite", owner)
        with pytest.raises(StateError, match=r"belongs to 'rdf-sync a\.test'"):
            file.open()
        file.close()


class SavedValues:
    """Metadata of a source."""

    def __init__(self, text: str) -> None:
        self._text = text

    async def load_metadata(self, names: Iterable[str]) -> dict[str, str]:
        """Return the same text under each name."""
        return dict.fromkeys(names, self._text)

    async def save_metadata(self, values: object) -> None:
        """Fail: a damaged value must not be replaced."""
        raise AssertionError(values)


class NoWiki:
    """Wiki that is not asked."""

    namespaces = (0,)


class _Resuming(SyncState):
    resumes_scan = True


async def load_scan(text: str) -> None:
    """Load the position of a full scan."""
    feed = FullScanFeed(None, None, None, state=_Resuming())  # type: ignore[arg-type]
    await feed.open({SCAN_PARTITION: ResumePosition(5, text)}, SavedValues(text))


async def load_window(text: str) -> None:
    """Load the position in the recent changes."""
    ChangeWindow.load(text, 1000)


async def load_stream_position(text: str) -> None:
    """Load the position in a public stream."""
    StreamPosition("stream", 0).restore({Partition("a"): ResumePosition(1, text)})


async def load_inventory(text: str) -> None:
    """Load the inventory of the pages."""
    await Inventory(NoWiki(), None, max_pages=1).load(SavedValues(text))  # type: ignore[arg-type]


async def load_begin(text: str) -> None:
    """Load the start of the first run."""
    await resolve_begin(SavedValues(text), None, now=1)


async def load_pages(text: str) -> None:
    """Load the revisions of pages."""
    await PageCache(SavedValues(text)).load([1])


async def load_entity(text: str) -> None:
    """Load the state of an entity."""
    EntityState.unpack(5, text.encode())


SAVED = (load_scan, load_window, load_stream_position, load_inventory, load_begin, load_pages, load_entity)


@pytest.mark.parametrize(
    "text", ["\x00", "{", "[[[[", '"x"', '{"begin": "x"}', '[[1, "x", 5]]', "{}", "[1, null, 5, [1]]"]
)
@pytest.mark.parametrize("load", SAVED, ids=lambda load: load.__name__)
async def test_damaged_saved_value_is_an_error(load: Callable[[str], Any], text: str) -> None:
    """It is neither guessed nor replaced; the hint names the state folder."""
    with pytest.raises(StateError, match="is damaged") as error:
        await load(text)
    assert "--state" in error.value.hint


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (sqlite3.OperationalError("database or disk is full"), "make room"),
        (sqlite3.OperationalError("attempt to write a readonly database"), "permissions"),
        (sqlite3.OperationalError("unable to open database file"), "permissions"),
        (sqlite3.OperationalError("database is locked"), "--state"),
        (sqlite3.DatabaseError("database disk image is malformed"), "Restore it"),
        (OSError(28, "No space left on device"), "make room"),
        (OSError(122, "Disk quota exceeded"), "make room"),
        (OSError(30, "Read-only file system"), "permissions"),
        (OSError(13, "Permission denied"), "permissions"),
    ],
    ids=str,
)
def test_failure_of_a_database_says_what_to_do(error: Exception, hint: str) -> None:
    """The reason decides, not the place."""
    codes = {"full": 13, "readonly": 8, "unable": 14, "locked": 5, "malformed": 11}
    if isinstance(error, sqlite3.Error):
        error.sqlite_errorcode = next(code for word, code in codes.items() if word in str(error))
    assert hint in explain_failure(error, restart="").hint


def overfill(connection: sqlite3.Connection) -> None:
    """Write more in one transaction than the database may hold."""
    with transaction(connection):
        connection.execute("UPDATE kept SET value = 'after'")
        connection.executemany("INSERT INTO kept VALUES (?)", [("x" * 4000,)] * 10)


def test_full_database_keeps_its_last_checkpoint(tmp_path: Path) -> None:
    """SQLite rolls back automatically, and a second rollback must not hide the reason."""
    connection = open_exclusive(tmp_path / "state.sqlite")
    with closing(connection):
        connection.execute("CREATE TABLE kept (value TEXT)")
        with transaction(connection):
            connection.execute("INSERT INTO kept VALUES ('before')")
        connection.execute("PRAGMA max_page_count = 4")
        with pytest.raises(sqlite3.OperationalError, match="disk is full") as error:
            overfill(connection)
        assert "make room" in explain_failure(error.value, restart="").hint
        assert connection.execute("SELECT * FROM kept").fetchall() == [("before",)]
