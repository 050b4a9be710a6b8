"""The snapshots of a job on an embedded cluster: their folders, and the one from which it resumes."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from wikistate.runners.flink.snapshots import add_snapshot_options, find_newest_snapshot, state_folder
from wikistate.wiring.endpoints import FileEndpoint, KafkaSourceEndpoint, SourceEndpoint

CHECKPOINTS = "execution.checkpointing.dir"
SAVEPOINTS = "execution.checkpointing.savepoint-dir"
RESUME = "execution.state-recovery.path"

SOURCE = KafkaSourceEndpoint(
    bootstrap_servers="broker:9092", topics=("a",), group="g", start="earliest", end="", properties={}
)


def snapshot(parent: Path, name: str, *, at: int, complete: bool = True) -> str:
    """Make a snapshot at a time, in seconds, and return its address."""
    folder = parent / name
    folder.mkdir(parents=True)
    (folder / "state").touch()
    if complete:
        (folder / "_metadata").touch()
        os.utime(folder / "_metadata", (at, at))
    return folder.as_uri()


def test_folder_follows_the_xdg_specification(monkeypatch: pytest.MonkeyPatch) -> None:
    """By default it is in the home of the user."""
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert state_folder("job", SOURCE).parent == Path("/state/wikistate/flink")
    monkeypatch.setenv("XDG_STATE_HOME", "")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert state_folder("job", SOURCE).parent == Path("/home/somebody/.local/state/wikistate/flink")


def test_each_job_and_each_source_has_its_own_folder() -> None:
    """Positions in one topic are not valid in another; the start and end of a run do not count."""
    others: list[SourceEndpoint] = [
        replace(SOURCE, topics=("b",)),
        replace(SOURCE, group="h"),
        FileEndpoint(path="a"),
        FileEndpoint(path="b"),
    ]
    folders = [state_folder("job", source) for source in (SOURCE, *others)]
    assert len({*folders, state_folder("another", SOURCE)}) == 6
    assert state_folder("job", replace(SOURCE, start="latest", end="latest")) == folders[0]
    assert folders[0].name.startswith("job-")


def test_first_start_has_folders_and_no_snapshot(tmp_path: Path) -> None:
    """The folders need not exist yet."""
    folder = tmp_path / "a job"
    assert add_snapshot_options({"other": "1"}, folder) == {
        CHECKPOINTS: (folder / "checkpoints").as_uri(),
        SAVEPOINTS: (folder / "savepoints").as_uri(),
        "other": "1",
    }


@pytest.mark.parametrize(("savepoint_at", "newest"), [(100, "checkpoint"), (300, "savepoint")])
def test_job_resumes_from_the_newer_of_checkpoint_and_savepoint(tmp_path: Path, savepoint_at: int, newest: str) -> None:
    """A stop leaves a savepoint and a crash a checkpoint; the later one has the latest positions."""
    found = {
        "savepoint": snapshot(tmp_path / "savepoints", "savepoint-1-2", at=savepoint_at),
        "checkpoint": snapshot(tmp_path / "checkpoints" / "job", "chk-7", at=200),
    }
    assert add_snapshot_options({}, tmp_path)[RESUME] == found[newest]


def test_time_of_a_snapshot_counts_and_not_its_name(tmp_path: Path) -> None:
    """A checkpoint of another run with a higher number may be older, and chk-9 is older than chk-10."""
    snapshot(tmp_path / "of an older run", "chk-900", at=100)
    snapshot(tmp_path / "of a newer run", "chk-9", at=200)
    newest = snapshot(tmp_path / "of a newer run", "chk-10", at=300)
    assert find_newest_snapshot(tmp_path.as_uri()) == newest


def test_incomplete_snapshot_is_ignored(tmp_path: Path) -> None:
    """The process may have been killed during a checkpoint. Other files in the folder are ignored as well."""
    complete = snapshot(tmp_path / "job", "chk-1", at=100)
    snapshot(tmp_path / "job", "chk-2", at=200, complete=False)
    (tmp_path / "job" / "shared").mkdir()
    (tmp_path / "_metadata").touch()
    assert find_newest_snapshot(tmp_path.as_uri()) == complete


def test_configured_folders_are_kept_and_searched(tmp_path: Path) -> None:
    """As the address of a file or as a path, also with blanks."""
    own = tmp_path / "of mine"
    found = snapshot(own, "savepoint-1-2", at=100)
    for address in (own.as_uri(), str(own)):
        options = add_snapshot_options({SAVEPOINTS: address}, tmp_path / "state")
        assert options[SAVEPOINTS] == address
        assert options[RESUME] == found


def test_configured_snapshot_has_precedence(tmp_path: Path) -> None:
    """Also over a newer one."""
    snapshot(tmp_path / "savepoints", "savepoint-1-2", at=100)
    assert add_snapshot_options({RESUME: "s3://bucket/savepoint"}, tmp_path)[RESUME] == "s3://bucket/savepoint"


def test_folders_on_other_machines_are_not_searched() -> None:
    """Snapshots may be stored there; a job resumes only from one that is configured."""
    assert find_newest_snapshot("s3://bucket/checkpoints", "hdfs://host/savepoints") is None
    assert RESUME not in add_snapshot_options({CHECKPOINTS: "s3://b/c", SAVEPOINTS: "s3://b/s"}, Path("/nowhere"))
