"""Check of the outputs of a run: a contender with wrong outputs has no result."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import orjson

from wikistate.errors import PartError

if TYPE_CHECKING:
    from collections.abc import Iterable


class Record(NamedTuple):
    """Record of the sink."""

    key: bytes
    value: bytes


class OutputCheck(NamedTuple):
    """Counts of repeated and reordered events.

    Attributes:
        repeated: Events that were written more than once.
        overtaken: Events that were written after a later edit of the same page.
    """

    repeated: int
    overtaken: int


def check(records: Iterable[Record], *, revisions: range, body: str) -> OutputCheck:
    """Check that the sink has every event at least once, with its body and its key.

    Args:
        records: All records of the sink in order.
        revisions: Revisions of all events of the source.
        body: Body of each revision.

    Raises:
        PartError: An event is missing or wrong; names it.
    """
    seen, latest, overtaken = Counter[int](), dict[int, int](), 0
    for record in records:
        page, revision = _identity(record, body)
        seen[revision] += 1
        overtaken += revision < latest.get(page, 0)
        latest[page] = max(revision, latest.get(page, 0))
    if missing := set(revisions) - seen.keys():
        raise PartError(f"Of {len(revisions)} events {len(missing)} are missing, the first is {min(missing)}.")
    return OutputCheck(sum(count > 1 for count in seen.values()), overtaken)


def _identity(record: Record, body: str) -> tuple[int, int]:
    """Return page and revision of a correct event."""
    event = orjson.loads(record.value)
    page, revision = event["page"]["page_id"], event["revision"]["rev_id"]
    if orjson.loads(record.key) != {"wiki_id": event["wiki_id"], "page_id": page}:
        raise PartError(f"Revision {revision} has the key {record.key!r}.")
    if event["revision"]["content_slots"]["main"].get("content_body") != body:
        raise PartError(f"Revision {revision} does not have the body of the wiki.")
    return int(page), int(revision)
