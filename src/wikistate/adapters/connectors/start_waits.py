"""Notices of servers that do not answer at the start: announced after some seconds, then counted down to the bound."""

from __future__ import annotations

import contextlib
import math
import threading
import time
from typing import TYPE_CHECKING, NamedTuple

import structlog

if TYPE_CHECKING:
    from collections.abc import Iterator

log = structlog.get_logger(__name__)

QUIET_SECONDS = 2.0
"""Seconds until a wait is announced: most servers answer earlier."""

_INTERVAL = 5.0  # seconds between two lines of the countdown


class StartWait(NamedTuple):
    """Wait that was announced.

    Attributes:
        what: Name of the server, for people.
        deadline: Seconds of the monotonic clock at which it ends.
    """

    what: str
    deadline: float

    @property
    def seconds_left(self) -> int:
        """Seconds until its end, rounded up."""
        return max(0, math.ceil(self.deadline - time.monotonic()))


class StartWaits:
    """Current waits. They begin and end on any thread.

    Args:
        quiet: Seconds until a wait is announced.
        interval: Seconds between two lines of the countdown.
    """

    def __init__(self, *, quiet: float = QUIET_SECONDS, interval: float = _INTERVAL) -> None:
        self._quiet = quiet
        self._interval = interval
        self._announced: dict[object, StartWait] = {}

    def list_announced(self) -> list[StartWait]:
        """Return the waits that were announced and have not ended, oldest first."""
        return list(self._announced.values())

    @contextlib.contextmanager
    def announce(self, what: str, seconds: float) -> Iterator[None]:
        """Announce the block if it takes long.

        Args:
            what: Name of the server, such as ``Kafka at localhost:9092 (error sink)``.
            seconds: Longest time of the block.
        """
        ended, wait = threading.Event(), StartWait(what, time.monotonic() + seconds)
        threading.Thread(target=self._count_down, args=(wait, ended), name="start-wait", daemon=True).start()
        try:
            yield
        finally:
            ended.set()
            self._announced.pop(ended, None)

    def _count_down(self, wait: StartWait, ended: threading.Event) -> None:
        pause = self._quiet
        while not ended.wait(pause) and wait.seconds_left > 0:
            self._announced[ended] = wait
            if ended.is_set():  # it ended meanwhile, and has removed nothing
                self._announced.pop(ended, None)
                return
            log.info("start_waits", what=wait.what, left=wait.seconds_left)
            pause = self._interval


START_WAITS = StartWaits()
"""The current waits of this process."""
