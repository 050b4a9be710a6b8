"""Catch-up and full scan side by side: the order of their records, and the time up to which the store is complete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.jobs.rdf_sync.durable import Durable

from wikistate.jobs.rdf_sync.catch_up_source import HEARTBEAT, CatchUpSource
from wikistate.jobs.rdf_sync.checkpoint_marker import CheckpointGenerationFile, CheckpointMarkingSink, marker_partition
from wikistate.jobs.rdf_sync.full_scan import SCAN_PARTITION
from wikistate.jobs.rdf_sync.retries import RETRY_PARTITION
from wikistate.jobs.rdf_sync.source_progress import EventProgress, WikiProgress, retention_of_recent_changes
from wikistate.jobs.rdf_sync.sync_state import SyncState
from wikistate.streaming.record import Partition, Record

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet
    from pathlib import Path

WIKI = Partition("wikibase.example")


class Listed:
    """Source of a list of records that may end."""

    def __init__(self, partition: Partition, count: int, *, is_finite: bool) -> None:
        self.records = [Record(b"", None, 1_000 + number, partition, number) for number in range(count)]
        self.is_finite = is_finite
        self.opened = False
        self.committed: dict[Partition, int] = {}

    async def open(self, on_revoked: object) -> None:
        """Record the call."""
        del on_revoked
        self.opened = True

    async def poll(self, limit: int, wait: float) -> list[Record] | None:
        """Return the next records, without a wait."""
        del wait
        if not self.records and self.is_finite:
            return None
        found, self.records = self.records[:limit], self.records[limit:]
        return found

    async def commit(self, positions: Mapping[Partition, int]) -> None:
        """Record the positions."""
        self.committed |= positions

    def lag(self) -> Mapping[Partition, int]:
        """Return an unknown lag."""
        return {}

    async def close(self) -> None:
        """Do nothing."""


class SourceSetup:
    """Source of changes and of a full scan, over an empty store."""

    def __init__(self, folder: Path, *, changes: int, scanned: int) -> None:
        generation = CheckpointGenerationFile(folder / "generation")
        self.store = Durable(generation)
        self.state = SyncState()
        sink = CheckpointMarkingSink(
            self.store,
            lambda: self.store.contents,
            generation,
            marker_partition("wikibase.example"),
            state=self.state,
            window=100,
        )
        self.changes = Listed(WIKI, changes, is_finite=False)
        self.scan = Listed(SCAN_PARTITION, scanned, is_finite=True)
        self.clock = WikiProgress()
        self.source = CatchUpSource(
            self.changes,
            self.scan,
            sink,
            self.clock,
            state=self.state,
            retention=_always,
            adopt=False,
            heartbeat_interval=0.0,
        )

    async def poll(self, limit: int) -> list[Partition]:
        """Return the partitions of the next records."""
        return [record.partition for record in await self.source.poll(limit, 0.0) or ()]


async def _always() -> int | None:
    return None


async def _revoked(partitions: AbstractSet[Partition]) -> None:
    raise AssertionError(partitions)


async def opened(folder: Path, *, changes: int, scanned: int) -> SourceSetup:
    """Return an open source."""
    both = SourceSetup(folder, changes=changes, scanned=scanned)
    await both.source.open(_revoked)
    return both


async def test_changes_are_followed_before_the_store_is_marked_and_come_first(tmp_path: Path) -> None:
    """The full scan fills the rest of a poll."""
    both = await opened(tmp_path, changes=3, scanned=3)
    assert both.changes.opened
    assert both.scan.opened
    assert both.store.positions, "the store is not marked before it is written"
    assert await both.poll(2) == [WIKI, WIKI]
    assert await both.poll(2) == [WIKI, SCAN_PARTITION]
    assert await both.poll(5) == [SCAN_PARTITION, SCAN_PARTITION]


async def test_changes_continue_after_the_end_of_the_scan(tmp_path: Path) -> None:
    """The source does not end with the full scan."""
    both = await opened(tmp_path, changes=0, scanned=1)
    assert await both.poll(5) == [SCAN_PARTITION]
    assert both.state.scanning
    assert await both.poll(5) == []
    assert not both.state.scanning
    both.changes.records = [Record(b"", None, 5, WIKI, 7)]
    assert await both.poll(5) == [WIKI]


async def test_store_is_not_complete_up_to_records_that_still_wait(tmp_path: Path) -> None:
    """The wiki's clock counts when all records of that time have been read."""
    both = await opened(tmp_path, changes=3, scanned=0)
    both.clock.advance(9_000)
    await both.poll(2)
    assert both.state.followed_until == 0
    await both.poll(2)
    assert both.state.followed_until == 9_000


async def test_quiet_wiki_has_a_heartbeat_for_each_progress(tmp_path: Path) -> None:
    """The heartbeat leads to a checkpoint that records the progress."""
    both = await opened(tmp_path, changes=0, scanned=0)
    assert await both.poll(5) == []
    both.clock.advance(9_000)
    assert await both.poll(5) == [HEARTBEAT]
    assert await both.poll(5) == []
    both.clock.advance(10_000)
    assert await both.poll(5) == [HEARTBEAT]


async def test_each_source_commits_its_own_positions(tmp_path: Path) -> None:
    """A heartbeat belongs to none of them."""
    both = await opened(tmp_path, changes=1, scanned=1)
    await both.source.commit({WIKI: 4, SCAN_PARTITION: 5, HEARTBEAT: 6})
    assert (both.changes.committed, both.scan.committed) == ({WIKI: 4}, {SCAN_PARTITION: 5})


async def test_entities_that_could_not_be_fetched_fill_the_rest_of_a_poll(tmp_path: Path) -> None:
    """Each is returned once when it is due, and has no position in any of the sources."""
    both = await opened(tmp_path, changes=1, scanned=0)
    for name in ("Q1", "Q2"):
        both.state.retries.add(name, 0)
    assert await both.poll(2) == [WIKI, RETRY_PARTITION]
    records = await both.source.poll(2, 0.0) or []
    assert [(record.partition, record.value) for record in records] == [(RETRY_PARTITION, b"Q2")]
    assert await both.poll(2) == []
    await both.source.commit({RETRY_PARTITION: 7})
    assert (both.changes.committed, both.scan.committed) == ({}, {})


async def test_progress_of_events_is_the_newest_event_time() -> None:
    """A stream does not report when it has no more events."""
    times = EventProgress()
    times.observe([Record(b"", None, 5, WIKI, 0), Record(b"", None, 3, WIKI, 1), Record(b"", None, None, WIKI, 2)])
    assert times.followed_until() == 5


class RecentChangesWiki:
    """Wiki with these rows."""

    def __init__(self, *rows: dict[str, Any]) -> None:
        self._rows = list(rows)

    async def query(self, parameters: Mapping[str, str], *, tries: int | None = None) -> dict[str, Any]:
        """Return its recent changes."""
        del parameters, tries
        return {"curtimestamp": "1970-01-02T00:00:05Z", "query": {"recentchanges": self._rows}}


@pytest.mark.parametrize(
    ("rows", "reach"),
    [
        ([{"rcid": 1, "timestamp": "1970-01-01T00:00:02Z"}], None),
        ([{"rcid": 7, "timestamp": "1970-01-01T00:00:02Z"}], 2_500),
        ([], 5_000),
    ],
)
async def test_recent_changes_are_retained_back_to_the_oldest_one(
    rows: list[dict[str, Any]], reach: int | None
) -> None:
    """The list with the first change of the wiki has no bound; an empty list is trusted for one day."""
    assert await retention_of_recent_changes(RecentChangesWiki(*rows), overlap=500) == reach
