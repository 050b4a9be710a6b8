"""Samples of the entities of a wiki and its store: all of them, or each with the same chance."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import TYPE_CHECKING, Any

import pytest

from wikistate.adapters.mediawiki.wikibase_site import WikibaseSite
from wikistate.core.updater.entity_pages import EntityPages
from wikistate.ops.verify.sampling import Sample, Sampler

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

NAMESPACES = {"Q": 120, "P": 122, "L": 146}
MODELS = {120: "wikibase-item", 122: "wikibase-property", 146: "wikibase-lexeme"}
SITE = WikibaseSite(
    domain="wiki.example",
    wiki_id="wiki",
    concept_uri="http://wiki.example",
    entity_data="http://wiki.example/wiki/Special:EntityData/",
    models=MODELS,
    pages=EntityPages(domain="wiki.example", namespaces=frozenset(MODELS), prefixes=("Item:", "Property:", "Lexeme:")),
    names={120: "Item", 122: "Property", 146: "Lexeme"},
)


class BothSides:
    """A wiki and a store; see `Queries`, `Pages` and `StoreIds` for the protocols."""

    def __init__(self, wiki: Collection[str], store: Collection[str], *, edited: Collection[str] = ()) -> None:
        self.wiki, self.store, self.edited = list(wiki), set(store), list(edited)

    async def query(self, parameters: Mapping[str, str], *, tries: int | None = None) -> dict[str, Any]:
        """Return a whole namespace, or the recent changes."""
        del tries
        if "list" in parameters:
            return {"query": {"recentchanges": [self._page(entity) for entity in self.edited]}}
        found = [self._page(entity) for entity in self.wiki if str(NAMESPACES[entity[0]]) == parameters["gapnamespace"]]
        return {"query": {"pages": found}} if found else {}

    def _page(self, entity: str) -> dict[str, Any]:
        number = NAMESPACES[entity[0]]
        title = f"{SITE.names[number]}:{entity}"
        return {"pageid": 1, "ns": number, "title": title, "lastrevid": 5, "contentmodel": MODELS[number]}

    async def current_revision(self, entity: str) -> int | None:
        """Return a revision."""
        return 5 if entity in self.wiki else None

    async def versions(self, entities: Collection[str]) -> dict[str, int]:
        """Return the revisions in the store."""
        return dict.fromkeys(self.store.intersection(entities), 5)

    async def largest_number(self, letter: str) -> int:
        """Return the largest number in the store."""
        return max((int(entity[1:]) for entity in self.store if entity[0] == letter), default=0)

    async def count(self) -> int:
        """Return the size of the store."""
        return len(self.store)

    async def list_ids(self, letter: str) -> set[str]:
        """Return the ids in the store."""
        return {entity for entity in self.store if entity[0] == letter}

    async def sample(self, count: int, *, seed: int = 1, list_limit: int = 1000) -> Sample:
        """Return a sample."""
        return await Sampler(self, SITE, self, self, Random(seed), list_limit=list_limit).sample(count)


def ids(letter: str, count: int) -> list[str]:
    """Return ids of a type."""
    return [f"{letter}{number}" for number in range(1, count + 1)]


ALL = [*ids("Q", 80), *ids("P", 12), *ids("L", 8)]


@pytest.mark.parametrize("count", [100, 101, 1000])
async def test_sample_as_large_as_the_wiki_is_all_of_it(count: int) -> None:
    """Nothing is drawn, and nothing is left out."""
    sample = await BothSides(ALL, ALL, edited=["Q3"]).sample(count)
    assert sorted(sample.entities) == sorted(ALL)
    assert sample.origin == "All 100 entities of the wiki and 100 of the store are compared."


async def test_entities_of_the_store_alone_belong_to_all() -> None:
    """A store may hold what the wiki never had, or has deleted."""
    sample = await BothSides(ALL, [*ALL, "Q900", "P77"]).sample(200)
    assert {"Q900", "P77"} <= set(sample.entities)
    assert (sample.missing, sample.extra) == (0, 2)


async def test_number_of_a_sample_is_the_number_requested() -> None:
    """Half of it was edited recently, if so many were."""
    edited = ["Q1", "Q2", "P1", "Q2"]
    sample = await BothSides(ALL, ALL, edited=edited).sample(20)
    assert len(sample.entities) == len(set(sample.entities)) == 20
    assert set(edited) <= set(sample.entities)
    many = await BothSides(ALL, ALL, edited=ids("Q", 70)).sample(20)
    assert len(many.entities) == 20


@pytest.mark.parametrize("list_limit", [1000, 5], ids=["listed", "by number"])
async def test_each_entity_has_the_same_chance(list_limit: int) -> None:
    """In 400 samples of 10 of 100 entities, each is expected 40 times, whatever its type and place in the list."""
    both = BothSides(ALL, ALL)
    drawn = Counter[str]()
    for seed in range(400):
        drawn.update((await both.sample(10, seed=seed, list_limit=list_limit)).entities)
    assert set(drawn) == set(ALL)
    assert max(abs(drawn[entity] - 40) for entity in ALL) < 28, "more than four standard deviations"


@pytest.mark.parametrize("held", [0, 10, 90])
async def test_entities_of_one_side_come_first(held: int) -> None:
    """A store that is much smaller than the wiki is found by a sample of any size."""
    sample = await BothSides(ALL, ALL[:held]).sample(5)
    assert set(sample.entities[:5]) <= set(ALL[held:])
    assert (sample.missing, sample.extra) == (100 - held, 0)


async def test_numbers_reach_entities_that_the_store_lacks() -> None:
    """The largest number is that of the store or of the newest edit; gaps are drawn again."""
    both = BothSides(ids("Q", 200)[::2], ids("Q", 20), edited=["Q199"])
    sample = await both.sample(40, list_limit=5)
    assert len(sample.entities) == 40
    assert set(sample.entities) <= {*ids("Q", 200)[::2], *ids("Q", 20)}
    assert max(int(entity[1:]) for entity in sample.entities) > 20
    assert "is not listed" in sample.origin


async def test_empty_wiki_and_store_have_no_sample() -> None:
    """Nothing is drawn without end."""
    assert (await BothSides([], []).sample(5)).entities == []
    assert (await BothSides([], []).sample(5, list_limit=0)).entities == []
