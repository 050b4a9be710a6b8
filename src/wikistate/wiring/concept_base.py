"""Concept base of a store, compared with the settings: a store with the entities of another wiki is not updated by mistake."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.core.sparql.concept_base import build_concept_base_queries, read_concept_bases
from wikistate.errors import ConfigError
from wikistate.wiring.stores import build_update_target

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wikistate.adapters.triplestore.store import TripleStore
    from wikistate.config.store import StoreSettings

KEY = "store.concept_base"


async def find_other_concept_base(store: TripleStore, settings: StoreSettings) -> str:
    """Return the concept base of the entities in a store if it is not that of the settings; else an empty text.

    Raises:
        StoreError: The store rejects a query.
    """
    return await _find_other(store, settings, build_concept_base_queries(build_update_target(settings)))


async def _find_other(store: TripleStore, settings: StoreSettings, queries: Iterable[str]) -> str:
    ours = {base.rstrip("/") for base in (settings.concept_base, settings.federated_concept_base) if base}
    for query in queries:
        if found := read_concept_bases(await store.query(query)):
            return "" if ours & set(found) else found[0]
    return ""


async def check_concept_base(store: TripleStore, settings: StoreSettings) -> None:
    """Check that an open store has no entities, or those of the concept base of the settings.

    Raises:
        ConfigError: It has the entities of another wiki.
        StoreError: The store rejects a query.
    """
    *of_entities, _ = build_concept_base_queries(build_update_target(settings))
    if found := await _find_other(store, settings, of_entities):
        raise ConfigError(
            f"{KEY} is {settings.concept_base}, but the entities in the store at {settings.location} have {found}: updates would "
            "not reach them.",
            hint=f"Set {KEY} to {found} if the mutations are of that wiki. The entities of several wikis need a graph each: "
            "set store.graph.",
            key=KEY,
        )
