"""Progress of a sync run: the time up to which the store is complete, and the start of a run."""

from __future__ import annotations

import pytest

from wikistate.core.updater.startup import StartupMode
from wikistate.jobs.rdf_sync.sync_state import SyncState


@pytest.mark.parametrize(
    ("scanning", "timer", "complete"), [(True, None, 0), (False, None, 777), (False, 700, 599), (False, 5_000, 777)]
)
def test_store_is_complete_until_first_waiting_event(*, scanning: bool, timer: int | None, complete: int) -> None:
    """A full scan leaves the store incomplete; an event waits for at most the window before its timer."""
    assert SyncState(followed_until=777, scanning=scanning).completed_until(timer, 100) == complete


@pytest.mark.parametrize(
    ("mode", "scans", "resumes"),
    [
        (StartupMode.FOLLOW, False, False),
        (StartupMode.RESUME_SCAN, True, True),
        (StartupMode.EMPTY, True, False),
    ],
)
def test_startup_mode_decides_about_the_scan(mode: StartupMode, *, scans: bool, resumes: bool) -> None:
    """Without a checkpoint the source was not followed yet."""
    state = SyncState()
    state.start(mode, None)
    assert (state.scanning, state.resumes_scan, state.followed_until) == (scans, resumes, 0)


def test_followed_time_never_decreases() -> None:
    """A source that reports an earlier time changes nothing."""
    state = SyncState()
    state.start(StartupMode.FOLLOW, 700)
    state.follow(600)
    assert state.followed_until == 700
    state.follow(800)
    assert state.followed_until == 800
