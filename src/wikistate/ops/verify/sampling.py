"""Sample of entities to verify: recently edited ones, some from the wiki, and some from the store.

Only the wiki lists entities that the store lacks, and only the store lists entities that it should not hold. Errors appear
first in entities that are edited.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import chain
from string import ascii_uppercase
from typing import TYPE_CHECKING, Protocol

from wikistate.adapters.mediawiki.entity_pages import ListPosition, list_entities
from wikistate.adapters.mediawiki.page_info import LETTERS_BY_CONTENT_MODEL
from wikistate.core.updater.entity_id import TYPES
from wikistate.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Collection
    from random import Random

    from wikistate.adapters.mediawiki.wikibase_site import Queries, WikibaseSite

_ID_RANGE = 500
"""Number of consecutive ids of the store from which a sample is taken."""

_MAX_ROWS = 500
"""Largest number of rows that a wiki returns to any client in one answer (API:Data formats, limits)."""


class StoreIds(Protocol):
    """Index of the entities in a store; see `wikistate.jobs.rdf_sync.store_index.StoreEntityIndex`."""

    async def versions(self, entities: Collection[str]) -> dict[str, int]:
        """Return the revisions of those entities that the store holds."""

    async def largest_number(self, letter: str) -> int:
        """Return the largest number of the ids that begin with a letter."""


async def sample(queries: Queries, site: WikibaseSite, store_ids: StoreIds, count: int, random: Random) -> list[str]:
    """Return about `count` distinct ids: half of them recently edited, the rest random from the wiki and the store.

    Raises:
        WikistateError: The wiki or the store refuses a query.
    """
    recent = await _sample_recent_edits(queries, site, count, random)
    kinds = max(1, len(site.models) + bool(site.pages.mediainfo_namespaces))
    from_wiki = await _sample_wiki(queries, site, -(-count // 4 // kinds), random)
    from_store = await _sample_store(store_ids, -(-count // 4 // kinds), random)
    return list(dict.fromkeys(chain(recent[: -(-count // 2)], from_wiki, from_store, recent)))[:count]


async def _sample_recent_edits(queries: Queries, site: WikibaseSite, count: int, random: Random) -> list[str]:
    namespaces = site.pages.namespaces | site.pages.mediainfo_namespaces
    parameters = {
        "list": "recentchanges",
        "rcnamespace": "|".join(map(str, sorted(namespaces))),
        "rctype": "edit|new",
        "rcprop": "title|ids",
        "rclimit": str(_MAX_ROWS),
    }
    found: list[str] = []
    for row in (await queries.query(parameters)).get("query", {}).get("recentchanges", ()):
        with suppress(InputError, KeyError):  # a page that is not an entity
            found.append(str(site.pages.parse_entity(row["ns"], page_id=row["pageid"], title=row["title"])))
    unique = list(dict.fromkeys(found))
    return random.sample(unique, min(count, len(unique)))


async def _sample_wiki(queries: Queries, site: WikibaseSite, count: int, random: Random) -> list[str]:
    """Return some ids of each type, from consecutive titles after a random one."""
    chosen: list[str] = []
    for namespace in sorted(site.pages.namespaces | site.pages.mediainfo_namespaces):
        letter = LETTERS_BY_CONTENT_MODEL.get(site.models.get(namespace, ""), "")
        title = f"{letter}{random.randint(1, 99)}" if letter else random.choice(ascii_uppercase)
        for position in (ListPosition(namespace, title), ListPosition(namespace)):
            ids = await _list_ids_from(queries, site, position)
            chosen += random.sample(ids, min(count, len(ids)))
            if ids:
                break
    return chosen


async def _list_ids_from(queries: Queries, site: WikibaseSite, position: ListPosition) -> list[str]:
    async for batch in list_entities(queries, site, start=position):
        return [page.entity for page in batch.pages if page.namespace == position.namespace]
    return []


async def _sample_store(store_ids: StoreIds, count: int, random: Random) -> list[str]:
    """Return some ids of each type, from consecutive numbers after a random one."""
    chosen: list[str] = []
    for letter in TYPES:
        largest = await store_ids.largest_number(letter)
        first = random.randint(1, max(1, largest - _ID_RANGE + 1))
        numbers = range(first, min(first + _ID_RANGE, largest + 1))
        ids = list(await store_ids.versions([f"{letter}{number}" for number in numbers]))
        chosen += random.sample(ids, min(count, len(ids)))
    return chosen
