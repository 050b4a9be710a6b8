"""Progress of one sync run, which the parts of the job share. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from wikistate.core.updater.startup import StartupMode
from wikistate.jobs.rdf_sync.retries import RetryQueue
from wikistate.jobs.rdf_sync.unread_entities import UnreadEntities


@dataclass(slots=True)
class SyncState:
    """Progress of one sync run.

    The change sink sets the startup mode and clears the written entities at a checkpoint. The source advances the time
    and ends the full scan. The job adds the written entities. All of them run on one event loop.

    Attributes:
        startup_mode: First step of the run.
        followed_until: Time up to which the source was followed, milliseconds since the epoch; 0 while it is unknown.
        scanning: Whether a full scan runs, so that the store is incomplete.
        written: Entities that were written since the last checkpoint.
        unread: Entities that could not be brought into the store.
        retries: Entities that could not be fetched.
    """

    startup_mode: StartupMode = StartupMode.NO_CHECKPOINT
    followed_until: int = 0
    scanning: bool = True
    written: set[str] = field(default_factory=set)
    unread: UnreadEntities = field(default_factory=UnreadEntities)
    retries: RetryQueue = field(default_factory=RetryQueue)
    _last_complete: int = 0

    def start(self, mode: StartupMode, followed_until: int | None) -> None:
        """Begin the run with a startup mode and the time of the last checkpoint; None if there is no checkpoint."""
        self.startup_mode = mode
        self.scanning = mode.needs_full_scan
        self.followed_until = followed_until or 0

    def follow(self, until: int) -> None:
        """Advance the time up to which the source was followed; an earlier time changes nothing."""
        self.followed_until = max(self.followed_until, until)

    def finish_scan(self) -> None:
        """Note that the full scan has compared all entities."""
        self.scanning = False

    def completed_until(self, timer: int | None, window: int) -> int:
        """Return the time up to which the store is complete, milliseconds since the epoch; 0 during a full scan.

        While most of what is tried fails, the time does not advance.

        Args:
            timer: Earliest timer of all keys, or None. The first event that waits for it is one window older.
            window: Time for which an event may wait for those before it, milliseconds.
        """
        if self.scanning:
            return 0
        if not (self.unread.are_most_recent and self._last_complete):
            self._last_complete = self.followed_until if timer is None else min(self.followed_until, timer - window - 1)
        return self._last_complete

    @property
    def is_complete(self) -> bool:
        """Whether the store holds all entities, so that the time of a change states its freshness."""
        return not self.scanning and not self.unread.are_most_recent

    @property
    def resumes_scan(self) -> bool:
        """Whether a full scan resumes at the position of the last run and does not start from the beginning."""
        return self.startup_mode is StartupMode.RESUME_SCAN
