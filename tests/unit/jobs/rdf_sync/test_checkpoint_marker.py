"""Marker of store and checkpoint: its two places, their order, and the startup mode that follows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.unit.jobs.rdf_sync.durable import Durable

from wikistate.core.updater.startup import StartupMode
from wikistate.core.updater.store_metadata import StorePosition
from wikistate.errors import ConfigError, StateError
from wikistate.jobs.rdf_sync.checkpoint_marker import CheckpointGenerationFile, CheckpointMarkingSink, marker_partition
from wikistate.jobs.rdf_sync.sync_state import SyncState

if TYPE_CHECKING:
    from pathlib import Path


MARKER = marker_partition("wikibase.example")
WINDOW = 100


def make_sink(
    store: Durable, file: CheckpointGenerationFile, *, state: SyncState | None = None, now: float = 1_000.0
) -> CheckpointMarkingSink:
    """Return the change sink after the decision at a start."""
    made = CheckpointMarkingSink(
        store,
        lambda: store.contents,
        file,
        MARKER,
        state=SyncState() if state is None else state,
        window=WINDOW,
        clock=lambda: now,
    )
    made.decide_startup(retained_since=None, adopt=False)
    return made


def startup_mode(store: Durable, file: CheckpointGenerationFile) -> StartupMode:
    """Return the startup mode of a run that starts now."""
    state = SyncState()
    make_sink(store, file, state=state)
    return state.startup_mode


@pytest.fixture
def file(tmp_path: Path) -> CheckpointGenerationFile:
    """Return the file of the marker on our side."""
    return CheckpointGenerationFile(tmp_path / "state" / "generation")


async def test_store_is_marked_before_the_file(file: CheckpointGenerationFile) -> None:
    """So a store with an older marker than the file must have been restored from a backup."""
    store = Durable(file)
    marking = make_sink(store, file)
    await marking.flush()
    assert store.generation_at_flush is None
    assert store.positions == {MARKER: StorePosition(1_000_000, 0)}
    assert file.read() == (1_000_000, 0)


async def test_two_checkpoints_never_have_the_same_marker(file: CheckpointGenerationFile) -> None:
    """The rule holds even if the clock stops, or is set back between two runs."""
    store = Durable(file)
    first = make_sink(store, file)
    await first.flush()
    await first.flush()
    second = make_sink(store, file, now=500.0)
    await second.flush()
    assert file.read() == (1_000_002, 0)


async def test_store_is_complete_after_the_scan_up_to_the_progress_of_the_source(
    file: CheckpointGenerationFile,
) -> None:
    """Before the end of the scan it is marked as incomplete."""
    store = Durable(file)
    state = SyncState()
    marking = make_sink(store, file, state=state)
    state.follow(777)
    await marking.flush()
    assert store.positions[MARKER].completed_until == 0
    assert startup_mode(store, file) is StartupMode.RESUME_SCAN
    state.finish_scan()
    await marking.flush()
    assert store.positions[MARKER].completed_until == 777
    assert startup_mode(store, file) is StartupMode.FOLLOW


async def test_waiting_events_bound_the_completeness_of_the_store(file: CheckpointGenerationFile) -> None:
    """The first waiting event bounds the time in the store, but not the position from which the source resumes."""
    store = Durable(file)
    state = SyncState()
    marking = make_sink(store, file, state=state)
    state.followed_until, state.scanning = 777, False
    await marking.flush(timer=700 + WINDOW)
    assert store.positions[MARKER].completed_until == 699
    assert file.read() == (1_000_000, 777)
    await marking.flush(timer=5_000)
    assert store.positions[MARKER].completed_until == 777


async def test_restored_store_is_recognised_and_a_newer_one_is_accepted(
    file: CheckpointGenerationFile, tmp_path: Path
) -> None:
    """The store is newer when the process was killed between the two writes."""
    store = Durable(file)
    state = SyncState()
    marking = make_sink(store, file, state=state)
    state.followed_until, state.scanning = 777, False
    await marking.flush()
    copy, before = dict(store.positions), (tmp_path / "state" / "generation").read_text()
    await marking.flush()
    (tmp_path / "state" / "generation").write_text(before)
    assert startup_mode(store, file) is StartupMode.FOLLOW
    await marking.flush()
    store.positions = copy
    assert startup_mode(store, file) is StartupMode.STORE_OLDER


async def test_store_of_another_wiki_does_not_count_as_in_sync(file: CheckpointGenerationFile) -> None:
    """Its marker belongs to the other wiki; its content for this wiki is not trusted."""
    store = Durable(file)
    other = marker_partition("another.example")
    state = SyncState(scanning=False, followed_until=777)
    marking = CheckpointMarkingSink(store, lambda: store.contents, file, other, state=state, window=WINDOW)
    await marking.flush()
    with pytest.raises(ConfigError, match="did not write"):
        make_sink(store, file)


def test_unreadable_marker_file_is_reported(tmp_path: Path) -> None:
    """The message names the file that cannot be used."""
    path = tmp_path / "generation"
    path.write_text("what?")
    with pytest.raises(StateError, match="cannot be used"):
        CheckpointGenerationFile(path).read()
