"""Repeated comparison of entities that are behind: a job that runs brings them in step, and nothing brings others."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from wikistate.ops.verify.verifier import ComparisonResult

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from wikistate.ops.verify.verifier import ComparedEntity, Verifier

RECHECK_INTERVAL = 5.0
"""Seconds between two comparisons of the same entity."""


async def compare_entities(
    verifier: Verifier,
    entities: Sequence[str],
    *,
    wait: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> list[ComparedEntity]:
    """Return the results of the entities that one side has, in their order.

    Args:
        verifier: Compares single entities.
        entities: Ids.
        wait: Largest time in seconds in which entities that are behind are compared again; 0 for one comparison.
        clock: Returns seconds of a monotonic clock.
        sleep: Waits for a number of seconds.

    Raises:
        WikistateError: The wiki or the store refuses a query.
    """
    results = {entity: await verifier.compare(entity) for entity in entities}
    end = clock() + wait
    while (behind := _find_behind(results)) and clock() < end:
        await sleep(min(RECHECK_INTERVAL, end - clock()))
        results |= {entity: await verifier.compare(entity) for entity in behind}
    return [result for result in results.values() if result is not None]


def _find_behind(results: dict[str, ComparedEntity | None]) -> list[str]:
    return [entity for entity, each in results.items() if each is not None and each.result is ComparisonResult.BEHIND]
