"""Entities to verify: all of them, or a sample of recently edited ones and of random ones, and those of one side alone.

A wiki of up to `LIST_LIMIT` entities is listed as a whole, and so is its store. Each entity of the list has the same chance,
whatever its type and namespace, and the entities that only one side has are known. A larger wiki is not listed: random numbers
are drawn for each type, in proportion to its largest number, and the ids that exist on either side are taken.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Protocol

from wikistate.adapters.mediawiki.entity_pages import list_entities
from wikistate.core.events.fields import FieldError, Fields
from wikistate.core.updater.entity_id import TYPES
from wikistate.errors import InputError, WikiError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from random import Random

    from wikistate.adapters.mediawiki.wikibase_site import Queries, WikibaseSite

LIST_LIMIT = 100_000
"""Largest number of entities that are listed on each side: 200 requests to a wiki, and some megabytes."""

_MAX_ROWS = 500
"""Largest number of rows that a wiki returns to any client in one answer (API:Data formats, limits)."""

_ROUNDS = 20
"""Number of draws after which a sample stays smaller than requested: the ids of a type have few gaps."""


class StoreIds(Protocol):
    """Index of the entities in a store; see `wikistate.jobs.rdf_sync.store_index.StoreEntityIndex`."""

    async def versions(self, entities: Collection[str]) -> dict[str, int]:
        """Return the revisions of those entities that the store holds."""

    async def largest_number(self, letter: str) -> int:
        """Return the largest number of the ids that begin with a letter."""

    async def count(self) -> int:
        """Return the number of entities with a revision."""

    async def list_ids(self, letter: str) -> set[str]:
        """Return all ids that begin with a letter."""


class Pages(Protocol):
    """Current revisions on the wiki; see `wikistate.adapters.mediawiki.page_info.PageInfoClient`."""

    async def current_revision(self, entity: str) -> int | None:
        """Return the current revision of an entity; None if the wiki has no such page."""


class Sample(NamedTuple):
    """Entities to compare.

    Attributes:
        entities: Distinct ids.
        origin: Description of the choice; one sentence.
        missing: Number of entities of the wiki that the store lacks by the lists of both; they come first.
        extra: Number of entities of the store that the wiki lacks by the lists of both; they come next.
    """

    entities: list[str]
    origin: str
    missing: int = 0
    extra: int = 0


class Sampler:
    """Sampler of the entities of a wiki and its store.

    Args:
        queries: Client of the wiki; open.
        site: Description of the wiki.
        pages: Current revisions on the wiki; open.
        store_ids: Entities of the store.
        random: Source of random numbers.
        list_limit: Largest number of entities that are listed on each side.
    """

    def __init__(
        self,
        queries: Queries,
        site: WikibaseSite,
        pages: Pages,
        store_ids: StoreIds,
        random: Random,
        *,
        list_limit: int = LIST_LIMIT,
    ) -> None:
        self._queries = queries
        self._site = site
        self._pages = pages
        self._store_ids = store_ids
        self._random = random
        self._list_limit = list_limit

    async def sample(self, count: int) -> Sample:
        """Return the entities to compare: `count` of them, or all if there are not more, and those of one side alone.

        Raises:
            WikistateError: The wiki or the store refuses a query.
        """
        on_wiki = await self._list_wiki()
        if on_wiki is None or await self._store_ids.count() > 2 * self._list_limit:
            return await self._sample_numbers(count)
        in_store = {entity for letter in TYPES for entity in await self._store_ids.list_ids(letter)}
        entities = {entity for entity, is_redirect in on_wiki.items() if not is_redirect}
        # A store may hold a redirect or not: the comparison decides.
        missing, extra = sorted(entities - in_store), sorted(in_store - on_wiki.keys())
        one_sided = [*self._take(missing, count), *self._take(extra, count)]
        everything = sorted(on_wiki.keys() | in_store)
        if len(everything) <= count:
            origin = f"All {len(on_wiki):,} entities of the wiki and {len(in_store):,} of the store are compared."
            return Sample(_unique(one_sided, everything), origin, len(missing), len(extra))
        recent = [entity for entity in await self._list_recent_edits() if entity in on_wiki]
        recent = self._take(recent, -(-count // 2))
        rest = [entity for entity in everything if entity not in set(recent)]
        drawn = self._take(rest, count - len(recent))
        origin = (
            f"Of {len(everything):,} entities, {len(recent):,} that were edited recently and {len(drawn):,} drawn at random "
            "from the list of all are compared."
        )
        return Sample(_unique(one_sided, recent, drawn), origin, len(missing), len(extra))

    def _take(self, entities: list[str], count: int) -> list[str]:
        return self._random.sample(entities, min(count, len(entities)))

    async def _list_wiki(self) -> dict[str, bool] | None:
        """Return all entities of the wiki, and whether each is a redirect; None if there are too many."""
        found: dict[str, bool] = {}
        async for batch in list_entities(self._queries, self._site):
            found |= {page.entity: page.is_redirect for page in batch.pages}
            if len(found) > self._list_limit:
                return None
        return found

    async def _list_recent_edits(self) -> list[str]:
        namespaces = self._site.pages.namespaces | self._site.pages.mediainfo_namespaces
        parameters = {
            "list": "recentchanges",
            "rcnamespace": "|".join(map(str, sorted(namespaces))),
            "rctype": "edit|new",
            "rcprop": "title|ids",
            "rclimit": str(_MAX_ROWS),
        }
        found: list[str] = []
        for row in self._read_rows(await self._queries.query(parameters)):
            with suppress(InputError):  # a page that is not an entity, or a row that cannot be read
                number, page_id, title = row.integer("ns"), row.integer("pageid"), row.text("title")
                found.append(str(self._site.pages.parse_entity(number, page_id=page_id, title=title)))
        return list(dict.fromkeys(found))

    def _read_rows(self, document: object) -> list[Fields]:
        try:
            return list(Fields(document).get_fields("query").get_all("recentchanges"))
        except FieldError as error:
            raise WikiError(f"The recent changes of {self._site.domain} cannot be read: {error.message}.") from error

    async def _sample_numbers(self, count: int) -> Sample:
        """Return recently edited entities, and existing ids of random numbers."""
        edited = await self._list_recent_edits()
        recent = self._take(edited, -(-count // 2))
        largest = await self._find_largest_numbers(edited)
        drawn: list[str] = []
        for _ in range(_ROUNDS if largest else 0):
            wanted = count - len(recent) - len(drawn)
            if wanted <= 0:
                break
            letters = self._random.choices(list(largest), weights=list(largest.values()), k=2 * wanted)
            ids = {f"{letter}{self._random.randint(1, largest[letter])}" for letter in letters}
            drawn = _unique(drawn, await self._select_existing(sorted(ids - {*recent, *drawn})))[: count - len(recent)]
        origin = (
            f"The wiki has more than {self._list_limit:,} entities and is not listed: {len(recent):,} that were edited "
            f"recently and {len(drawn):,} with random numbers are compared."
        )
        return Sample(_unique(recent, drawn), origin)

    async def _find_largest_numbers(self, edited: Iterable[str]) -> dict[str, int]:
        """Return the largest known number of each type, from the store and the newest edits."""
        largest = {letter: await self._store_ids.largest_number(letter) for letter in TYPES}
        for entity in edited:
            largest[entity[0]] = max(largest.get(entity[0], 0), int(entity[1:]))
        return {letter: number for letter, number in largest.items() if number}

    async def _select_existing(self, ids: list[str]) -> list[str]:
        """Return the ids that the store or the wiki has, in a random order."""
        held = await self._store_ids.versions(ids)
        found = [entity for entity in ids if entity in held or await self._pages.current_revision(entity) is not None]
        return self._take(found, len(found))


def _unique(*groups: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(entity for group in groups for entity in group))
