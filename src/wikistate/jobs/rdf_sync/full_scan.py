"""The walk over all entities, as a feed: names those in which wiki and store differ.

First the wiki's list of pages, part by part, each compared with what the store holds; then what the store holds and the
list did not have. Each part ends with a record that names nothing and keeps how far the walk is.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

import orjson
import structlog

from wikistate.adapters.connectors.push_source import FeedRecord
from wikistate.adapters.mediawiki.entity_pages import ListPosition as PagePlace
from wikistate.adapters.mediawiki.entity_pages import list_entities
from wikistate.core.updater.entity_id import EntityId, parse_page_entity
from wikistate.streaming.record import Partition, Record

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence

    from wikistate.adapters.connectors.checkpoint import ResumePosition
    from wikistate.adapters.connectors.push_source import Metadata
    from wikistate.adapters.mediawiki.entity_pages import EntityPage
    from wikistate.adapters.mediawiki.wikibase_site import Queries, WikibaseSite

log = structlog.get_logger(__name__)

SCAN_PARTITION = Partition("rdf-sync.walk")
"""The partition of its records."""

_START_OFFSET_KEY = "walk begun"
"""The note that says at which offset the walk began."""

_LOG_INTERVAL_SECONDS = 10.0  # seconds


class StoreIndex(Protocol):
    """What the store holds."""

    async def versions(self, entities: Collection[str]) -> dict[str, int]:
        """The revisions of those of these entities that it holds."""

    def ids(self) -> AsyncIterator[list[str]]:
        """The ids of all entities that it holds, part by part; some that it does not hold may be among them."""


class Discrepancy(NamedTuple):
    """An entity that is to be looked after.

    Attributes:
        entity: Entity id.
        listed: The revision that the wiki has; None where its list has no such entity.
    """

    entity: str
    listed: int | None


class ScanBatch(NamedTuple):
    """A part of the walk. `next_position` is where it goes on, as `start` of the next walk; None at the end."""

    discrepancies: list[Discrepancy]
    compared: int
    next_position: PagePlace | None


class FullScanFeed:
    """See `Feed` for the protocol. Ends when the walk does.

    Args:
        queries: Asks the wiki; opened and closed by others.
        site: The wiki.
        store_index: What the store holds.
        from_start: Whether to begin at the beginning, and not where the last run of the walk was.
        clock: Seconds of a clock that only grows.
    """

    def __init__(
        self,
        queries: Queries,
        site: WikibaseSite,
        store_index: StoreIndex,
        *,
        from_start: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queries = queries
        self._site = site
        self._store_index = store_index
        self._from_start = from_start
        self._clock = clock
        self._listed = _EntityBitmap()
        self._offset = 0
        self._position: PagePlace | None = None
        self._batches: AsyncIterator[ScanBatch] | None = None
        self._progress = _ScanProgress(clock)

    @property
    def identity(self) -> str:
        """See `Feed`."""
        return "walk"

    async def open(self, positions: Mapping[Partition, ResumePosition], metadata: Metadata) -> None:
        """See `Feed`."""
        place = positions.get(SCAN_PARTITION)
        self._offset = place.offset if place else 0
        if self._from_start():
            # The place of the walk before stays until this one commits its first: it must not be taken for this one's.
            await metadata.save_metadata({_START_OFFSET_KEY: str(self._offset)})
        elif place is not None and place.offset > int(
            (await metadata.load_metadata([_START_OFFSET_KEY])).get(_START_OFFSET_KEY, 0)
        ):
            self._position = _decode_position(place.token)
        self._batches = self._scan()

    async def receive(self) -> list[FeedRecord] | None:
        """See `Feed`."""
        assert self._batches is not None
        began = self._position
        part = await anext(self._batches, None)
        if part is None:
            self._progress.finish()
            return None
        self._position = part.next_position
        self._progress.advance(part)
        arrivals = [self._build_record(finding, began) for finding in part.discrepancies]
        return [*arrivals, self._build_record(None, part.next_position)]

    def token_after(self, partition: Partition, done: Sequence[str]) -> str:  # noqa: ARG002  (there is one)
        """See `Feed`."""
        return done[-1]

    def lag(self) -> Mapping[Partition, int]:
        """See `Source`. Unknown: a wiki does not count its entities."""
        return {}

    async def close(self) -> None:
        """See `Feed`."""

    async def _scan(self) -> AsyncIterator[ScanBatch]:
        self._progress.start(await _count_pages(self._queries))
        async for stretch in list_entities(self._queries, self._site, start=self._position):
            self._listed.add(page.entity for page in stretch.pages)
            held = await self._store_index.versions([page.entity for page in stretch.pages])
            # The place behind the last page is that of the last one: what the wiki lacks is looked for after any restart.
            yield ScanBatch(
                list(_find_discrepancies(stretch.pages, held)), len(stretch.pages), stretch.next or self._position
            )
        async for ids in self._store_index.ids():
            unlisted = [entity for entity in ids if entity not in self._listed]
            held = await self._store_index.versions(unlisted)
            yield ScanBatch([Discrepancy(entity, None) for entity in held], 0, self._position)

    def _build_record(self, discrepancy: Discrepancy | None, position: PagePlace | None) -> FeedRecord:
        self._offset += 1
        record = Record(_encode(discrepancy), None, None, SCAN_PARTITION, self._offset - 1)
        return FeedRecord(record, _encode(position).decode())


class _EntityBitmap:
    """The entities that were listed, a bit for each: a hundred million of them take some megabytes."""

    def __init__(self) -> None:
        self._bits: dict[str, bytearray] = {}

    def add(self, entities: Iterable[str]) -> None:
        for entity in entities:
            letter, number, _ = parse_page_entity(entity)
            bits = self._bits.setdefault(letter, bytearray())
            if number >> 3 >= len(bits):
                bits.extend(bytes((number >> 3) + 1 - len(bits)))
            bits[number >> 3] |= 1 << (number & 7)

    def __contains__(self, entity: str) -> bool:
        letter, number, _ = parse_page_entity(entity)
        bits = self._bits.get(letter, b"")
        return number >> 3 < len(bits) and bool(bits[number >> 3] & 1 << (number & 7))


class _ScanProgress:
    """Says now and then how far the walk is, and how long it will take at the most."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._compared = 0
        self._differing = 0
        self.start(None)

    def start(self, pages: int | None) -> None:
        """The wiki has so many pages; not all of them are entities."""
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
    """How many pages the wiki has, of which entities are a part; None where it does not say."""
    document = await queries.query({"meta": "siteinfo", "siprop": "statistics"})
    pages = document.get("query", {}).get("statistics", {}).get("pages")
    return pages if isinstance(pages, int) else None


def decode_discrepancy(value: bytes | None) -> Discrepancy | None:
    """The finding of a record of the walk; None for one that only says how far it is."""
    found = orjson.loads(value or b"null")
    return None if found is None else Discrepancy(*found)


def split_id_range(letter: str, largest: int, step: int) -> Iterable[list[str]]:
    """The ids of a kind of entities up to a number, so many at a time."""
    for start in range(1, largest + 1, step):
        yield [str(EntityId(letter, number)) for number in range(start, min(start + step, largest + 1))]


def _find_discrepancies(pages: Iterable[EntityPage], held: Mapping[str, int]) -> Iterable[Discrepancy]:
    for page in pages:
        if held.get(page.entity) != page.revision:
            yield Discrepancy(page.entity, page.revision)


def _encode(fields: tuple[object, ...] | None) -> bytes:
    return orjson.dumps(None if fields is None else list(fields))


def _decode_position(token: str) -> PagePlace | None:
    found = orjson.loads(token)
    return None if found is None else PagePlace(*found)
