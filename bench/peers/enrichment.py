"""The work itself, the same for every peer, so that they differ in nothing but the framework around it.

Runs in the peers' own environments: needs orjson, which is what wikistate uses as well, and nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

REVISIONS = 50
"""In a request at the most: what the Action API answers without special rights (API:Revisions)."""

HEADERS = {"Accept-Encoding": "gzip", "User-Agent": "wikistate-bench"}
"""Compressed answers, as API:Etiquette asks for, and as wikistate asks unless it is told otherwise."""

_QUERY = "?action=query&format=json&formatversion=2&maxlag=5&prop=revisions&rvprop=ids%7Ccontent&rvslots=*&revids="


class Batch:
    """Events that are enriched with one request.

    Args:
        values: Of the records, `REVISIONS` of them at the most.
    """

    def __init__(self, values: Sequence[bytes]) -> None:
        self._events: list[dict[str, Any]] = [orjson.loads(value) for value in values]

    @property
    def query(self) -> str:
        """What stands behind the address of the API."""
        return _QUERY + "%7C".join(str(event["revision"]["rev_id"]) for event in self._events)

    def enriched(self, answer: bytes) -> list[bytes]:
        """The events with their bodies, in the order in which they were given.

        Raises:
            KeyError: The wiki has not answered for all of them. A peer that should survive it has to say how.
        """
        pages = orjson.loads(answer)["query"]["pages"]
        bodies = {each["revid"]: each["slots"]["main"]["content"] for page in pages for each in page["revisions"]}
        for event in self._events:
            event["revision"]["content_slots"]["main"]["content_body"] = bodies[event["revision"]["rev_id"]]
        return [orjson.dumps(event) for event in self._events]


def make_page_key(value: bytes) -> bytes:
    """The key of an event's record, for a framework whose source hands over no keys."""
    event = orjson.loads(value)
    return orjson.dumps({"wiki_id": event["wiki_id"], "page_id": event["page"]["page_id"]})


def plan_batches(count: int) -> Iterator[slice]:
    """Cuts so many events into pieces for one request each."""
    return (slice(start, start + REVISIONS) for start in range(0, count, REVISIONS))
