"""The walk over all entities, as a feed: names those in which wiki and store differ.

First the wiki's list of pages, part by part, each compared with what the store holds; then what the store holds and the
list did not have. Each part ends with a record that names nothing and keeps how far the walk is.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple, Protocol

import orjson
import structlog

from wikistate.adapters.connectors.feed import Arrival
from wikistate.adapters.mediawiki.entity_pages import Place as PagePlace
from wikistate.adapters.mediawiki.entity_pages import walk
from wikistate.core.record import Partition, Record
from wikistate.core.updater.entity_id import EntityId, parse_page_entity

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence

    from wikistate.adapters.connectors.checkpoint import Place
    from wikistate.adapters.connectors.feed import Notes
    from wikistate.adapters.mediawiki.entity_pages import EntityPage
    from wikistate.adapters.mediawiki.wikibase_site import Queries, WikibaseSite

log = structlog.get_logger(__name__)

WALK = Partition("rdf-sync.walk")
"""The partition of its records."""

_BEGUN = "walk begun"
"""The note that says at which offset the walk began."""

_TOLD_EVERY = 10.0  # seconds


class Holdings(Protocol):
    """What the store holds."""

    async def versions(self, entities: Collection[str]) -> dict[str, int]:
        """The revisions of those of these entities that it holds."""

    def ids(self) -> AsyncIterator[list[str]]:
        """The ids of all entities that it holds, part by part; some that it does not hold may be among them."""


class Finding(NamedTuple):
    """An entity that is to be looked after.

    Attributes:
        entity: Entity id.
        listed: The revision that the wiki has; None where its list has no such entity.
    """

    entity: str
    listed: int | None


class Part(NamedTuple):
    """A part of the walk. `next` is where it goes on, as `start` of the next walk; None at the end."""

    findings: list[Finding]
    looked_at: int
    next: PagePlace | None


class WalkFeed:
    """See `Feed` for the protocol. Ends when the walk does.

    Args:
        queries: Asks the wiki; opened and closed by others.
        site: The wiki.
        holdings: What the store holds.
        anew: Whether to begin at the beginning, and not where the last run of the walk was.
        clock: Seconds of a clock that only grows.
    """

    def __init__(
        self,
        queries: Queries,
        site: WikibaseSite,
        holdings: Holdings,
        *,
        anew: Callable[[], bool],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._queries = queries
        self._site = site
        self._holdings = holdings
        self._anew = anew
        self._clock = clock
        self._listed = _Listed()
        self._offset = 0
        self._place: PagePlace | None = None
        self._parts: AsyncIterator[Part] | None = None
        self._progress = _Progress(clock)

    @property
    def identity(self) -> str:
        """See `Feed`."""
        return "walk"

    async def open(self, places: Mapping[Partition, Place], notes: Notes) -> None:
        """See `Feed`."""
        place = places.get(WALK)
        self._offset = place.offset if place else 0
        if self._anew():
            # The place of the walk before stays until this one commits its first: it must not be taken for this one's.
            await notes.note({_BEGUN: str(self._offset)})
        elif place is not None and place.offset > int((await notes.notes([_BEGUN])).get(_BEGUN, 0)):
            self._place = _read(place.token)
        self._parts = self._walk()

    async def arrive(self) -> list[Arrival] | None:
        """See `Feed`."""
        assert self._parts is not None
        began = self._place
        part = await anext(self._parts, None)
        if part is None:
            self._progress.done()
            return None
        self._place = part.next
        self._progress.went_on(part)
        arrivals = [self._arrival(finding, began) for finding in part.findings]
        return [*arrivals, self._arrival(None, part.next)]

    def settle(self, partition: Partition, done: Sequence[str]) -> str:  # noqa: ARG002  (there is one)
        """See `Feed`."""
        return done[-1]

    def lag(self) -> Mapping[Partition, int]:
        """See `Source`. Unknown: a wiki does not count its entities."""
        return {}

    async def close(self) -> None:
        """See `Feed`."""

    async def _walk(self) -> AsyncIterator[Part]:
        self._progress.begin(await _pages(self._queries))
        async for stretch in walk(self._queries, self._site, start=self._place):
            self._listed.add(page.entity for page in stretch.pages)
            held = await self._holdings.versions([page.entity for page in stretch.pages])
            # The place behind the last page is that of the last one: what the wiki lacks is looked for after any restart.
            yield Part(list(_differing(stretch.pages, held)), len(stretch.pages), stretch.next or self._place)
        async for ids in self._holdings.ids():
            unlisted = [entity for entity in ids if entity not in self._listed]
            held = await self._holdings.versions(unlisted)
            yield Part([Finding(entity, None) for entity in held], 0, self._place)

    def _arrival(self, finding: Finding | None, place: PagePlace | None) -> Arrival:
        self._offset += 1
        record = Record(_dumped(finding), None, None, WALK, self._offset - 1)
        return Arrival(record, _dumped(place).decode())


class _Listed:
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


class _Progress:
    """Says now and then how far the walk is, and how long it will take at the most."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._looked_at = 0
        self._differing = 0
        self.begin(None)

    def begin(self, pages: int | None) -> None:
        """The wiki has so many pages; not all of them are entities."""
        self._pages = pages
        self._began = self._told = self._clock()

    def went_on(self, part: Part) -> None:
        self._looked_at += part.looked_at
        self._differing += len(part.findings)
        if self._clock() - self._told >= _TOLD_EVERY:
            self._told = self._clock()
            self._log_progress()

    def done(self) -> None:
        seconds = round(self._clock() - self._began, 1)
        log.info("full_scan_finished", done=self._looked_at, differing=self._differing, seconds=seconds)

    def _log_progress(self) -> None:
        if not self._pages or not self._looked_at:
            log.info("full_scan_progress", done=self._looked_at, differing=self._differing)
            return
        left = max(0, self._pages - self._looked_at)
        seconds = (self._clock() - self._began) * left / self._looked_at
        log.info(
            "full_scan_progress",
            done=self._looked_at,
            differing=self._differing,
            of_at_most=self._pages,
            minutes_left_at_most=round(seconds / 60),
        )


async def _pages(queries: Queries) -> int | None:
    """How many pages the wiki has, of which entities are a part; None where it does not say."""
    document = await queries.query({"meta": "siteinfo", "siprop": "statistics"})
    pages = document.get("query", {}).get("statistics", {}).get("pages")
    return pages if isinstance(pages, int) else None


def read_finding(value: bytes | None) -> Finding | None:
    """The finding of a record of the walk; None for one that only says how far it is."""
    found = orjson.loads(value or b"null")
    return None if found is None else Finding(*found)


def id_ranges(letter: str, largest: int, step: int) -> Iterable[list[str]]:
    """The ids of a kind of entities up to a number, so many at a time."""
    for start in range(1, largest + 1, step):
        yield [str(EntityId(letter, number)) for number in range(start, min(start + step, largest + 1))]


def _differing(pages: Iterable[EntityPage], held: Mapping[str, int]) -> Iterable[Finding]:
    for page in pages:
        if held.get(page.entity) != page.revision:
            yield Finding(page.entity, page.revision)


def _dumped(fields: tuple[object, ...] | None) -> bytes:
    return orjson.dumps(None if fields is None else list(fields))


def _read(token: str) -> PagePlace | None:
    found = orjson.loads(token)
    return None if found is None else PagePlace(*found)
