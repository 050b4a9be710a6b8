"""The walk over all entities: what it names, and where it goes on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from wikistate.adapters.connectors.checkpoint import ResumePosition
from wikistate.adapters.mediawiki.wikibase_site import WikibaseSite
from wikistate.core.updater.entity_pages import EntityPages
from wikistate.core.updater.startup import StartupMode
from wikistate.jobs.rdf_sync.full_scan import (
    SCAN_PARTITION,
    Discrepancy,
    FullScanFeed,
    decode_discrepancy,
    split_id_range,
)
from wikistate.jobs.rdf_sync.sync_state import SyncState
from wikistate.testing.clock import ManualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping

    from wikistate.adapters.connectors.push_source import FeedRecord

SITE = WikibaseSite(
    domain="wikibase.example",
    wiki_id="wikibasewiki",
    concept_uri="http://wikibase.example",
    entity_data="https://wikibase.example/wiki/Special:EntityData/",
    models={120: "wikibase-item"},
    pages=EntityPages(domain="wikibase.example", namespaces=frozenset({120}), prefixes=("Item:",)),
    names={120: "Item"},
)
AT_ONCE = 3


class Listing:
    """A wiki that lists its items, three at a time in the order of their titles."""

    def __init__(self, revisions: Mapping[str, int]) -> None:
        self.revisions = dict(revisions)

    async def query(self, parameters: Mapping[str, str], *, tries: int | None = None) -> dict[str, Any]:
        """Any part of the list."""
        del tries
        if "meta" in parameters:
            return {"query": {"statistics": {"pages": 100}}}
        start = parameters.get("gapfrom", "")
        names = sorted(name for name in self.revisions if name >= start)
        rows = [self._row(name) for name in names[:AT_ONCE]]
        more = {"continue": {"gapcontinue": names[AT_ONCE]}} if len(names) > AT_ONCE else {}
        return {"query": {"pages": rows}} | more

    def _row(self, name: str) -> dict[str, Any]:
        page = {"pageid": int(name[1:]), "ns": 120, "title": f"Item:{name}", "contentmodel": "wikibase-item"}
        return page | {"lastrevid": self.revisions[name]}


class MemoryStoreIndex:
    """A store that holds revisions of entities."""

    def __init__(self, revisions: Mapping[str, int]) -> None:
        self.revisions = dict(revisions)

    async def versions(self, entities: Collection[str]) -> dict[str, int]:
        """Those of these that it holds."""
        return {entity: self.revisions[entity] for entity in entities if entity in self.revisions}

    async def ids(self) -> AsyncIterator[list[str]]:
        """All ids up to 20."""
        for ids in split_id_range("Q", 20, 7):
            yield ids


class Kept:
    """Notes in memory."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    async def load_metadata(self, names: Iterable[str]) -> dict[str, str]:
        """What was noted."""
        return {name: self.values[name] for name in names if name in self.values}

    async def save_metadata(self, values: Mapping[str, str]) -> None:
        """Keep notes."""
        self.values |= values


def feed(
    wiki: Listing, store: MemoryStoreIndex, *, from_start: bool = True, clock: Callable[[], float] = time.monotonic
) -> FullScanFeed:
    """The walk."""
    mode = StartupMode.NO_CHECKPOINT if from_start else StartupMode.RESUME_SCAN
    return FullScanFeed(wiki, SITE, store, state=SyncState(startup_mode=mode), clock=clock)


async def walked(walk: FullScanFeed) -> list[FeedRecord]:
    """All that arrives until the end."""
    found: list[FeedRecord] = []
    while (arrivals := await walk.receive()) is not None:
        found += arrivals
    return found


def discrepancies(arrivals: Iterable[FeedRecord]) -> set[Discrepancy]:
    """The entities that they name."""
    return {finding for arrival in arrivals if (finding := decode_discrepancy(arrival.record.value)) is not None}


REVISIONS = st.dictionaries(st.integers(1, 20).map(lambda number: f"Q{number}"), st.integers(1, 3))


@given(wiki=REVISIONS, store=REVISIONS)
async def test_exactly_those_are_named_in_which_the_two_differ(wiki: dict[str, int], store: dict[str, int]) -> None:
    """With the revision that the wiki has; without one where it has none."""
    walk = feed(Listing(wiki), MemoryStoreIndex(store))
    await walk.open({}, Kept())
    differ = {entity for entity in wiki.keys() | store.keys() if wiki.get(entity) != store.get(entity)}
    assert discrepancies(await walked(walk)) == {Discrepancy(entity, wiki.get(entity)) for entity in differ}


@pytest.mark.parametrize("done", range(12))
async def test_a_walk_that_was_cut_off_goes_on_where_it_was(done: int) -> None:
    """Nothing between is left out, whatever record was the last that was done; what the store alone has is found, too."""
    wiki = Listing({f"Q{number}": 2 for number in range(1, 10)})
    store, kept = MemoryStoreIndex({"Q3": 2, "Q15": 1}), Kept()
    first = feed(wiki, store)
    await first.open({}, kept)
    before = (await walked(first))[: done + 1]
    place = ResumePosition(
        before[-1].record.offset + 1, first.token_after(SCAN_PARTITION, [arrival.token for arrival in before])
    )
    second = feed(wiki, store, from_start=False)
    await second.open({SCAN_PARTITION: place}, kept)
    wanted = {Discrepancy(f"Q{number}", 2) for number in range(1, 10) if number != 3} | {Discrepancy("Q15", None)}
    after = await walked(second)
    assert {each for each in discrepancies(before) | discrepancies(after) if each.entity != "Q3"} == wanted
    assert after[0].record.offset == place.offset


async def test_the_place_of_the_walk_before_is_not_taken_for_that_of_the_one_that_began() -> None:
    """It was killed before it had committed anything: it begins at the beginning again."""
    wiki, store, kept = Listing({f"Q{number}": 2 for number in range(1, 10)}), MemoryStoreIndex({}), Kept()
    old = ResumePosition(40, '[120,"Q7"]')
    await feed(wiki, store, from_start=True).open({SCAN_PARTITION: old}, kept)
    again = feed(wiki, store, from_start=False)
    await again.open({SCAN_PARTITION: old}, kept)
    assert len(discrepancies(await walked(again))) == 9


async def test_it_says_how_far_it_is_and_how_long_it_takes_at_the_most() -> None:
    """Six of at most a hundred pages in twelve seconds."""
    clock = ManualClock()
    walk = feed(Listing({f"Q{number}": 2 for number in range(1, 10)}), MemoryStoreIndex({}), clock=clock.now)
    await walk.open({}, Kept())
    with capture_logs() as told:
        await walk.receive()
        clock.advance(12.0)
        await walk.receive()
    (line,) = told
    assert (line["done"], line["differing"]) == (6, 6)
    assert (line["of_at_most"], line["minutes_left_at_most"]) == (100, round(12.0 * 94 / 6 / 60))


def test_ranges_hold_each_id_once() -> None:
    """The last one is shorter."""
    assert list(split_id_range("Q", 5, 2)) == [["Q1", "Q2"], ["Q3", "Q4"], ["Q5"]]
    assert list(split_id_range("Q", 0, 2)) == []
