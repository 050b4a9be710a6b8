"""How far a source was followed, and how far it reaches back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.core.events.timestamps import parse_timestamp
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
    """Of recent changes: the wiki's own clock, each time that it had nothing more to tell."""

    def __init__(self) -> None:
        self._followed_until = 0

    def advance(self, until: int) -> None:
        """All that had happened by then has arrived; milliseconds since the epoch."""
        self._followed_until = max(self._followed_until, until)

    def followed_until(self) -> int:
        """See `wikistate.jobs.rdf_sync.catch_up_source.Following`."""
        return self._followed_until

    def observe(self, records: list[Record]) -> None:
        """See `SourceProgress`."""


class EventProgress:
    """Of streams of events: the newest that was handed over, for nobody says when there is nothing more."""

    def __init__(self) -> None:
        self._followed_until = 0

    def followed_until(self) -> int:
        """See `wikistate.jobs.rdf_sync.catch_up_source.Following`."""
        return self._followed_until

    def observe(self, records: list[Record]) -> None:
        """See `SourceProgress`."""
        self._followed_until = max([self._followed_until, *(record.timestamp or 0 for record in records)])


async def retention_of_recent_changes(queries: Queries, *, overlap: int) -> int | None:
    """From when on a wiki's recent changes are complete, milliseconds since the epoch; None for from its beginning.

    Args:
        queries: Asks the wiki; open.
        overlap: For how long a change may have been committed after its time, milliseconds.

    Raises:
        WikiError: The wiki refuses, or answers something else.
    """
    document = await queries.query(_OLDEST_CHANGE_QUERY)
    try:
        rows = document["query"]["recentchanges"]
        if rows and rows[0]["rcid"] == 1:
            return None  # nothing was ever taken out
        if rows:
            return (parse_timestamp(rows[0]["timestamp"]) or 0) + overlap
        return (parse_timestamp(document["curtimestamp"]) or 0) - _DAY_MS
    except (KeyError, TypeError, IndexError) as error:
        raise WikiError(f"The wiki does not say how far its recent changes reach: {error!r:.100}.") from error


def retention_of_events(seconds: float, clock: Callable[[], float]) -> int:
    """From when on a source that keeps events for so long has them all, milliseconds since the epoch."""
    return int((clock() - seconds) * 1000)
