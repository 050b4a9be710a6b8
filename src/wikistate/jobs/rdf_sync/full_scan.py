"""The full scan of all entities, as a feed of the entities in which wiki and store differ.

It lists the pages of the wiki batch by batch and compares each batch with the store. Then it lists the entities of the
store that the wiki did not list. Each batch ends with a record without an entity, which carries the position of the scan.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import orjson
import structlog

from wikistate.adapters.connectors.push_source import FeedRecord
from wikistate.adapters.connectors.saved_values import read_saved, read_saved_integer
from wikistate.adapters.mediawiki.entity_pages import ListPosition, list_entities
from wikistate.core.events.fields import FieldError, Fields
from wikistate.core.events.integers import is_integer
from wikistate.core.updater.entity_id import EntityId
from wikistate.jobs.rdf_sync.entity_bitmap import EntityBitmap
from wikistate.streaming.record import Partition, Record

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence

    from wikistate.adapters.connectors.checkpoint import ResumePosition
    from wikistate.adapters.connectors.push_source import Metadata
    from wikistate.adapters.mediawiki.entity_pages import EntityPage
    from wikistate.adapters.mediawiki.wikibase_site import Queries, WikibaseSite
    from wikistate.jobs.rdf_sync.sync_state import SyncState

log = structlog.get_logger(__name__)

SCAN_PARTITION = Partition("rdf-sync.walk")
"""Partition of the records of the full scan."""

FILE = "walk.sqlite"
"""Name of the file of the position of the scan, in the state folder."""

_START_OFFSET_KEY = "walk begun"
"""Key of the metadata entry that holds the first offset of the scan."""

_RESULT_KEY = "walk result"
"""Key of the metadata entry with the numbers of entities that the scan has compared and that failed."""

_LOG_INTERVAL_SECONDS = 10.0  # seconds


class StoreIndex(Protocol):
    """Index of the entities in the store."""

    async def versions(self, entities: Collection[str]) -> dict[str, int]:
        """Return the revisions of those entities that the store holds."""

    def ids(self) -> AsyncIterator[list[str]]:
        """Yield the ids of all entities in the store, batch by batch; the batches may hold ids that the store does not."""


class Discrepancy(NamedTuple):
    """Entity in which wiki and store may differ.

    Attributes:
        entity: Entity id.
        listed: Revision that the wiki lists; None if it does not list the entity.
    """

    entity: str
    listed: int | None


class ScanBatch(NamedTuple):
    """Batch of the full scan.

    Attributes:
        discrepancies: Entities of the batch in which wiki and store differ.
        compared: Number of entities that were compared.
        next_position: Position at which the scan resumes; None at the end.
    """

    discrepancies: list[Discrepancy]
    compared: int
    next_position: ListPosition | None


class FullScanFeed:
    """See `Feed` for the protocol. It ends with the scan.

    Args:
        queries: Client of the wiki; the caller opens and closes it.
        site: The wiki.
        store_index: Index of the entities in the store.
        state: Progress of the run; it decides whether the scan resumes or starts from the beginning.
        clock: Returns seconds of a monotonic clock.
    """

    def __init__(
        self,
        queries: Queries,
        site: WikibaseSite,
        store_index: StoreIndex,
        *,
        state: SyncState,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queries = queries
        self._site = site
        self._store_index = store_index
        self._state = state
        self._clock = clock
        self._listed = EntityBitmap()
        self._offset = 0
        self._position: ListPosition | None = None
        self._batches: AsyncIterator[ScanBatch] | None = None
        self._metadata: Metadata | None = None
        self._progress = _ScanProgress(clock)

    @property
    def identity(self) -> str:
        """See `Feed`."""
        return "walk"

    async def open(self, positions: Mapping[Partition, ResumePosition], metadata: Metadata) -> None:
        """See `Feed`."""
        self._metadata = metadata
        position = positions.get(SCAN_PARTITION)
        self._offset = position.offset if position else 0
        if not self._state.resumes_scan:
            # The position of the previous scan stays until this scan commits its first one, and must not pass for its own.
            await metadata.save_metadata({_START_OFFSET_KEY: str(self._offset)})
        elif position is not None and position.offset > await _load_start_offset(metadata):
            self._position = read_saved("position of the full scan", position.token, _decode_position, file=FILE)
            stored = (await metadata.load_metadata([_RESULT_KEY])).get(_RESULT_KEY, "[0, 0]")
            compared, failed = read_saved("result of the full scan", stored, _decode_result, file=FILE)
            self._state.unread.resume(compared=compared, failed=failed)
        self._batches = self._scan()

    async def receive(self) -> list[FeedRecord] | None:
        """See `Feed`."""
        assert self._batches is not None
        start = self._position
        batch = await anext(self._batches, None)
        await self._store_result(0 if batch is None else batch.compared)
        if batch is None:
            self._progress.finish()
            return None
        self._position = batch.next_position
        self._progress.advance(batch)
        records = [self._build_record(discrepancy, start) for discrepancy in batch.discrepancies]
        return [*records, self._build_record(None, batch.next_position)]

    async def _store_result(self, compared: int) -> None:
        """Store the numbers of entities that were compared and that failed, for a run that resumes the scan."""
        unread = self._state.unread
        unread.compared += compared
        if self._metadata is not None:
            await self._metadata.save_metadata({_RESULT_KEY: orjson.dumps([unread.compared, unread.count]).decode()})

    def token_after(self, partition: Partition, done: Sequence[str]) -> str:  # noqa: ARG002  (there is one partition)
        """See `Feed`."""
        return done[-1]

    def lag(self) -> Mapping[Partition, int]:
        """See `Source`. The lag is unknown, because a wiki does not count its entities."""
        return {}

    async def close(self) -> None:
        """See `Feed`."""

    async def _scan(self) -> AsyncIterator[ScanBatch]:
        self._progress.start(await _count_pages(self._queries))
        async for listed in list_entities(self._queries, self._site, start=self._position):
            self._listed.add(page.entity for page in listed.pages)
            for reason in listed.unreadable:
                log.error("listed_page_unreadable", reason=reason)
                self._state.unread.note_failure(reason, f"UnreadablePage: {reason}")
            held = await self._store_index.versions([page.entity for page in listed.pages])
            # The position after the last page is that of the last page, so that a restart lists the rest of the store again.
            yield ScanBatch(
                list(_find_discrepancies(listed.pages, held)),
                len(listed.pages) + len(listed.unreadable),
                listed.next or self._position,
            )
        async for ids in self._store_index.ids():
            unlisted = [entity for entity in ids if entity not in self._listed]
            held = await self._store_index.versions(unlisted)
            yield ScanBatch([Discrepancy(entity, None) for entity in held], 0, self._position)

    def _build_record(self, discrepancy: Discrepancy | None, position: ListPosition | None) -> FeedRecord:
        self._offset += 1
        record = Record(_encode(discrepancy), None, None, SCAN_PARTITION, self._offset - 1)
        return FeedRecord(record, _encode(position).decode())


class _ScanProgress:
    """Log of the progress of the scan and of the longest time that it will take."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._compared = 0
        self._differing = 0
        self.start(None)

    def start(self, pages: int | None) -> None:
        """Start with the number of pages of the wiki, of which entities are a part; None if it is unknown."""
        self._pages = pages
        self._started_at = self._logged_at = self._clock()

    def advance(self, batch: ScanBatch) -> None:
        self._compared += batch.compared
        self._differing += len(batch.discrepancies)
        if self._clock() - self._logged_at >= _LOG_INTERVAL_SECONDS:
            self._logged_at = self._clock()
            self._log_progress()

    def finish(self) -> None:
        seconds = round(self._clock() - self._started_at, 1)
        log.info("full_scan_finished", done=self._compared, differing=self._differing, seconds=seconds)

    def _log_progress(self) -> None:
        if not self._pages or not self._compared:
            log.info("full_scan_progress", done=self._compared, differing=self._differing)
            return
        left = max(0, self._pages - self._compared)
        seconds = (self._clock() - self._started_at) * left / self._compared
        log.info(
            "full_scan_progress",
            done=self._compared,
            differing=self._differing,
            of_at_most=self._pages,
            minutes_left_at_most=round(seconds / 60),
        )


async def _count_pages(queries: Queries) -> int | None:
    """Return the number of pages of the wiki, of which entities are a part; None if the wiki does not say."""
    document = await queries.query({"meta": "siteinfo", "siprop": "statistics"})
    try:
        return Fields(document).get_fields("query").get_fields("statistics").get_integer("pages")
    except FieldError:
        return None


def decode_discrepancy(value: bytes | None) -> Discrepancy | None:
    """Return the discrepancy of a record of the scan; None if the record only carries a position."""
    found = orjson.loads(value or b"null")
    return None if found is None else Discrepancy(*found)


def split_id_range(letter: str, largest: int, step: int) -> Iterable[list[str]]:
    """Yield the ids of a type of entities up to a number, `step` ids at a time."""
    for start in range(1, largest + 1, step):
        yield [str(EntityId(letter, number)) for number in range(start, min(start + step, largest + 1))]


def _find_discrepancies(pages: Iterable[EntityPage], held: Mapping[str, int]) -> Iterable[Discrepancy]:
    for page in pages:
        if held.get(page.entity) != page.revision:
            yield Discrepancy(page.entity, page.revision)


def _encode(fields: tuple[object, ...] | None) -> bytes:
    return orjson.dumps(None if fields is None else list(fields))


async def _load_start_offset(metadata: Metadata) -> int:
    stored = (await metadata.load_metadata([_START_OFFSET_KEY])).get(_START_OFFSET_KEY, "0")
    return read_saved_integer("start of the full scan", stored, file=FILE)


def _decode_position(stored: Any) -> ListPosition | None:
    match stored:
        case None:
            return None
        case [number, str(title)] if is_integer(number):
            return ListPosition(number, title)
    raise ValueError("not a namespace and a title")


def _decode_result(stored: Any) -> tuple[int, int]:
    compared, failed = stored
    if not (is_integer(compared) and is_integer(failed)):
        raise ValueError("not two numbers")
    return compared, failed
