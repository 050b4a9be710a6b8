"""A file that is replaced is durable before its name, and its name before the next step: proved by the order of the calls."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from wikistate.adapters import sqlite
from wikistate.adapters.connectors.files.position import OffsetFile
from wikistate.adapters.connectors.parquet.commit_file import Commit, CommitFile
from wikistate.adapters.durable_files import rename_durably, write_durably
from wikistate.adapters.triplestore.freshness import FreshnessFile
from wikistate.errors import SinkError, SourceError, StateError, StoreError
from wikistate.jobs.rdf_sync.checkpoint_marker import CheckpointGenerationFile
from wikistate.jobs.rdf_sync.retries import RetryQueue

if TYPE_CHECKING:
    from collections.abc import Callable


class CallRecorder:
    """Recorder of the calls that matter for durability; each call is also made.

    Attributes:
        calls: The calls with the names of their files, in order.
        failure: Error number of the next `fsync`; None to make it.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[str, ...]] = []
        self.failure: int | None = None
        self._fsync, self._replace = os.fsync, os.replace

    def fsync(self, descriptor: int) -> None:
        """Record the name behind a descriptor."""
        if self.failure is not None:
            raise OSError(self.failure, os.strerror(self.failure))
        self.calls.append(("fsync", Path(f"/proc/self/fd/{descriptor}").readlink().name))
        self._fsync(descriptor)

    def replace(self, source: Any, target: Any, **more: Any) -> None:
        """Record both names."""
        self.calls.append(("rename", Path(source).name, Path(target).name))
        self._replace(source, target, **more)


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> CallRecorder:
    """Record the calls of the operating system."""
    recorder = CallRecorder()
    monkeypatch.setattr(os, "fsync", recorder.fsync)
    monkeypatch.setattr(os, "replace", recorder.replace)
    return recorder


def save_queue(folder: Path) -> None:
    """Save a queue with an entity."""
    queue = RetryQueue(folder / "retries.json")
    queue.add("Q1", 0)
    queue.save()


WRITERS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "freshness": ("store.freshness", lambda folder: FreshnessFile(folder / "store").write(5)),
    "generation": ("generation", lambda folder: CheckpointGenerationFile(folder / "generation").write(1, 2)),
    "queue": ("retries.json", save_queue),
    "bookmark": ("bookmark", lambda folder: OffsetFile(folder / "bookmark").store({"a": 1})),
    "ledger": ("commit.json", lambda folder: CommitFile(folder / "commit.json").store(Commit())),
}
"""Names and writers of all files that are replaced as a whole."""


@pytest.mark.parametrize("kind", WRITERS)
def test_content_is_durable_before_the_name_and_the_name_before_the_return(
    kind: str, tmp_path: Path, recorder: CallRecorder
) -> None:
    """The file reaches the disk, then it is renamed, then the folder reaches the disk."""
    name, write = WRITERS[kind]
    write(tmp_path)
    assert recorder.calls == [("fsync", f"{name}.draft"), ("rename", f"{name}.draft", name), ("fsync", tmp_path.name)]
    assert [each.name for each in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO], ids=os.strerror)
@pytest.mark.parametrize("kind", WRITERS)
def test_failure_leaves_the_old_content(kind: str, number: int, tmp_path: Path, recorder: CallRecorder) -> None:
    """A full disk shows at the latest when the content is made durable; no draft is left behind."""
    name, write = WRITERS[kind]
    (tmp_path / name).write_text("before")
    recorder.failure = number
    with pytest.raises((StateError, StoreError, SourceError, SinkError, OSError), match=os.strerror(number)):
        write(tmp_path)
    assert [(each.name, each.read_text()) for each in tmp_path.iterdir()] == [(name, "before")]


def test_several_files_are_durable_before_their_names(tmp_path: Path, recorder: CallRecorder) -> None:
    """The folders are made durable once each, with those above that are new."""
    for name in ("a", "b"):
        (tmp_path / name).touch()
    rename_durably({tmp_path / "a": tmp_path / "dt" / "hour" / "a", tmp_path / "b": tmp_path / "dt" / "hour" / "b"})
    assert recorder.calls[:4] == [("fsync", "a"), ("fsync", "b"), ("rename", "a", "a"), ("rename", "b", "b")]
    assert sorted(recorder.calls[4:]) == sorted([("fsync", tmp_path.name), ("fsync", "dt"), ("fsync", "hour")])


def test_new_database_has_its_name_when_it_is_complete(tmp_path: Path, recorder: CallRecorder) -> None:
    """A crash in between leaves a draft, and never an empty database that would pass for a first run."""
    sqlite.open_exclusive(tmp_path / "state.sqlite").close()
    name = "state.sqlite"
    assert [call for call in recorder.calls if call[0] == "rename" or call[1] in (f"{name}.draft", tmp_path.name)] == [
        ("fsync", f"{name}.draft"),
        ("rename", f"{name}.draft", name),
        ("fsync", tmp_path.name),
    ]


def test_longer_content_replaces_a_shorter_one(tmp_path: Path) -> None:
    """And a shorter one a longer one."""
    for content in (b"a", b"longer" * 100_000, b""):
        write_durably(tmp_path / "file", content)
        assert (tmp_path / "file").read_bytes() == content
