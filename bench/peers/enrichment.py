"""The work itself, the same for every peer, so that they differ only in the framework around it.

It runs in the environments of the peers and needs only orjson, which wikistate uses as well.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

REVISIONS = 50
"""Maximum of revisions in a request: the limit of the Action API without special rights (API:Revisions)."""

HEADERS = {"Accept-Encoding": "gzip", "User-Agent": "wikistate-bench"}
"""Headers for compressed responses, as API:Etiquette recommends, and as wikistate requests by default."""

_QUERY = "?action=query&format=json&formatversion=2&maxlag=5&prop=revisions&rvprop=ids%7Ccontent&rvslots=*&revids="


class Batch:
    """Batch of events that are enriched with one request.

    Args:
        values: Values of the records, at most `REVISIONS`.
    """

    def __init__(self, values: Sequence[bytes]) -> None:
        self._events: list[dict[str, Any]] = [orjson.loads(value) for value in values]

    @property
    def query(self) -> str:
        """Query after the address of the API."""
        return _QUERY + "%7C".join(str(event["revision"]["rev_id"]) for event in self._events)

    def enriched(self, answer: bytes) -> list[bytes]:
        """Return the events with their bodies, in their order.

        Raises:
            KeyError: The response does not have all revisions. A peer that should survive this must handle it.
        """
        pages = orjson.loads(answer)["query"]["pages"]
        bodies = {each["revid"]: each["slots"]["main"]["content"] for page in pages for each in page["revisions"]}
        for event in self._events:
            event["revision"]["content_slots"]["main"]["content_body"] = bodies[event["revision"]["rev_id"]]
        return [orjson.dumps(event) for event in self._events]


def make_page_key(value: bytes) -> bytes:
    """Return the key of the record of an event, for a framework with a source that drops keys."""
    event = orjson.loads(value)
    return orjson.dumps({"wiki_id": event["wiki_id"], "page_id": event["page"]["page_id"]})


def plan_batches(count: int) -> Iterator[slice]:
    """Return the slices of so many events for one request each."""
    return (slice(start, start + REVISIONS) for start in range(0, count, REVISIONS))
