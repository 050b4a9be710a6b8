"""Query of a store that a user wrote, with the prefixes of the wiki that the store follows."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

from wikistate.core.sparql.concept_base import build_concept_base_queries, read_concept_bases
from wikistate.core.sparql.query_text import build_prefixes, find_undeclared
from wikistate.errors import StoreError
from wikistate.wiring.stores import build_query_service, build_update_target, build_uris

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.adapters.triplestore.query_answer import QueryAnswer
    from wikistate.adapters.triplestore.query_service import QueryService
    from wikistate.config.store import StoreSettings

_SAMPLE = 1000


class AnsweredQuery(NamedTuple):
    """Answer to a query.

    Attributes:
        answer: The answer.
        prefixes: Prefixes of the wiki, to abbreviate IRIs.
    """

    answer: QueryAnswer
    prefixes: Mapping[str, str]


async def query_store(settings: StoreSettings, query: str, *, limit: int, seconds: float) -> AnsweredQuery:
    """Return the answer of a store to a query.

    Args:
        settings: Settings of the store.
        query: Text of the query.
        limit: Largest number of rows or triples.
        seconds: Longest time for the answer.

    Raises:
        ConfigError: The query is not valid, there is no such store, or a setting is wrong.
        StoreError: The store does not answer in time, or fails.
    """
    service = build_query_service(settings, timeout=seconds)
    try:
        async with asyncio.timeout(seconds):
            await service.open()
            settings = await _with_concept_base(service, settings)
            prefixes = build_prefixes(build_uris(settings))
            return AnsweredQuery(await service.answer(query, find_undeclared(query, prefixes), limit=limit), prefixes)
    except TimeoutError:
        raise StoreError(
            f"The query has no answer after {seconds:g} seconds.",
            hint="Allow more time with --timeout, or ask for less: LIMIT, fewer variables, a triple that names an entity.",
        ) from None
    finally:
        await service.close()


async def _with_concept_base(service: QueryService, settings: StoreSettings) -> StoreSettings:
    """Return the settings with the concept base of the entities in the store, unless they state one."""
    if "concept_base" in settings.model_fields_set:
        return settings
    for query in build_concept_base_queries(build_update_target(settings)):
        if found := read_concept_bases((await service.answer(query, {}, limit=_SAMPLE)).rows):
            return settings.model_copy(update={"concept_base": found[0]})
    return settings
