"""The logs of Flink in the report of a failed test: without them a failure of a cluster cannot be explained afterwards."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

LINES = 400
"""Lines of each log, which are its warnings, its errors and all lines at its end."""

_TAIL = 100
_MARKS = (" WARN ", " ERROR ", "Exception", "Caused by")


@runtime_checkable
class HasFlinkLogs(Protocol):
    """Fixture value of a test that ran a job on Flink."""

    @property
    def flink_logs(self) -> Path:
        """The folder below which Flink has written its logs."""


def report_flink_logs(values: Iterable[object]) -> Iterator[tuple[str, str]]:
    """Yield title and text of the logs of all values that have some, for a test report."""
    folders = {value.flink_logs for value in values if isinstance(value, HasFlinkLogs)}
    for folder in sorted(folders):
        for log in sorted(folder.rglob("*.log")):
            yield f"{log.parent.name}/{log.name}", read_important_lines(log)


def read_important_lines(log: Path) -> str:
    """Return the last warnings and errors of a log, and its end."""
    important: deque[str] = deque(maxlen=LINES - _TAIL)
    tail: deque[str] = deque(maxlen=_TAIL)
    with log.open(errors="replace") as lines:
        for line in lines:
            if len(tail) == _TAIL and any(mark in tail[0] for mark in _MARKS):
                important.append(tail[0])
            tail.append(line)
    return "".join([*important, *tail])
