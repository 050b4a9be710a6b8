"""Following and walking side by side: in which order records come, and up to when the store is said to be complete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.jobs.rdf_sync.durable import Durable

from wikistate.jobs.rdf_sync.catch_up_source import HEARTBEAT, CatchUpSource
from wikistate.jobs.rdf_sync.checkpoint_marker import CheckpointGenerationFile, CheckpointMarkingSink, marker_partition
from wikistate.jobs.rdf_sync.full_scan import SCAN_PARTITION
from wikistate.jobs.rdf_sync.source_progress import EventProgress, WikiProgress, retention_of_recent_changes
from wikistate.jobs.rdf_sync.sync_state import SyncState
from wikistate.streaming.record import Partition, Record

if TYPE_CHECKING:
    from collections.abc import Mapping
    from collections.abc import Set as AbstractSet
    from pathlib import Path

WIKI = Partition("wikibase.example")


class Listed:
    """A source that hands over what is in a list, and is at its end when told so."""

    def __init__(self, partition: Partition, count: int, *, ends: bool) -> None:
        self.records = [Record(b"", None, 1_000 + number, partition, number) for number in range(count)]
        self.ends = ends
        self.opened = False
        self.committed: dict[Partition, int] = {}

    async def open(self, on_revoked: object) -> None:
        """Note it."""
        del on_revoked
        self.opened = True

    async def poll(self, limit: int, wait: float) -> list[Record] | None:
        """The next ones, without waiting."""
        del wait
        if not self.records and self.ends:
            return None
        found, self.records = self.records[:limit], self.records[limit:]
        return found

    async def commit(self, positions: Mapping[Partition, int]) -> None:
        """Note it."""
        self.committed |= positions

    def lag(self) -> Mapping[Partition, int]:
        """Unknown."""
        return {}

    async def close(self) -> None:
        """Nothing is to be closed."""


class SourceSetup:
    """A source of both, over an empty store."""

    def __init__(self, folder: Path, *, changes: int, walked: int) -> None:
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
        self.changes = Listed(WIKI, changes, ends=False)
        self.scan = Listed(SCAN_PARTITION, walked, ends=True)
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
        """The partitions of the next records."""
        return [record.partition for record in await self.source.poll(limit, 0.0) or ()]


async def _always() -> int | None:
    return None


async def _revoked(partitions: AbstractSet[Partition]) -> None:
    raise AssertionError(partitions)


async def opened(folder: Path, *, changes: int, walked: int) -> SourceSetup:
    """Open."""
    both = SourceSetup(folder, changes=changes, walked=walked)
    await both.source.open(_revoked)
    return both


async def test_following_has_begun_when_the_store_is_marked_and_comes_first(tmp_path: Path) -> None:
    """The walk fills what room there is."""
    both = await opened(tmp_path, changes=3, walked=3)
    assert both.changes.opened
    assert both.scan.opened
    assert both.store.positions, "the store is not marked before it is written"
    assert await both.poll(2) == [WIKI, WIKI]
    assert await both.poll(2) == [WIKI, SCAN_PARTITION]
    assert await both.poll(5) == [SCAN_PARTITION, SCAN_PARTITION]


async def test_the_walk_is_over_when_it_says_so_and_following_goes_on(tmp_path: Path) -> None:
    """The source does not end with the walk."""
    both = await opened(tmp_path, changes=0, walked=1)
    assert await both.poll(5) == [SCAN_PARTITION]
    assert both.state.scanning
    assert await both.poll(5) == []
    assert not both.state.scanning
    both.changes.records = [Record(b"", None, 5, WIKI, 7)]
    assert await both.poll(5) == [WIKI]


async def test_what_has_arrived_and_is_not_yet_handed_over_is_not_complete(tmp_path: Path) -> None:
    """The wiki's clock counts when the records of that time have been read, all of them."""
    both = await opened(tmp_path, changes=3, walked=0)
    both.clock.advance(9_000)
    await both.poll(2)
    assert both.state.followed_until == 0
    await both.poll(2)
    assert both.state.followed_until == 9_000


async def test_of_a_quiet_wiki_there_is_a_pulse_now_and_then(tmp_path: Path) -> None:
    """One each time that it was followed further, so that a checkpoint is taken, which says so."""
    both = await opened(tmp_path, changes=0, walked=0)
    assert await both.poll(5) == []
    both.clock.advance(9_000)
    assert await both.poll(5) == [HEARTBEAT]
    assert await both.poll(5) == []
    both.clock.advance(10_000)
    assert await both.poll(5) == [HEARTBEAT]


async def test_each_commits_what_is_its_own(tmp_path: Path) -> None:
    """A pulse is nobody's."""
    both = await opened(tmp_path, changes=1, walked=1)
    await both.source.commit({WIKI: 4, SCAN_PARTITION: 5, HEARTBEAT: 6})
    assert (both.changes.committed, both.scan.committed) == ({WIKI: 4}, {SCAN_PARTITION: 5})


async def test_events_were_followed_up_to_the_newest_of_them() -> None:
    """A stream does not say when there is nothing more."""
    times = EventProgress()
    times.observe([Record(b"", None, 5, WIKI, 0), Record(b"", None, 3, WIKI, 1), Record(b"", None, None, WIKI, 2)])
    assert times.followed_until() == 5


class Answering:
    """A wiki with these rows."""

    def __init__(self, *rows: dict[str, Any]) -> None:
        self._rows = list(rows)

    async def query(self, parameters: Mapping[str, str], *, tries: int | None = None) -> dict[str, Any]:
        """Its recent changes."""
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
async def test_recent_changes_reach_back_to_the_oldest_that_is_there(
    rows: list[dict[str, Any]], reach: int | None
) -> None:
    """To the beginning where the first is; where there is none, a day is trusted to be too short to forget."""
    assert await retention_of_recent_changes(Answering(*rows), overlap=500) == reach
