"""A small job with state for tests of its runner: it counts what is said to each key, and may let it wait."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

import orjson

from wikistate.core.record import Output, Role
from wikistate.jobs.stateful_job import Accepted, Due, Kept, Performed, Step

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.core.record import Record


class Said(NamedTuple):
    """A word for a key; it may have to wait until a time."""

    key: int
    word: str
    until: int | None


def said(key: int, word: str, *, time: int, until: int | None = None) -> bytes:
    """The value of a record."""
    return orjson.dumps([key, word, time, until])


class TallyJob:
    """Makes ``key:word#count`` of each word, with the count of those that the key had before it.

    Args:
        gates: A word is performed when its gate is open; words without one at once.
        broken: Words that end the run.
    """

    def __init__(
        self, gates: Mapping[str, asyncio.Event] | None = None, broken: Mapping[str, Exception] | None = None
    ) -> None:
        self._gates = gates or {}
        self._broken = broken or {}
        self.woken: list[tuple[int, int | None]] = []
        """The times at which keys were woken, with the watermark."""
        self.performing = 0
        self.most_at_once = 0

    async def open(self) -> None:
        """See `StatefulJob`."""

    async def close(self) -> None:
        """See `StatefulJob`."""

    def accept(self, record: Record) -> Accepted[Said]:
        """See `StatefulJob`."""
        if record.value == b"poison":
            return Accepted(None, outputs=(Output(Role.ERROR, None, b"poison", None),))
        key, word, time, until = orjson.loads(record.value or b"")
        return Accepted(time, key, Said(key, word, until))

    def step(self, kept: Kept, stimulus: Said | Due, watermark: int | None) -> Step[Said]:
        """See `StatefulJob`."""
        waiting = [Said(*each) for each in orjson.loads(kept.rest or b"[]")]
        match stimulus:
            case Due(time):
                self.woken.append((time, watermark))
                ready = [each for each in waiting if each.until is not None and each.until <= time]
                return _step(kept, [each for each in waiting if each not in ready], ready)
            case Said(until=None):
                return _step(kept, waiting, [stimulus])
            case Said():
                return _step(kept, [*waiting, stimulus], [])

    async def perform(self, operation: Said, kept: Kept) -> Performed[str]:
        """See `StatefulJob`."""
        self.performing += 1
        self.most_at_once = max(self.most_at_once, self.performing)
        if gate := self._gates.get(operation.word):
            await gate.wait()
        await asyncio.sleep(0)
        self.performing -= 1
        if error := self._broken.get(operation.word):
            raise error
        count = (kept.number or 0) + 1
        return Performed(kept._replace(number=count), (f"{operation.key}:{operation.word}#{count}",))


def _step(kept: Kept, waiting: list[Said], ready: list[Said]) -> Step[Said]:
    wake = min((each.until for each in waiting if each.until is not None), default=None)
    return Step(Kept(kept.number, orjson.dumps([list(each) for each in waiting]) if waiting else b""), wake, ready)
