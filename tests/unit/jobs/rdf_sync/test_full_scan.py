"""Full scan of all entities: the discrepancies that it finds, and the position from which it resumes."""

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
    """Wiki that lists its items, three at a time in the order of their titles."""

    def __init__(self, revisions: Mapping[str, int]) -> None:
        self.revisions = dict(revisions)

    async def query(self, parameters: Mapping[str, str], *, tries: int | None = None) -> dict[str, Any]:
        """Return any part of the list."""
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
    """Store index with revisions of entities."""

    def __init__(self, revisions: Mapping[str, int]) -> None:
        self.revisions = dict(revisions)

    async def versions(self, entities: Collection[str]) -> dict[str, int]:
        """Return the revisions of these entities, without the missing ones."""
        return {entity: self.revisions[entity] for entity in entities if entity in self.revisions}

    async def ids(self) -> AsyncIterator[list[str]]:
        """Yield all ids up to 20."""
        for ids in split_id_range("Q", 20, 7):
            yield ids


class MemoryMetadata:
    """Metadata in memory."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    async def load_metadata(self, names: Iterable[str]) -> dict[str, str]:
        """Return the saved metadata."""
        return {name: self.values[name] for name in names if name in self.values}

    async def save_metadata(self, values: Mapping[str, str]) -> None:
        """Save metadata."""
        self.values |= values


def feed(
    wiki: Listing, store: MemoryStoreIndex, *, from_start: bool = True, clock: Callable[[], float] = time.monotonic
) -> FullScanFeed:
    """Return the feed of a full scan."""
    mode = StartupMode.NO_CHECKPOINT if from_start else StartupMode.RESUME_SCAN
    return FullScanFeed(wiki, SITE, store, state=SyncState(startup_mode=mode), clock=clock)


async def scan_to_the_end(scan: FullScanFeed) -> list[FeedRecord]:
    """Return all records until the end of the scan."""
    found: list[FeedRecord] = []
    while (arrivals := await scan.receive()) is not None:
        found += arrivals
    return found


def discrepancies(arrivals: Iterable[FeedRecord]) -> set[Discrepancy]:
    """Return the discrepancies in the records."""
    return {finding for arrival in arrivals if (finding := decode_discrepancy(arrival.record.value)) is not None}


REVISIONS = st.dictionaries(st.integers(1, 20).map(lambda number: f"Q{number}"), st.integers(1, 3))


@given(wiki=REVISIONS, store=REVISIONS)
async def test_scan_finds_exactly_the_entities_that_differ(wiki: dict[str, int], store: dict[str, int]) -> None:
    """A discrepancy has the revision of the wiki, or none if the wiki lacks the entity."""
    scan = feed(Listing(wiki), MemoryStoreIndex(store))
    await scan.open({}, MemoryMetadata())
    differ = {entity for entity in wiki.keys() | store.keys() if wiki.get(entity) != store.get(entity)}
    assert discrepancies(await scan_to_the_end(scan)) == {Discrepancy(entity, wiki.get(entity)) for entity in differ}


@pytest.mark.parametrize("done", range(12))
async def test_interrupted_scan_resumes_at_its_position(done: int) -> None:
    """No entity between is left out after any last record, and entities of the store alone are found, too."""
    wiki = Listing({f"Q{number}": 2 for number in range(1, 10)})
    store, metadata = MemoryStoreIndex({"Q3": 2, "Q15": 1}), MemoryMetadata()
    first = feed(wiki, store)
    await first.open({}, metadata)
    before = (await scan_to_the_end(first))[: done + 1]
    position = ResumePosition(
        before[-1].record.offset + 1, first.token_after(SCAN_PARTITION, [arrival.token for arrival in before])
    )
    second = feed(wiki, store, from_start=False)
    await second.open({SCAN_PARTITION: position}, metadata)
    wanted = {Discrepancy(f"Q{number}", 2) for number in range(1, 10) if number != 3} | {Discrepancy("Q15", None)}
    after = await scan_to_the_end(second)
    assert {each for each in discrepancies(before) | discrepancies(after) if each.entity != "Q3"} == wanted
    assert after[0].record.offset == position.offset


async def test_position_of_an_earlier_scan_is_not_used_by_a_new_one() -> None:
    """The new scan was killed before its first commit: it begins at the start again."""
    wiki, store, metadata = (
        Listing({f"Q{number}": 2 for number in range(1, 10)}),
        MemoryStoreIndex({}),
        MemoryMetadata(),
    )
    old = ResumePosition(40, '[120,"Q7"]')
    await feed(wiki, store, from_start=True).open({SCAN_PARTITION: old}, metadata)
    resumed = feed(wiki, store, from_start=False)
    await resumed.open({SCAN_PARTITION: old}, metadata)
    assert len(discrepancies(await scan_to_the_end(resumed))) == 9


async def test_scan_logs_its_progress_and_the_remaining_time() -> None:
    """It has read six of at most a hundred pages in twelve seconds."""
    clock = ManualClock()
    scan = feed(Listing({f"Q{number}": 2 for number in range(1, 10)}), MemoryStoreIndex({}), clock=clock.now)
    await scan.open({}, MemoryMetadata())
    with capture_logs() as logged:
        await scan.receive()
        clock.advance(12.0)
        await scan.receive()
    (line,) = logged
    assert (line["done"], line["differing"]) == (6, 6)
    assert (line["of_at_most"], line["minutes_left_at_most"]) == (100, round(12.0 * 94 / 6 / 60))


def test_ranges_hold_each_id_once() -> None:
    """The last range is shorter."""
    assert list(split_id_range("Q", 5, 2)) == [["Q1", "Q2"], ["Q3", "Q4"], ["Q5"]]
    assert list(split_id_range("Q", 0, 2)) == []
