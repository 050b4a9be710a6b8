"""What a run wrote, read back: a faster wrong answer does not count."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import orjson

from wikistate.errors import PartError

if TYPE_CHECKING:
    from collections.abc import Iterable


class Record(NamedTuple):
    """Of the sink."""

    key: bytes
    value: bytes


class OutputCheck(NamedTuple):
    """How often a guarantee was not needed or not given.

    Attributes:
        repeated: Events that were written more than once.
        overtaken: Events that came behind a later edit of the same page.
    """

    repeated: int
    overtaken: int


def check(records: Iterable[Record], *, revisions: range, body: str) -> OutputCheck:
    """Whether every event is there once or more, with its body and its key.

    Args:
        records: All of the sink, in its order.
        revisions: Of all events that were to be enriched.
        body: Of each revision.

    Raises:
        PartError: One is missing, or is not what it must be; says which.
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
    """Page and revision of an event that is right."""
    event = orjson.loads(record.value)
    page, revision = event["page"]["page_id"], event["revision"]["rev_id"]
    if orjson.loads(record.key) != {"wiki_id": event["wiki_id"], "page_id": page}:
        raise PartError(f"Revision {revision} has the key {record.key!r}.")
    if event["revision"]["content_slots"]["main"].get("content_body") != body:
        raise PartError(f"Revision {revision} has not the body that the wiki gave.")
    return int(page), int(revision)
