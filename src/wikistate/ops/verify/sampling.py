"""Which entities are looked at, where not all can be: some that were edited lately, some of the wiki's, some of the store's.

Only the wiki knows what the store lacks, and only the store what it has too much. What is edited goes wrong first.
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
"""Ids of the store in a row of which some are taken."""

_MAX_ROWS = 500
"""Rows that a wiki gives everybody in one answer (API:Data formats, limits)."""


class StoreIds(Protocol):
    """What a store knows of its entities; see `wikistate.jobs.rdf_sync.store_index.StoreHoldings`."""

    async def versions(self, entities: Collection[str]) -> dict[str, int]:
        """The revisions that it holds of these."""

    async def largest_number(self, letter: str) -> int:
        """The largest number of an id that begins with a letter."""


async def sample(queries: Queries, site: WikibaseSite, store_ids: StoreIds, count: int, random: Random) -> list[str]:
    """About so many ids, each once: half edited lately, and the rest from anywhere in the wiki and in the store.

    Raises:
        WikistateError: One of them refuses.
    """
    recent = await _sample_recent_edits(queries, site, count, random)
    kinds = max(1, len(site.models) + bool(site.pages.mediainfo_namespaces))
    anywhere = await _sample_wiki(queries, site, -(-count // 4 // kinds), random)
    stored = await _sample_store(store_ids, -(-count // 4 // kinds), random)
    return list(dict.fromkeys(chain(recent[: -(-count // 2)], anywhere, stored, recent)))[:count]


async def _sample_recent_edits(queries: Queries, site: WikibaseSite, count: int, random: Random) -> list[str]:
    namespaces = site.pages.namespaces | site.pages.mediainfo_namespaces
    asked = {
        "list": "recentchanges",
        "rcnamespace": "|".join(map(str, sorted(namespaces))),
        "rctype": "edit|new",
        "rcprop": "title|ids",
        "rclimit": str(_MAX_ROWS),
    }
    found: list[str] = []
    for row in (await queries.query(asked)).get("query", {}).get("recentchanges", ()):
        with suppress(InputError, KeyError):  # a page of another kind beside the entities
            found.append(str(site.pages.parse_entity(row["ns"], page_id=row["pageid"], title=row["title"])))
    unique = list(dict.fromkeys(found))
    return random.sample(unique, min(count, len(unique)))


async def _sample_wiki(queries: Queries, site: WikibaseSite, count: int, random: Random) -> list[str]:
    """Some of each kind: of the pages that follow each other in the order of titles from anywhere on."""
    chosen: list[str] = []
    for namespace in sorted(site.pages.namespaces | site.pages.mediainfo_namespaces):
        letter = LETTERS_BY_CONTENT_MODEL.get(site.models.get(namespace, ""), "")
        title = f"{letter}{random.randint(1, 99)}" if letter else random.choice(ascii_uppercase)
        for place in (ListPosition(namespace, title), ListPosition(namespace)):
            ids = await _list_ids_from(queries, site, place)
            chosen += random.sample(ids, min(count, len(ids)))
            if ids:
                break
    return chosen


async def _list_ids_from(queries: Queries, site: WikibaseSite, place: ListPosition) -> list[str]:
    async for stretch in list_entities(queries, site, start=place):
        return [page.entity for page in stretch.pages if page.namespace == place.namespace]
    return []


async def _sample_store(store_ids: StoreIds, count: int, random: Random) -> list[str]:
    """Some of each kind: of the ids that follow each other in number from anywhere on."""
    chosen: list[str] = []
    for letter in TYPES:
        largest = await store_ids.largest_number(letter)
        first = random.randint(1, max(1, largest - _ID_RANGE + 1))
        numbers = range(first, min(first + _ID_RANGE, largest + 1))
        ids = list(await store_ids.versions([f"{letter}{number}" for number in numbers]))
        chosen += random.sample(ids, min(count, len(ids)))
    return chosen
