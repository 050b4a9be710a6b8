"""Store and checkpoint stay together: what is noted where, in which order, and what a start makes of it."""

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
    """Make a sink that has decided on the startup mode."""
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
    """Our side of the mark."""
    return CheckpointGenerationFile(tmp_path / "state" / "generation")


async def test_the_store_is_marked_before_our_side_is(file: CheckpointGenerationFile) -> None:
    """So that a store whose mark is older than ours can only have been put back."""
    store = Durable(file)
    marking = make_sink(store, file)
    await marking.flush()
    assert store.known_by_then is None
    assert store.positions == {MARKER: StorePosition(1_000_000, 0)}
    assert file.read() == (1_000_000, 0)


async def test_no_two_checkpoints_have_the_same_mark(file: CheckpointGenerationFile) -> None:
    """Not even when the clock stands still, or went back since the last run."""
    store = Durable(file)
    first = make_sink(store, file)
    await first.flush()
    await first.flush()
    second = make_sink(store, file, now=500.0)
    await second.flush()
    assert file.read() == (1_000_002, 0)


async def test_a_store_is_complete_when_the_walk_is_over_and_up_to_when_the_source_was_followed(
    file: CheckpointGenerationFile,
) -> None:
    """Before that it says that it is not."""
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


async def test_what_waits_for_events_before_it_is_not_in_the_store(file: CheckpointGenerationFile) -> None:
    """The first of these bounds what the store says of itself, and not what the source need not say again."""
    store = Durable(file)
    state = SyncState()
    marking = make_sink(store, file, state=state)
    state.followed_until, state.scanning = 777, False
    await marking.flush(timer=700 + WINDOW)
    assert store.positions[MARKER].completed_until == 699
    assert file.read() == (1_000_000, 777)
    await marking.flush(timer=5_000)
    assert store.positions[MARKER].completed_until == 777


async def test_a_store_that_was_put_back_is_recognised_and_one_that_is_ahead_is_no_matter(
    file: CheckpointGenerationFile, tmp_path: Path
) -> None:
    """Ahead it is when a kill came between the two."""
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


async def test_a_store_that_follows_another_wiki_is_not_taken_for_one_in_step(file: CheckpointGenerationFile) -> None:
    """Its mark is another one's; what it holds of this wiki is looked at."""
    store = Durable(file)
    other = marker_partition("another.example")
    state = SyncState(scanning=False, followed_until=777)
    marking = CheckpointMarkingSink(store, lambda: store.contents, file, other, state=state, window=WINDOW)
    await marking.flush()
    with pytest.raises(ConfigError, match="did not write"):
        make_sink(store, file)


def test_a_note_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """With what it is for and what comes of removing it."""
    path = tmp_path / "generation"
    path.write_text("what?")
    with pytest.raises(StateError, match="cannot be used"):
        CheckpointGenerationFile(path).read()
