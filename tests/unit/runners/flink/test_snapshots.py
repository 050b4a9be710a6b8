"""Where a job on a cluster of its own keeps its snapshots, and which one it goes on from."""

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


def snapshot(place: Path, name: str, *, at: int, whole: bool = True) -> str:
    """Makes one at a moment, in seconds; its address."""
    folder = place / name
    folder.mkdir(parents=True)
    (folder / "state").touch()
    if whole:
        (folder / "_metadata").touch()
        os.utime(folder / "_metadata", (at, at))
    return folder.as_uri()


def test_the_folder_is_found_by_the_xdg_specification(monkeypatch: pytest.MonkeyPatch) -> None:
    """And lies in the user's home where nothing says otherwise."""
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert state_folder("job", SOURCE).parent == Path("/state/wikistate/flink")
    monkeypatch.setenv("XDG_STATE_HOME", "")
    monkeypatch.setenv("HOME", "/home/somebody")
    assert state_folder("job", SOURCE).parent == Path("/home/somebody/.local/state/wikistate/flink")


def test_each_job_and_each_source_has_a_folder_of_its_own() -> None:
    """Positions in one topic mean nothing in another; where a run starts and ends does not matter."""
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


def test_the_first_start_has_places_and_nothing_to_go_on_from(tmp_path: Path) -> None:
    """The places need not be there yet."""
    folder = tmp_path / "a job"
    assert add_snapshot_options({"other": "1"}, folder) == {
        CHECKPOINTS: (folder / "checkpoints").as_uri(),
        SAVEPOINTS: (folder / "savepoints").as_uri(),
        "other": "1",
    }


@pytest.mark.parametrize(("savepoint_at", "newest"), [(100, "checkpoint"), (300, "savepoint")])
def test_whichever_of_checkpoint_and_savepoint_is_newer_is_gone_on_from(
    tmp_path: Path, savepoint_at: int, newest: str
) -> None:
    """A stop leaves a savepoint and a crash a checkpoint; what was done last counts."""
    found = {
        "savepoint": snapshot(tmp_path / "savepoints", "savepoint-1-2", at=savepoint_at),
        "checkpoint": snapshot(tmp_path / "checkpoints" / "job", "chk-7", at=200),
    }
    assert add_snapshot_options({}, tmp_path)[RESUME] == found[newest]


def test_the_time_decides_and_not_the_name(tmp_path: Path) -> None:
    """Another run's checkpoint with a higher number may be older, and chk-9 comes before chk-10."""
    snapshot(tmp_path / "of an older run", "chk-900", at=100)
    snapshot(tmp_path / "of a newer run", "chk-9", at=200)
    newest = snapshot(tmp_path / "of a newer run", "chk-10", at=300)
    assert find_newest_snapshot(tmp_path.as_uri()) == newest


def test_what_was_not_written_to_its_end_is_passed_over(tmp_path: Path) -> None:
    """The process may have been killed in the middle of a checkpoint; nor is anything else in the folder one."""
    whole = snapshot(tmp_path / "job", "chk-1", at=100)
    snapshot(tmp_path / "job", "chk-2", at=200, whole=False)
    (tmp_path / "job" / "shared").mkdir()
    (tmp_path / "_metadata").touch()
    assert find_newest_snapshot(tmp_path.as_uri()) == whole


def test_places_that_the_operator_names_are_kept_and_looked_into(tmp_path: Path) -> None:
    """As an address of a file or as a path; blanks in them do no harm."""
    own = tmp_path / "of mine"
    found = snapshot(own, "savepoint-1-2", at=100)
    for address in (own.as_uri(), str(own)):
        options = add_snapshot_options({SAVEPOINTS: address}, tmp_path / "state")
        assert options[SAVEPOINTS] == address
        assert options[RESUME] == found


def test_a_snapshot_that_the_operator_names_is_the_one(tmp_path: Path) -> None:
    """However new others are."""
    snapshot(tmp_path / "savepoints", "savepoint-1-2", at=100)
    assert add_snapshot_options({RESUME: "s3://bucket/savepoint"}, tmp_path)[RESUME] == "s3://bucket/savepoint"


def test_places_on_other_machines_are_not_searched() -> None:
    """They may be kept there; to go on from one, it has to be named."""
    assert find_newest_snapshot("s3://bucket/checkpoints", "hdfs://host/savepoints") is None
    assert RESUME not in add_snapshot_options({CHECKPOINTS: "s3://b/c", SAVEPOINTS: "s3://b/s"}, Path("/nowhere"))
