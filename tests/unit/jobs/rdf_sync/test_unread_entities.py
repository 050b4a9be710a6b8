"""Entities that fail: when a scan ends with its cause, and when a store is complete but for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs
from tests.unit.jobs.rdf_sync.durable import Durable
from tests.unit.jobs.rdf_sync.test_checkpoint_marker import MARKER, make_sink, startup_mode

from wikistate.core.updater.startup import StartupMode
from wikistate.errors import WikiError
from wikistate.jobs.rdf_sync.checkpoint_marker import CheckpointGenerationFile
from wikistate.jobs.rdf_sync.sync_state import SyncState
from wikistate.jobs.rdf_sync.unread_entities import FIRST_ENTITIES, MAX_KNOWN, UnreadEntities

if TYPE_CHECKING:
    from pathlib import Path

MUNGE = "MungeError: The document about Q1 does not state schema:version."


@pytest.fixture
def file(tmp_path: Path) -> CheckpointGenerationFile:
    """Return the file of the marker on our side."""
    return CheckpointGenerationFile(tmp_path / "state" / "generation")


def fail(unread: UnreadEntities, count: int) -> None:
    """Note failures of so many entities, each twice."""
    for number in range(1, count + 1):
        unread.note_failure(f"Q{number}", MUNGE)
        unread.note_failure(f"Q{number}", MUNGE)


def test_scan_ends_when_none_of_the_first_entities_can_be_read() -> None:
    """The error has the number and the cause, and the next scan starts from the beginning."""
    unread = UnreadEntities()
    unread.compared = 30
    fail(unread, FIRST_ENTITIES - 1)
    with pytest.raises(WikiError, match=r"None of the first 20 .* MungeError: The document about Q1") as caught:
        unread.note_failure("Q999", MUNGE)
    assert "rdf.entity_data" in caught.value.hint
    assert unread.must_restart


def test_one_success_prevents_the_end_at_the_start() -> None:
    """The settings are right then; the result of the scan decides."""
    unread = UnreadEntities()
    unread.compared = 30
    unread.note_read("Q100")
    fail(unread, 29)
    assert unread.count == 29
    with pytest.raises(WikiError, match="29 of 30 entities could not be read"):
        unread.check_scan()


def test_entities_that_can_never_be_read_do_not_end_a_scan_of_a_store_in_step() -> None:
    """They are all that differs, but few of those that were compared."""
    unread = UnreadEntities()
    unread.compared = 10_000
    fail(unread, 25)
    unread.check_scan()
    assert (unread.count, unread.must_restart) == (25, False)


def test_failures_without_a_scan_do_not_end_the_run() -> None:
    """A wiki that breaks while it is followed is reported by the alarm."""
    unread = UnreadEntities()
    fail(unread, 50)
    assert unread.are_most_recent


def test_entity_that_is_read_later_is_no_longer_counted() -> None:
    """It failed once, and its next event succeeded; or it was deleted."""
    unread = UnreadEntities()
    fail(unread, 2)
    unread.note_read("Q1")
    unread.note_solved("Q2")
    assert unread.count == 0


def test_memory_is_bounded() -> None:
    """Beyond the bound entities are only counted."""
    unread = UnreadEntities()
    for number in range(MAX_KNOWN + 3):
        unread.note_failure(f"Q{number}", MUNGE)
    assert unread.count == MAX_KNOWN + 3


async def test_store_is_not_marked_as_complete_when_most_failed(file: CheckpointGenerationFile) -> None:
    """The run ends with the cause, and the next one compares all entities again."""
    store, state = Durable(file), SyncState()
    marking = make_sink(store, file, state=state)
    state.follow(777)
    await marking.flush()
    state.unread.compared = 5
    fail(state.unread, 5)
    state.finish_scan()
    with capture_logs() as logs, pytest.raises(WikiError, match="5 of 5 entities could not be read"):
        await marking.flush()
    await marking.close()
    assert logs == []
    assert store.positions[MARKER].completed_until == 0
    assert startup_mode(store, file) is StartupMode.NO_CHECKPOINT


async def test_store_is_complete_but_for_the_entities_that_failed(file: CheckpointGenerationFile) -> None:
    """One of many may be unreadable for good; the log names the number."""
    store, state = Durable(file), SyncState()
    marking = make_sink(store, file, state=state)
    state.follow(777)
    await marking.flush()
    state.unread.compared = 1000
    fail(state.unread, 1)
    state.finish_scan()
    with capture_logs() as logs:
        await marking.flush()
    await marking.close()
    assert [(line["event"], line["failed"], line["compared"]) for line in logs] == [("store_complete_except", 1, 1000)]
    assert store.positions[MARKER].completed_until == 777
    assert startup_mode(store, file) is StartupMode.FOLLOW


def test_completeness_does_not_advance_while_everything_fails() -> None:
    """The source is followed, but nothing arrives in the store. It advances again with the first successes."""
    state = SyncState(scanning=False)
    state.follow(100)
    assert state.completed_until(None, 10) == 100
    fail(state.unread, 10)
    state.follow(200)
    assert (state.completed_until(None, 10), state.is_complete) == (100, False)
    for number in range(20):
        state.unread.note_read(f"Q{number}")
    assert (state.completed_until(None, 10), state.is_complete) == (200, True)


def test_store_is_not_complete_during_a_scan() -> None:
    """Changes that are followed meanwhile do not state its freshness."""
    assert not SyncState().is_complete
    assert SyncState(scanning=False).is_complete
