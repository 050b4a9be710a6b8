"""Entities that are behind are compared again for a bounded time, and no other is."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, cast

from wikistate.ops.verify.rechecks import RECHECK_INTERVAL, compare_entities
from wikistate.ops.verify.verifier import ComparedEntity, ComparisonResult

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wikistate.ops.verify.verifier import Verifier

BEHIND, IN_STEP, STALE = ComparisonResult.BEHIND, ComparisonResult.IN_STEP, ComparisonResult.STALE


class ScriptedVerifier:
    """Verifier with scripted results; the last result of an entity repeats."""

    def __init__(self, results: Mapping[str, Sequence[ComparisonResult]]) -> None:
        self._results = {entity: list(each) for entity, each in results.items()}
        self.asked: Counter[str] = Counter()
        self.now = 0.0

    async def compare(self, entity: str) -> ComparedEntity | None:
        """Return the next result; None without results."""
        self.asked[entity] += 1
        results = self._results[entity]
        if not results:
            return None
        return ComparedEntity(entity, results.pop(0) if len(results) > 1 else results[0])

    async def sleep(self, seconds: float) -> None:
        """Advance the clock."""
        self.now += seconds

    async def run(self, *, wait: float) -> dict[str, ComparisonResult]:
        """Return the results by entity."""
        found = await compare_entities(
            cast("Verifier", self),
            list(self._results),
            wait=wait,
            clock=lambda: self.now,
            sleep=self.sleep,
        )
        return {each.entity: each.result for each in found}


async def test_entity_that_catches_up_is_in_step() -> None:
    """The others are compared once, and one that neither side has is left out."""
    verifier = ScriptedVerifier({"Q1": [BEHIND, BEHIND, IN_STEP], "Q2": [IN_STEP], "Q3": []})
    assert await verifier.run(wait=60) == {"Q1": IN_STEP, "Q2": IN_STEP}
    assert verifier.asked == {"Q1": 3, "Q2": 1, "Q3": 1}
    assert verifier.now == 2 * RECHECK_INTERVAL


async def test_wait_is_bounded() -> None:
    """A wiki that is edited all the time is always a little ahead."""
    verifier = ScriptedVerifier({"Q1": [BEHIND]})
    assert await verifier.run(wait=12) == {"Q1": BEHIND}
    assert verifier.now == 12


async def test_overdue_entity_ends_the_wait() -> None:
    """It does not become better by another comparison."""
    verifier = ScriptedVerifier({"Q1": [BEHIND, STALE]})
    assert await verifier.run(wait=60) == {"Q1": STALE}
    assert verifier.now == RECHECK_INTERVAL


async def test_embedded_store_is_compared_once() -> None:
    """Only this process has an embedded store open."""
    verifier = ScriptedVerifier({"Q1": [BEHIND]})
    assert await verifier.run(wait=0) == {"Q1": BEHIND}
    assert verifier.asked == {"Q1": 1}
