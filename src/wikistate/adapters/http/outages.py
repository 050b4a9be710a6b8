"""Outages for which a job waits: of a source, a wiki or a store that has answered well before and now gives no answer or an odd one.

They are one record for the process, which a runner reports as a metric: the clients that wait have no meter.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


MAX_NAMES = 4096
"""The most parts of a kind that are counted: a stream may name invented subdomains of an allowed domain."""


class Outages:
    """Current outages by kind of the part that does not answer, ``source``, ``wiki`` or ``store``, and by its name."""

    def __init__(self) -> None:
        self._kinds: dict[str, set[str]] = {}

    def begin(self, kind: str, name: str) -> None:
        """Record an outage; once for each part."""
        names = self._kinds.setdefault(kind, set())
        if len(names) < MAX_NAMES:
            names.add(name)

    def end(self, kind: str, name: str) -> None:
        """Record the end of an outage."""
        self._kinds.get(kind, set()).discard(name)

    def counts(self) -> dict[str, int]:
        """Return the number of outages by kind, of each kind that had any in this process."""
        return {kind: len(names) for kind, names in self._kinds.items()}


OUTAGES = Outages()
"""Outages that this process waits for."""


class Outage:
    """Outage of one part, with the longest time that its client waits.

    Args:
        kind: Kind of the part.
        name: Name of the part.
        limit: Longest time in seconds; None for no limit.
        clock: Returns seconds of a monotonic clock.
    """

    def __init__(
        self, kind: str, name: str, *, limit: float | None = None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._kind = kind
        self._name = name
        self._limit = limit
        self._clock = clock
        self._since: float | None = None

    def begin(self) -> bool:
        """Record a failure. Return whether the client may wait longer."""
        now = self._clock()
        self._since = now if self._since is None else self._since
        OUTAGES.begin(self._kind, self._name)
        return self._limit is None or now - self._since < self._limit

    def end(self) -> bool:
        """Record a good answer. Return whether an outage ended with it."""
        had_outage, self._since = self._since is not None, None
        OUTAGES.end(self._kind, self._name)
        return had_outage
