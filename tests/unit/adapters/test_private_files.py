"""State is readable by its user only, whatever the umask, and is not written to files of other users."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from wikistate.adapters.connectors.checkpoint import Checkpoint
from wikistate.adapters.connectors.files.append_file import AppendFile
from wikistate.adapters.connectors.files.position import OffsetFile
from wikistate.adapters.connectors.parquet.folder import ParquetFolder
from wikistate.adapters.private_files import make_private_folder, open_private, protect_file
from wikistate.adapters.triplestore.freshness import FreshnessFile
from wikistate.errors import SourceError, StateError
from wikistate.jobs.rdf_sync.checkpoint_marker import CheckpointGenerationFile
from wikistate.jobs.rdf_sync.retries import RetryQueue
from wikistate.ops.cache import lock_folder
from wikistate.runners.flink.cluster import prepare_process
from wikistate.runners.local.state_file import StateFile
from wikistate.streaming.record import Output, Partition, Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

STRANGER = 54_321
"""Number of a user that does not run the tests."""


@pytest.fixture(params=[0o000, 0o022, 0o027, 0o077], ids=lambda mask: f"umask {mask:03o}", autouse=True)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    """Set the umask of the process during a test."""
    mask: int = request.param
    before = os.umask(mask)
    yield mask
    os.umask(before)


def save_checkpoint(folder: Path) -> None:
    """Write the positions of a stream."""
    checkpoint = Checkpoint(folder / "positions.sqlite", "feed")
    checkpoint.open()
    checkpoint.save_metadata({"a": "1"})
    for path in folder.iterdir():  # also the log of SQLite, while it is open
        assert modes(path) == {path: 0o600}
    checkpoint.close()


def save_keyed_state(folder: Path) -> None:
    """Write the state of entities."""
    file = StateFile(folder / "state.sqlite")
    file.open()
    file.close()


def save_queue(folder: Path) -> None:
    """Write the entities that are compared again."""
    queue = RetryQueue(folder / "retries.json")
    queue.add("Q1", 0)
    queue.save()


WRITERS: dict[str, Callable[[Path], None]] = {
    "positions": save_checkpoint,
    "keyed state": save_keyed_state,
    "queue": save_queue,
    "generation": lambda folder: CheckpointGenerationFile(folder / "generation").write(1, 2),
    "bookmark": lambda folder: OffsetFile(folder / "bookmark").store({"a": 1}),
}
"""Writers of the files of state, by name."""


def modes(*paths: Path) -> dict[Path, int]:
    """Return the permissions of files and folders."""
    return {path: path.stat().st_mode & 0o777 for path in paths}


@pytest.mark.parametrize("kind", WRITERS)
def test_state_is_for_its_user_only(kind: str, tmp_path: Path) -> None:
    """The file, its folder, and the folders above that did not exist."""
    folder = tmp_path / "new" / "state"
    WRITERS[kind](folder)
    files = list(folder.iterdir())
    assert files
    assert set(modes(*files).values()) == {0o600}
    assert set(modes(folder, folder.parent).values()) == {0o700}


@pytest.mark.parametrize("kind", WRITERS)
def test_state_of_an_older_version_is_protected_by_the_next_write(kind: str, tmp_path: Path) -> None:
    """Older versions created files that all users could read."""
    WRITERS[kind](tmp_path / "state")
    (file,) = (tmp_path / "state").iterdir()
    file.chmod(0o644)
    WRITERS[kind](tmp_path / "state")
    assert modes(file) == {file: 0o600}


def test_mode_of_an_existing_folder_does_not_change(tmp_path: Path) -> None:
    """It may be shared on purpose, such as /tmp; the files in it are private."""
    tmp_path.chmod(0o755)
    save_queue(tmp_path)
    assert modes(tmp_path) == {tmp_path: 0o755}


def test_snapshots_and_logs_of_flink_are_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flink creates its files by the umask, so the folder keeps others out."""
    monkeypatch.setattr(os, "environ", {})
    folder = tmp_path / "flink" / "job"
    prepare_process(tmp_path, tmp_path, folder)
    assert set(modes(folder, folder / "log", folder / "tmp").values()) == {0o700}


def test_locks_are_private(tmp_path: Path) -> None:
    """Of downloaded files and of a table."""
    with lock_folder(tmp_path / "cache"):
        lock = tmp_path / "cache" / ".lock"
        assert modes(lock, lock.parent) == {lock: 0o600, lock.parent: 0o700}


def test_output_follows_the_umask(tmp_path: Path, umask: int) -> None:
    """A file, a table and the freshness are for readers; nothing is wider than the umask."""
    file = AppendFile(tmp_path / "out" / "events.ndjson")
    file.open()
    file.close()
    FreshnessFile(tmp_path / "store").write(5)
    table = ParquetFolder(tmp_path / "lake", reader="group", roll_bytes=1)
    table.open()
    table.write([Output(Role.SINK, None, b"{}", 0)])
    table.commit({Partition("a"): 1})
    table.close()
    (published,) = (tmp_path / "lake").glob("dt=*/hour=*/*.parquet")
    private = [tmp_path / "lake" / "_wikistate" / name for name in ("commit.json", "lock")]
    assert modes(tmp_path / "store.freshness", published) == {
        tmp_path / "store.freshness": 0o666 & ~umask,
        published: 0o666 & ~umask,
    }
    assert modes(tmp_path / "out" / "events.ndjson", tmp_path / "out") == {
        tmp_path / "out" / "events.ndjson": 0o644 & ~umask,
        tmp_path / "out": 0o777 & ~umask,
    }
    assert modes(published.parent) == {published.parent: 0o777 & ~umask}
    assert set(modes(*private).values()) == {0o600}


@pytest.mark.parametrize("kind", ["queue", "generation", "bookmark"])
def test_draft_is_not_written_through_a_link(kind: str, tmp_path: Path) -> None:
    """Another user may plant one under its name, which is known."""
    victim, folder = tmp_path / "victim", tmp_path / "state"
    victim.write_text("mine")
    folder.mkdir()
    name = {"queue": "retries.json", "generation": "generation", "bookmark": "bookmark"}[kind]
    (folder / f"{name}.draft").symlink_to(victim)
    WRITERS[kind](folder)
    assert victim.read_text() == "mine"
    assert not (folder / name).is_symlink()


def test_lock_is_not_opened_through_a_link(tmp_path: Path) -> None:
    """The file behind the link would be emptied."""
    (tmp_path / "victim").write_text("mine")
    (tmp_path / ".lock").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="symbolic"):
        open_private(tmp_path / ".lock")
    assert (tmp_path / "victim").read_text() == "mine"


@pytest.mark.parametrize("kind", ["link", "file"])
def test_planted_file_of_another_user_is_refused(kind: str, tmp_path: Path) -> None:
    """State would be written to where the other user can read it."""
    tmp_path.chmod(0o1777)
    (tmp_path / "theirs").touch()
    path = tmp_path / "theirs"
    if kind == "link":
        path = tmp_path / "state.sqlite"
        path.symlink_to(tmp_path / "theirs")
    if os.geteuid() == 0:  # root trusts its own files only
        os.chown(path, STRANGER, STRANGER, follow_symlinks=False)
        protect_file_of(path, os.geteuid(), refused=True)
    else:
        protect_file_of(path, STRANGER, refused=True)
    protect_file_of(path, path.lstat().st_uid, refused=False)


def protect_file_of(path: Path, user: int, *, refused: bool) -> None:
    """Protect a file as a user, and check whether it is refused."""
    if not refused:
        protect_file(path, user=user)
        return
    with pytest.raises(PermissionError, match="belongs to another user"):
        protect_file(path, user=user)


def test_folder_in_the_place_of_a_file_is_an_error(tmp_path: Path) -> None:
    """The message names it."""
    (tmp_path / "state.sqlite").mkdir()
    with pytest.raises(StateError, match=r"state\.sqlite cannot be opened: .*not a file"):
        StateFile(tmp_path / "state.sqlite").open()


def test_file_in_the_place_of_a_folder_is_an_error(tmp_path: Path) -> None:
    """The message names it."""
    (tmp_path / "state").touch()
    with pytest.raises(NotADirectoryError):
        make_private_folder(tmp_path / "state")
    with pytest.raises(SourceError, match="cannot be opened"):
        Checkpoint(tmp_path / "state" / "positions.sqlite", "feed").open()
