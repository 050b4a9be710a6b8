"""The jobs for every runner in the terms of the scenarios: changes in, changes out, faults of the wiki.

A scenario uses pages and numbers, and each job translates them to its own terms. A new job is one more `JobCase` in
`JOBS`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import orjson

from wikistate.demo import corpus, events
from wikistate.demo.pages import Page, make_revision
from wikistate.testing.faults import Fault, MissingRevision, Rule

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

WIKI = corpus.load_wikis()["enwiki"]
START = datetime(2026, 6, 1, tzinfo=UTC)
NUMBERS = 1000
"""The count of numbers of a page."""


class Change(NamedTuple):
    """One event: its page, and its number, which grows within the page."""

    page: int
    number: int


class PoisonRecord(NamedTuple):
    """A record of a page that is not an event; None is a tombstone."""

    page: int
    value: bytes | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCase:
    """A job, in the terms of the scenarios.

    Attributes:
        name: The name on the command line.
        settings: Returns settings for the URL of the only wiki, with retries that never end.
        record: Returns the value of a change on the source.
        key: Returns the key of a page on source and sink.
        timestamp: Returns the timestamp on the sink, milliseconds since the epoch.
        recognise: Returns the change of an event on the sink or the error stream; None if it has none.
        rule: Returns the rule by which the wiki answers requests for these changes.
        holding_fault: The fault under which a change is not finished.
    """

    name: str
    settings: Callable[[str], dict[str, object]]
    record: Callable[[Change], bytes]
    key: Callable[[int], bytes]
    timestamp: Callable[[Change], int]
    recognise: Callable[[bytes], Change | None]
    rule: Callable[[Fault, Iterable[Change]], Rule]
    holding_fault: Fault = MissingRevision()  # noqa: RUF009  (a frozen value)


def _make_settings(wiki: str) -> dict[str, object]:
    """Return settings under which every revision is a separate request, so that a fault hits no other revision.

    The limit of concurrent requests is so high that it delays no scenario, even after the wiki has reported overload.
    """
    return {
        "enrich.mediawiki_api_endpoint_template": f"{wiki}/w/api.php",
        "enrich.batch_size": 1,
        "farms.own.concurrency": 64,
        "enrich.request_timeout": 3.0,
        "enrich.retry": {"max_attempts": 1_000, "base_delay": 0.05, "max_delay": 0.5, "acceptable_lag": 1e9},
    }


def _revision(change: Change) -> int:
    return change.page * NUMBERS + change.number


def _event_time(change: Change) -> datetime:
    return START + timedelta(minutes=change.page, seconds=change.number)


def _encode_page_change(change: Change) -> bytes:
    envelope = events.Envelope(WIKI, event_id=str(UUID(int=_revision(change))))
    saved = replace(make_revision(_revision(change)), dt=f"{_event_time(change):%Y-%m-%dT%H:%M:%SZ}")
    return orjson.dumps(events.build_edit(Page(change.page, f"Page {change.page}"), saved, envelope=envelope))


def _parse_page_change(value: bytes) -> Change | None:
    match _parse_json(value):
        case {"error_type": _, "raw_event": str(raw)}:
            return _parse_page_change(raw.encode())
        case {"revision": {"rev_id": int(rev_id)}}:
            return Change(*divmod(rev_id, NUMBERS))
        case _:
            return None


def _parse_json(value: bytes) -> object:
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return None


JOBS = [
    JobCase(
        name="page-content-change",
        settings=_make_settings,
        record=_encode_page_change,
        key=lambda page: orjson.dumps({"wiki_id": WIKI.wiki_id, "page_id": page}),
        timestamp=lambda change: int(_event_time(change).timestamp() * 1000),
        recognise=_parse_page_change,
        rule=lambda action, changes: Rule(action, revisions=frozenset(map(_revision, changes))),
    ),
]
