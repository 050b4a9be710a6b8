"""A wiki without HTTP with a scripted fault for each revision, and a dispatcher on it."""

from __future__ import annotations

import asyncio
from collections import Counter
from time import monotonic, time
from typing import TYPE_CHECKING, cast

from wikistate.adapters.mediawiki.action_api import ParsedResponse
from wikistate.adapters.mediawiki.dispatcher import BatchSettings, Dispatcher
from wikistate.adapters.mediawiki.farm import Farm
from wikistate.adapters.mediawiki.limits import FarmSettings
from wikistate.adapters.mediawiki.metrics import FarmMetrics
from wikistate.adapters.mediawiki.queue import QueueEntry
from wikistate.adapters.mediawiki.retry_outcomes import RetryContext
from wikistate.adapters.mediawiki.wikis import Wiki
from wikistate.core.enrichment.content import Content, Slot
from wikistate.core.enrichment.failures import Failure, FailureKind
from wikistate.core.enrichment.retry import Fail, RetryPolicy
from wikistate.telemetry.meter import RecordingMeter

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from wikistate.adapters.mediawiki.batch_query import BatchQuery, ResponseParser
    from wikistate.adapters.mediawiki.wiki_api import WikiApi

WIKI = Wiki("w.example", "https://w.example/w/api.php", None, "farm")
AT_ONCE = RetryPolicy(base_delay=0.0, max_delay=0.0)

Fault = FailureKind | int | str
"""Fault of a revision.

A kind of failure fails each request that holds the revision; a number is the number of requests in which it is
missing; ``gone`` is always missing, ``absent`` is never in a response, ``damaged`` has no text, and ``endless`` is never
reached by a continuation.
"""


def content_of(rev_id: int) -> Content:
    """Return the content of a revision."""
    return Content({"main": Slot(f"text {rev_id}", "wikitext", None, None, None)})


class ScriptedApi:
    """Stand-in for `WikiApi`.

    Attributes:
        requests: Revision ids of each request, continuations included.
        asked: Number of requests with a revision, without continuations.
        at_once: Highest number of concurrent requests.
    """

    place = "w.example"

    def __init__(self, faults: Mapping[int, Fault] | None = None, *, page_size: int = 1000) -> None:
        self.requests: list[list[int]] = []
        self.asked: Counter[int] = Counter()
        self.at_once = 0
        self.outage: list[Failure] = []
        self._faults = faults or {}
        self._page_size = page_size
        self._running = 0

    async def fetch_page(
        self,
        batch_query: BatchQuery,
        rev_ids: Collection[int],
        continuation: Mapping[str, str],
        *,
        parser: ResponseParser,
    ) -> ParsedResponse | Failure:
        """See `WikiApi.fetch_page`."""
        del batch_query, parser
        self.requests.append(list(rev_ids))
        self._running += 1
        self.at_once = max(self.at_once, self._running)
        await asyncio.sleep(0)
        self._running -= 1
        if not continuation:
            self.asked.update(rev_ids)
        if self.outage:
            return self.outage.pop(0)
        for rev_id in rev_ids:
            if isinstance(fault := self._faults.get(rev_id), FailureKind):
                return Failure(fault, f"w.example fails with {rev_id}")
        return self._page(sorted(rev_ids), int(continuation.get("from", 0)))

    def _page(self, rev_ids: list[int], start: int) -> ParsedResponse:
        results: dict[int, Content | Failure] = {}
        for position, rev_id in enumerate(rev_ids[start:], start):
            if len(results) >= self._page_size or self._faults.get(rev_id) == "endless":
                return ParsedResponse(results, {"from": str(position)}, [])
            self._reveal(rev_id, results)
        return ParsedResponse(results, {}, [])

    def _reveal(self, rev_id: int, results: dict[int, Content | Failure]) -> None:
        match self._faults.get(rev_id):
            case "absent":
                pass
            case "damaged":
                results[rev_id] = Failure(FailureKind.TEXT_MISSING, "no text")
            case "gone":
                results[rev_id] = Failure(FailureKind.BAD_REVISION, "unknown")
            case int(misses) if self.asked[rev_id] <= misses:
                results[rev_id] = Failure(FailureKind.BAD_REVISION, "unknown")
            case _:
                results[rev_id] = content_of(rev_id)


class Harness:
    """Dispatcher on a scripted wiki, and its results."""

    def __init__(
        self,
        api: ScriptedApi,
        *,
        policy: RetryPolicy = AT_ONCE,
        farm: FarmSettings | None = None,
        batches: BatchSettings | None = None,
    ) -> None:
        self.meter = RecordingMeter()
        self.results: dict[int, list[Content | Fail]] = {}
        self.dispatcher = Dispatcher(
            Farm("farm", farm or FarmSettings()),
            FarmMetrics(self.meter, "farm"),
            api_of=lambda _wiki, _measures: cast("WikiApi", api),
            retry_context=lambda: RetryContext(policy, time(), monotonic(), 0.0),
            batches=batches or BatchSettings(linger=0.0),
        )
        self._all_done = asyncio.Event()
        self._expected = 0

    def fetch(self, rev_id: int, *, young: bool = False) -> None:
        """Request a revision, for an event of now or for one without a time."""
        self._expected += 1
        self.results.setdefault(rev_id, [])

        def done(result: Content | Fail) -> None:
            self.results[rev_id].append(result)
            self._expected -= 1
            if not self._expected:
                self._all_done.set()

        self.dispatcher.add(WIKI, QueueEntry(rev_id, time() if young else None, done, monotonic()))

    async def wait_until_done(self) -> None:
        """Wait for all results, then let the loop run on, so that a repeated result is seen."""
        await asyncio.wait_for(self._all_done.wait(), 20)
        for _ in range(5):
            await asyncio.sleep(0)
        await self.dispatcher.close()


async def fetched(api: ScriptedApi, rev_ids: Iterable[int], *, young: bool = False) -> Harness:
    """Fetch all these revisions at once, to the end."""
    harness = Harness(api)
    for rev_id in rev_ids:
        harness.fetch(rev_id, young=young)
    await harness.wait_until_done()
    return harness
