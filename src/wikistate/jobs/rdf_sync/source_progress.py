"""Progress and retention of a source: the time up to which it was followed, and the time since which it is complete."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from wikistate.core.events.fields import FieldError, Fields
from wikistate.core.updater.input_reader import CLOCK_SKEW
from wikistate.errors import WikiError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wikistate.adapters.mediawiki.wikibase_site import Queries
    from wikistate.streaming.record import Record

_OLDEST_CHANGE_QUERY = {
    "list": "recentchanges",
    "rcdir": "newer",
    "rclimit": "1",
    "rcprop": "ids|timestamp",
    "rctype": "edit|new|log",
    "curtimestamp": "1",
}

_DAY_MS = 86_400_000


class WikiProgress:
    """See `SourceProgress`: recent changes. The time is the wiki's own, of the last answer without further changes."""

    def __init__(self) -> None:
        self._followed_until = 0

    def advance(self, until: int) -> None:
        """Note that all changes until a time have arrived; milliseconds since the epoch."""
        self._followed_until = max(self._followed_until, until)

    def followed_until(self) -> int:
        """See `wikistate.jobs.rdf_sync.catch_up_source.SourceProgress`."""
        return self._followed_until

    def observe(self, records: list[Record]) -> None:
        """See `SourceProgress`."""


class EventProgress:
    """See `SourceProgress`: streams of events. The time is that of the newest event, as a stream never states its end.

    A time in the future, beyond `CLOCK_SKEW`, is the mistake of a clock or of a server: the events until then are still to come.

    Args:
        clock: Returns seconds since the epoch.
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._followed_until = 0

    def followed_until(self) -> int:
        """See `wikistate.jobs.rdf_sync.catch_up_source.SourceProgress`."""
        return self._followed_until

    def observe(self, records: list[Record]) -> None:
        """See `SourceProgress`."""
        if records:
            newest = max(record.timestamp or 0 for record in records)
            self._followed_until = max(self._followed_until, min(newest, int(self._clock() * 1000) + CLOCK_SKEW))


async def retention_of_recent_changes(queries: Queries, *, overlap: int) -> int | None:
    """Return the time since which a wiki's recent changes are complete, milliseconds since the epoch.

    None if they are complete since the first change.

    Args:
        queries: Client of the wiki; open.
        overlap: Longest time between the timestamp of a change and its commit, milliseconds.

    Raises:
        WikiError: The wiki refuses the query, or its answer has another form.
    """
    document = await queries.query(_OLDEST_CHANGE_QUERY)
    try:
        answer = Fields(document)
        oldest = next(answer.fields("query").get_all("recentchanges"), None)
        if oldest is None:
            return answer.time("curtimestamp") - _DAY_MS
        # If the first change is still listed, none was ever removed.
        return None if oldest.integer("rcid") == 1 else oldest.time("timestamp") + overlap
    except FieldError as error:
        raise WikiError(f"The wiki does not state the age of its oldest recent change: {error.message}.") from error


def retention_of_events(seconds: float, clock: Callable[[], float]) -> int:
    """Return the time since which a source that keeps events for some seconds is complete, milliseconds since the epoch."""
    return int((clock() - seconds) * 1000)
