"""rdf-sync with default settings: the speed of filling an empty store, and the time until a query has an edit.

The wiki, the store behind its endpoint and the job are separate processes. The time of an edit is from the response of
the wiki to the editor until the first query with the revision in its result; there is a query every few milliseconds.
"""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

import aiohttp
from tests.support.processes import Process
from tests.support.stores import OxigraphServer

from bench.figures import Figure, Percentiles, Target, compute_percentiles
from wikistate.testing.wikibase import WikibaseProcess

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bench.stage import Stage

SEED = 20_260_401
ENTITIES_PER_EDIT = 10
_BETWEEN = 0.005  # seconds between two queries
_VERSION = "<http://schema.org/version>"


@dataclass(frozen=True, slots=True)
class Sync:
    """Times in seconds, and the number of entities that filled the store."""

    entities: int
    filled: float
    seen: Percentiles
    slowest: float

    def figures(self) -> list[Figure]:
        """See `Result`."""
        return [
            Figure("an empty store is filled, start included", self.entities / self.filled, "entities/s"),
            Figure("a query sees an edit, p50", self.seen.p50, "s"),
            Figure("a query sees an edit, p99", self.seen.p99, "s", Target(at_most=2.0)),
            Figure("a query sees an edit, slowest", self.slowest, "s"),
        ]


async def measure_sync(stage: Stage) -> Sync:
    """Fill the store, then edit at random times."""
    edits = stage.sizes.seen_edits
    count = str(edits * ENTITIES_PER_EDIT)
    async with WikibaseProcess("--entities", count, "--triples", "100") as wikibase, aiohttp.ClientSession() as session:
        entities = len(await wikibase.journal())
        with OxigraphServer(stage.folder / "store") as store:
            began = time.perf_counter()
            job = Process(_command(wikibase.url, store, stage), log=stage.folder / "sync.log")
            try:
                queries = _Queries(session, store.query_url)
                await queries.until(lambda: queries.holds(entities))
                filled = time.perf_counter() - began
                seen = await _edits(wikibase, queries, edits)
            finally:
                job.stop()
    return Sync(entities, filled, compute_percentiles(seen), max(seen))


async def _edits(wikibase: WikibaseProcess, queries: _Queries, count: int) -> list[float]:
    moments, seen = Random(SEED), list[float]()
    while len(seen) < count:
        await asyncio.sleep(moments.uniform(0.0, 1.5))
        event = (await wikibase.edit())[-1]
        began, revision = time.perf_counter(), event["revision"]["rev_id"]
        if event["page_change_kind"] in ("create", "edit"):
            await queries.until(lambda revision=revision: queries.sees(revision))  # type: ignore[misc]
            seen.append(time.perf_counter() - began)
    return seen


class _Queries:
    """Queries of the store."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def sees(self, revision: int) -> bool:
        return await self._ask(f"ASK {{ ?entity {_VERSION} {revision} }}") == {"head": {}, "boolean": True}

    async def holds(self, entities: int) -> bool:
        found = await self._ask(f"SELECT (COUNT(*) AS ?count) WHERE {{ ?entity {_VERSION} ?version }}")
        return f'"{entities}"' in str(found).replace("'", '"')

    async def _ask(self, query: str) -> object:
        headers = {"Content-Type": "application/sparql-query"}
        async with self._session.post(self._url, data=query, headers=headers) as answer:
            found: object = await answer.json()
            return found

    async def until(self, answered: Callable[[], Awaitable[bool]]) -> None:
        async with asyncio.timeout(120.0):
            while not await answered():  # noqa: ASYNC110  (a store does not notify clients)
                await asyncio.sleep(_BETWEEN)


def _command(wiki: str, store: OxigraphServer, stage: Stage) -> list[str]:
    run = [sys.executable, "-m", "wikistate", "run", "rdf-sync", "--no-progress", "--wikibase", wiki]
    places = ["--store", store.update_url, "--set", f"store.query_url={store.query_url}"]
    return [*run, *places, "--state", str(stage.folder / "sync")]
