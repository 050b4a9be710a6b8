"""The status of a run at a terminal: a live line during the run and a summary after it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from wikistate.cli.live_line import LiveLine
from wikistate.cli.run_counts import RunCounts
from wikistate.cli.summary import summarise
from wikistate.cli.terminal import Terminal
from wikistate.telemetry import metrics

if TYPE_CHECKING:
    from wikistate.cli.summary import Results
    from wikistate.telemetry.meter import RecordingMeter

REFRESH_SECONDS = 0.2


class Status:
    """Display of a run, read from its meter; the run does not know it.

    Args:
        meter: The meter that the run reports to.
        total: The number of records in the source; None if it is unknown.
        live: Whether to show the live line.
        bounded: Whether the source ends at the end of its lag, so that the remaining time is known with the lag.
        has_state: Whether the job builds entities from events; see `RunCounts`.
    """

    def __init__(
        self, meter: RecordingMeter, *, total: int | None, live: bool, bounded: bool = False, has_state: bool = False
    ) -> None:
        self._meter = meter
        self._total = total
        self._bounded = bounded
        self._live = live
        self._began = time.monotonic()
        self._terminal = Terminal(stderr=True)
        self._counts = RunCounts(meter, has_state=has_state)

    async def refresh_until_cancelled(self) -> None:
        """Refresh the live line until cancelled."""
        if not self._live:
            return
        line = LiveLine(self._meter, self._counts, self.total)
        with self._terminal.show_live() as live:
            while True:
                live.update(line.describe(self._terminal.width))
                await asyncio.sleep(REFRESH_SECONDS)

    def total(self) -> float | None:
        """Return the number of records in all: the stated number, or the records read and the lag of the source."""
        if self._total is not None or not self._bounded or not self._meter.by_label(metrics.SOURCE_LAG):
            return self._total
        return self._meter.total(metrics.EVENTS_CONSUMED) + self._meter.total(metrics.SOURCE_LAG)

    def summary(self, results: Results | None = None) -> None:
        """Print the summary of the run.

        Args:
            results: The places of its outputs; None to name none.
        """
        seconds = time.monotonic() - self._began
        self._terminal.print_table(list(summarise(self._meter, self._counts, seconds)))
        if results is not None and (line := results.describe(self._counts)):
            self._terminal.print_line(f"  {line}")  # indented, as the table: other lines are log lines
