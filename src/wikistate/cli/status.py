"""The status of a run at a terminal: a live line during the run and a summary after it."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from wikistate.telemetry import metrics

if TYPE_CHECKING:
    from wikistate.telemetry.meter import RecordingMeter

REFRESH_SECONDS = 0.2


class Status:
    """Display of a run, read from its meter; the run does not know it.

    Args:
        meter: The meter that the run reports to.
        total: The number of records in the source; None if it is unknown.
        live: Whether to show the live line.
        bounded: Whether the source ends at the end of its lag, so that the remaining time is known with the lag.
    """

    def __init__(self, meter: RecordingMeter, *, total: int | None, live: bool, bounded: bool = False) -> None:
        self._meter = meter
        self._total = total
        self._bounded = bounded
        self._live = live
        self._began = time.monotonic()
        self.console = Console(stderr=True)

    async def refresh_until_cancelled(self) -> None:
        """Refresh the live line until cancelled."""
        if not self._live:
            return
        with self._make_progress() as progress:
            task = progress.add_task("", total=self.total())
            try:
                while True:
                    progress.update(
                        task, completed=self._completed(), total=self.total(), description=self._status_line()
                    )
                    await asyncio.sleep(REFRESH_SECONDS)
            finally:
                progress.update(task, completed=self._completed(), description=self._status_line())

    def _make_progress(self) -> Progress:
        line = (TextColumn("{task.description}"), TimeElapsedColumn())
        if self._total is None and not self._bounded:
            return Progress(SpinnerColumn(), *line, console=self.console)
        left = (TextColumn("left:"), TimeRemainingColumn(elapsed_when_finished=False))
        return Progress(BarColumn(), MofNCompleteColumn(), *line, *left, console=self.console)

    def total(self) -> float | None:
        """Return the number of records in all: the stated number, or the records read and the lag of the source."""
        if self._total is not None or not self._bounded or not self._meter.by_label(metrics.SOURCE_LAG):
            return self._total
        return self._meter.total(metrics.EVENTS_CONSUMED) + self._meter.total(metrics.SOURCE_LAG)

    def _completed(self) -> float:
        produced = self._meter.total(metrics.EVENTS_PRODUCED)
        return produced + self._meter.total(metrics.EVENTS_FILTERED)

    def _status_line(self) -> str:
        seconds = max(time.monotonic() - self._began, 1e-3)
        waiting = self._meter.total(metrics.WIKI_WAITING)
        parts = [f"{self._completed() / seconds:,.0f} events/s"]
        if not self._bounded and (lag := self._meter.total(metrics.SOURCE_LAG)):
            parts.append(f"{lag:,.0f} behind")
        if errors := self._meter.total(metrics.EVENTS_ERRORS) + self._meter.total(metrics.ENTITY_FAILURES):
            parts.append(f"[red]{errors:,.0f} errors[/red]")
        if waiting:
            parts.append(f"{waiting:,.0f} wait for the wiki")
        if behind := self._meter.total(metrics.STORE_LAG):
            parts.append(f"the store is {behind:,.0f} s behind")
        parts += [
            f"[red]most events fail: {reason}[/red]"
            for (reason,), fails in self._meter.by_label(metrics.MAIN_FAILURE).items()
            if fails
        ]
        parts += [
            f"[yellow]waiting for the {what}[/yellow]"
            for (what,), waits in self._meter.by_label(metrics.WAITING_FOR_DEPENDENCY).items()
            if waits
        ]
        return ", ".join(parts)

    def summary(self) -> None:
        """Print the summary of the run."""
        seconds = max(time.monotonic() - self._began, 1e-3)
        produced = self._meter.by_label(metrics.EVENTS_PRODUCED)
        requests = self._meter.total(metrics.WIKI_REQUESTS)
        table = Table(show_header=False, box=None, padding=(0, 2))
        table.add_column(justify="right")
        table.add_column()
        table.add_row(f"{self._meter.total(metrics.EVENTS_CONSUMED):,.0f}", "events read")
        table.add_row(f"{produced.get(('sink',), 0):,.0f}", "events written")
        for (reason,), count in self._meter.by_label(metrics.EVENTS_FILTERED).items():
            table.add_row(f"{count:,.0f}", f"dropped: {reason}")
        table.add_row(f"{produced.get(('error',), 0):,.0f}", "error events")
        for (kind,), count in sorted(self._meter.by_label(metrics.EVENTS_ERRORS).items()):
            table.add_row(f"{count:,.0f}", f"  {kind}")
        if failed := self._meter.total(metrics.ENTITY_FAILURES):
            table.add_row(f"{failed:,.0f}", "failures of entities")
            for (kind,), count in sorted(self._meter.by_label(metrics.ENTITY_FAILURES).items()):
                table.add_row(f"{count:,.0f}", f"  {kind}")
        table.add_row(f"{requests:,.0f}", "requests to wikis")
        for (cause,), count in sorted(self._meter.by_label(metrics.WIKI_RETRIES).items()):
            table.add_row(f"{count:,.0f}", f"  retries: {cause}")
        table.add_row(f"{seconds:,.1f}", f"seconds, {self._completed() / seconds:,.0f} events/s")
        self.console.print(table)
