"""A small keyed job for tests of its processor: it counts the words of each key, and may hold them until a time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple

import orjson

from wikistate.streaming.keyed_job import Decision, DecodedRecord, KeyedState, OperationResult, TimerFired
from wikistate.streaming.record import Output, Role

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.streaming.record import Record


class Said(NamedTuple):
    """A word for a key; it may have to wait until a time."""

    key: int
    word: str
    until: int | None


def encode_said(key: int, word: str, *, time: int, until: int | None = None) -> bytes:
    """Return the value of a record."""
    return orjson.dumps([key, word, time, until])


class TallyJob:
    """Job that makes ``key:word#count`` of each word; the count includes the earlier words of the key.

    Args:
        gates: A word is executed when its gate is open; words without a gate at once.
        broken: Words whose error ends the run.
    """

    def __init__(
        self, gates: Mapping[str, asyncio.Event] | None = None, broken: Mapping[str, Exception] | None = None
    ) -> None:
        self._gates = gates or {}
        self._broken = broken or {}
        self.fired_timers: list[tuple[int, int | None]] = []
        """The times of the timers that have fired, each with the watermark."""
        self.executing = 0
        self.max_concurrent = 0

    async def open(self) -> None:
        """See `KeyedJob`."""

    async def close(self) -> None:
        """See `KeyedJob`."""

    def decode(self, record: Record) -> DecodedRecord[Said]:
        """See `KeyedJob`."""
        if record.value == b"poison":
            return DecodedRecord(None, outputs=(Output(Role.ERROR, None, b"poison", None),))
        key, word, time, until = orjson.loads(record.value or b"")
        return DecodedRecord(time, key, Said(key, word, until))

    def decide(self, keyed_state: KeyedState, event: Said | TimerFired, watermark: int | None) -> Decision[Said]:
        """See `KeyedJob`."""
        waiting = [Said(*each) for each in orjson.loads(keyed_state.blob or b"[]")]
        match event:
            case TimerFired(time):
                self.fired_timers.append((time, watermark))
                ready = [each for each in waiting if each.until is not None and each.until <= time]
                return _make_decision(keyed_state, [each for each in waiting if each not in ready], ready)
            case Said(until=None):
                return _make_decision(keyed_state, waiting, [event])
            case Said():
                return _make_decision(keyed_state, [*waiting, event], [])

    async def execute(self, operation: Said, keyed_state: KeyedState) -> OperationResult[str]:
        """See `KeyedJob`."""
        self.executing += 1
        self.max_concurrent = max(self.max_concurrent, self.executing)
        if gate := self._gates.get(operation.word):
            await gate.wait()
        await asyncio.sleep(0)
        self.executing -= 1
        if error := self._broken.get(operation.word):
            raise error
        count = (keyed_state.number or 0) + 1
        return OperationResult(keyed_state._replace(number=count), (f"{operation.key}:{operation.word}#{count}",))


def _make_decision(keyed_state: KeyedState, waiting: list[Said], ready: list[Said]) -> Decision[Said]:
    timer = min((each.until for each in waiting if each.until is not None), default=None)
    return Decision(
        KeyedState(keyed_state.number, orjson.dumps([list(each) for each in waiting]) if waiting else b""), timer, ready
    )
