"""Live line of a run: how far it is, how fast, and the reason of a wait, within the width of the terminal.

A run with a known number of records shows ``1,782/3,012 59% 237/s 92 failed 0:05 left``; one without shows
``2 events, newest 3 s ago, waiting``.
"""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from wikistate.adapters.connectors.start_waits import START_WAITS
from wikistate.cli.terminal import Styled
from wikistate.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from wikistate.cli.run_counts import RunCounts
    from wikistate.telemetry.meter import RecordingMeter

QUIET_SECONDS = 2.0
"""Seconds without a new record after which a source counts as quiet."""

_RATE_SECONDS = 10.0  # the time over which the rate is measured
_TEN, _MINUTE, _HOUR = 10, 60, 3600


class Part(NamedTuple):
    """Part of the line.

    Attributes:
        text: The text, with a style.
        rank: The order in which parts are left out on a narrow terminal: the largest number first.
    """

    text: Styled
    rank: int


class LiveLine:
    """Live line, read from the meter of a run.

    Args:
        meter: The meter of the run.
        counts: The numbers of records of the run.
        total: Returns the number of records in all; None if it is unknown.
        clock: Returns seconds of a monotonic clock.
    """

    def __init__(
        self,
        meter: RecordingMeter,
        counts: RunCounts,
        total: Callable[[], float | None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._meter = meter
        self._counts = counts
        self._total = total
        self._clock = clock
        self._samples: deque[tuple[float, float]] = deque([(clock(), counts.done)])
        self._read = 0.0
        self._read_at = clock()

    def describe(self, width: int) -> list[Styled]:
        """Return the parts that fit the width, with their separators."""
        self._observe()
        total = self._total()
        numbers = list(self._describe_stream() if total is None else self._describe_progress(total))
        kept = [*numbers, *self._describe_notes()]
        separators = [", " if total is None or number >= len(numbers) else " " for number, _ in enumerate(kept)]
        while len(kept) > 1 and _measure(kept, separators) > width:
            least = max(reversed(range(len(kept))), key=lambda number: kept[number].rank)
            del kept[least], separators[least]
        if len(kept[0].text.text) > width:
            kept = [Part(Styled(f"{kept[0].text.text[: max(0, width - 1)]}…"), 0)]
        parts = [kept[0].text]
        for separator, part in zip(separators[1:], kept[1:], strict=False):
            parts += [Styled(separator), part.text]
        return parts

    def _observe(self) -> None:
        now, read = self._clock(), self._counts.read
        if read != self._read:
            self._read, self._read_at = read, now
        self._samples.append((now, self._counts.done))
        while len(self._samples) > 2 and now - self._samples[1][0] >= _RATE_SECONDS:  # noqa: PLR2004  (the two ends)
            self._samples.popleft()

    @property
    def _rate(self) -> float:
        (began, before), (now, done) = self._samples[0], self._samples[-1]
        return max(0.0, done - before) / max(now - began, 1e-3)

    @property
    def _is_quiet(self) -> bool:
        return self._clock() - self._read_at >= QUIET_SECONDS

    def _describe_progress(self, total: float) -> Iterator[Part]:
        done = min(self._counts.done, total)
        yield Part(Styled(f"{done:,.0f}/{total:,.0f}"), 0)
        yield Part(Styled(f"{100 * done // total if total else 100:.0f}%"), 1)
        rate = self._rate
        if rate > 0:
            yield Part(Styled(_format_rate(rate)), 4)
        yield from self._describe_failures()
        if rate > 0 and done < total:
            yield Part(Styled(f"{_format_duration((total - done) / rate)} left"), 2)

    def _describe_stream(self) -> Iterator[Part]:
        yield Part(Styled(f"{self._read:,.0f} {'event' if self._read == 1 else 'events'}"), 0)
        if not self._is_quiet and (rate := self._rate) > 0:
            yield Part(Styled(_format_rate(rate)), 4)
        if lag := self._meter.total(metrics.SOURCE_LAG):
            yield Part(Styled(f"{lag:,.0f} behind"), 2)
        yield from self._describe_failures()
        if self._is_quiet and self._read:
            yield Part(Styled(f"newest {_format_age(self._clock() - self._read_at)} ago"), 3)
        if self._is_quiet and not self._is_waiting_elsewhere:
            yield Part(Styled("waiting"), 1)

    def _describe_failures(self) -> Iterator[Part]:
        if failed := self._counts.failed:
            yield Part(Styled(f"{failed:,.0f} failed", "red"), 2)

    @property
    def _is_waiting_elsewhere(self) -> bool:
        waits = self._meter.by_label(metrics.WAITING_FOR_DEPENDENCY).values()
        return any(waits) or bool(START_WAITS.list_announced()) or bool(self._meter.total(metrics.WIKI_WAITING))

    def _describe_notes(self) -> Iterator[Part]:
        for wait in START_WAITS.list_announced():
            yield Part(Styled(f"waiting for {wait.what}, {wait.seconds_left} s left", "yellow"), 1)
        for (reason,), fails in self._meter.by_label(metrics.MAIN_FAILURE).items():
            if fails:
                yield Part(Styled(f"most events fail: {reason}", "red"), 2)
        for (what,), waits in self._meter.by_label(metrics.WAITING_FOR_DEPENDENCY).items():
            if waits:
                yield Part(Styled(f"waiting for the {what}", "yellow"), 2)
        if behind := self._meter.total(metrics.STORE_LAG):
            yield Part(Styled(f"the store is {_format_age(behind)} behind"), 3)
        if waiting := self._meter.total(metrics.WIKI_WAITING):
            yield Part(Styled(f"{waiting:,.0f} wait for the wiki"), 5)


def _measure(parts: Sequence[Part], separators: Sequence[str]) -> int:
    """Return the columns of the parts, each after the first with its separator."""
    return sum(len(part.text.text) for part in parts) + sum(map(len, separators[1:]))


def _format_duration(seconds: float) -> str:
    whole = round(seconds)
    if whole >= _HOUR:
        return f"{whole // _HOUR}:{whole % _HOUR // _MINUTE:02}:{whole % _MINUTE:02}"
    return f"{whole // _MINUTE}:{whole % _MINUTE:02}"


def _format_rate(rate: float) -> str:
    return f"{rate:,.0f}/s" if rate >= _TEN else f"{rate:.1f}/s"


def _format_age(seconds: float) -> str:
    return f"{seconds:,.0f} s" if seconds < _TEN * _MINUTE else f"{seconds / _MINUTE:,.0f} min"
