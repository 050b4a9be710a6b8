"""A feed of recent changes: it polls a wiki for new changes and returns them as page_change events."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import orjson
import structlog

from wikistate.adapters.connectors.push_source import FeedRecord, report_ignored_since, resolve_begin
from wikistate.adapters.connectors.recent_changes.event_builder import ChangeEvent, EventBuilder
from wikistate.adapters.connectors.recent_changes.inventory import Inventory
from wikistate.adapters.connectors.recent_changes.page_cache import PageCache
from wikistate.adapters.connectors.recent_changes.position import ChangeWindow
from wikistate.adapters.connectors.recent_changes.wiki import RecentChangesWiki
from wikistate.adapters.connectors.start_stop import resolve_end
from wikistate.core.events.timestamps import format_timestamp
from wikistate.core.events.wiki_changes import WikiChange, read_changes
from wikistate.core.events.wiki_rows import UnreadableRow, read_log_entries, read_recent_changes
from wikistate.streaming.record import Partition, Record

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence

    from wikistate.adapters.connectors.checkpoint import ResumePosition
    from wikistate.adapters.connectors.connector import WikiQueries
    from wikistate.adapters.connectors.push_source import Metadata
    from wikistate.adapters.connectors.recent_changes.settings import RecentChangesSettings
    from wikistate.adapters.connectors.recent_changes.wiki import ListPart

log = structlog.get_logger(__name__)

_SECOND = 1000  # milliseconds: the precision of the timestamps of a wiki


class RecentChangesFeed:
    """See `Feed` for the protocol. One partition, named after the wiki's domain.

    Args:
        settings: The wiki to read.
        queries: The client of its Action API, which the feed opens and closes.
        caught_up: Called with the time of the wiki, milliseconds since the epoch, when all changes until then were read.
    """

    def __init__(
        self, settings: RecentChangesSettings, queries: WikiQueries, *, caught_up: Callable[[int], None] | None = None
    ) -> None:
        self._settings = settings
        self._caught_up = caught_up
        self._overlap = round(settings.overlap * 1000)
        self._wiki = RecentChangesWiki(queries, settings.api)
        self._parts: AsyncIterator[ListPart] | None = None
        self._end: int | None = None
        self._now = 0
        self._last_request = 0
        self._offset = 0

    @property
    def identity(self) -> str:
        """See `Feed`."""
        return f"recentchanges:{self._settings.api}"

    async def open(self, positions: Mapping[Partition, ResumePosition], metadata: Metadata) -> None:
        """See `Feed`."""
        facts, self._now = await self._wiki.open(
            self._settings.domain, wiki_id=self._settings.wiki_id, other_wiki_ids=self._settings.other_wiki_ids
        )
        self._partition = Partition(facts.domain)
        pages = PageCache(metadata)
        self._inventory = Inventory(self._wiki, pages, max_pages=self._settings.inventory_pages)
        await self._inventory.load(metadata)
        self._event_builder = EventBuilder(self._wiki, facts, pages, self._inventory)
        # Changes of the current second belong to it, so an end that is "now" is the end of this second.
        self._end = resolve_end(self._settings.end, now=self._now + _SECOND)
        reader = f"The source of recent changes of {facts.domain}"
        if place := positions.get(self._partition):
            self._offset = place.offset
            self._seen, self._done = (ChangeWindow.load(place.token, self._overlap) for _ in range(2))
            report_ignored_since(reader, format_timestamp(self._seen.start), self._settings.since)
        else:
            begun = await resolve_begin(metadata, self._settings.since, now=self._now, reader=reader)
            self._seen, self._done = ChangeWindow(self._overlap, begun), ChangeWindow(self._overlap, begun)
        log.info("recent_changes_opened", wiki=facts.domain, since=format_timestamp(self._seen.start))

    async def receive(self) -> list[FeedRecord] | None:
        """See `Feed`."""
        while True:
            if arrivals := await self._next_round():
                return arrivals
            if self._caught_up is not None:
                self._caught_up(self._last_request)
            if self._inventory.is_pending:
                await self._inventory.advance()
                continue
            left = float("inf") if self._end is None else (self._end - self._now) / 1000
            if left <= 0:  # the response without new changes is later than the end
                return None
            await asyncio.sleep(min(self._settings.interval, left))

    def token_after(self, partition: Partition, done: Sequence[str]) -> str:  # noqa: ARG002  (there is one)
        """See `Feed`."""
        self._done.add((identity, time) for token in done for identity, time in orjson.loads(token))
        return self._done.dump()

    def lag(self) -> Mapping[Partition, int]:
        """See `Source`. It is unknown: the wiki does not count its changes."""
        return {}

    async def close(self) -> None:
        """See `Feed`."""
        await self._wiki.close()

    async def _next_round(self) -> list[FeedRecord]:
        """Return the new records of the next part of the list; none at the end of the list."""
        if self._parts is None:
            self._start, self._last_request = self._seen.start, 0
            self._parts = self._wiki.recent_changes(self._start, self._end)
        async for part in self._parts:
            self._now = max(self._now, part.now)
            self._last_request = self._last_request or part.now
            if arrivals := await self._build_records(part):
                return arrivals
        self._parts = None
        return []

    async def _build_records(self, part: ListPart) -> list[FeedRecord]:
        merged, unreadable = await self._merge_log_entries(part)
        changes = [change for change in merged if self._is_new(change.identity, change.timestamp)]
        events = await self._event_builder.build(changes, known=self._seen)
        refused = self._place(unreadable, newest=max((change.timestamp for change in merged), default=self._seen.start))
        self._seen.add((change.identity, change.timestamp) for change in changes)
        self._seen.add((event.identity, event.timestamp) for event in events if isinstance(event, ChangeEvent))
        self._seen.add((row.identity, time) for row, time in refused)
        refused += [(event, event.timestamp or 0) for event in events if isinstance(event, UnreadableRow)]
        return [
            *(self._build_record(event) for event in events if isinstance(event, ChangeEvent)),
            *(self._build_refusal(row, time) for row, time in refused),
        ]

    def _place(self, rows: Iterable[UnreadableRow], *, newest: int) -> list[tuple[UnreadableRow, int]]:
        """Return the rows that are new, with their times. The time of a row without one is that of the newest change.

        It is not before the real time, so that the row is known as long as the wiki lists it.
        """
        placed = [(row, newest if row.timestamp is None else row.timestamp) for row in rows]
        return [(row, time) for row, time in placed if self._is_new(row.identity, time)]

    async def _merge_log_entries(self, part: ListPart) -> tuple[list[WikiChange], list[UnreadableRow]]:
        """Return the changes of a part with the log entries of the same time, and the rows that cannot be read."""
        rows = read_recent_changes(part.rows)
        recent = read_changes(rows.readable, [])
        upto = self._end if part.is_last else max((change.timestamp for change in recent), default=self._start)
        logged = read_log_entries(await self._wiki.log_entries(self._start, upto))
        changes = read_changes(rows.readable, logged.readable)
        if not part.is_last:
            self._start = max(self._start, upto or 0)
        return changes, [*rows.unreadable, *logged.unreadable]

    def _is_new(self, identity: str, timestamp: int) -> bool:
        in_time = self._end is None or timestamp < self._end
        return in_time and timestamp >= self._seen.start and identity not in self._seen

    def _build_record(self, event: ChangeEvent) -> FeedRecord:
        self._offset += 1
        value = orjson.dumps(event.event)
        record = Record(value, None, event.timestamp, self._partition, self._offset - 1)
        return FeedRecord(record, orjson.dumps(event.covered_changes).decode())

    def _build_refusal(self, row: UnreadableRow, time: int) -> FeedRecord:
        """Return the record of a change that cannot be read. The job writes an error event with the row."""
        self._offset += 1
        reason = (
            f"A change of {self._settings.api} cannot be read: {row.reason}. Check that no proxy changes its answers."
        )
        record = Record(row.value, None, time, self._partition, self._offset - 1, refusal=reason)
        log.error("change_unreadable", wiki=self._partition.topic, reason=row.reason, changed_at=format_timestamp(time))
        return FeedRecord(record, orjson.dumps([(row.identity, time)]).decode())
