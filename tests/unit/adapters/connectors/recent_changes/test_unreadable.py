"""Malformed answers of a wiki: the change is refused, and the run resumes behind it."""

from __future__ import annotations

from contextlib import suppress
from itertools import chain
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.adapters.connectors.recent_changes.paged_wiki import PagedWiki
from tests.unit.adapters.connectors.recent_changes.test_source import (
    HERE,
    NOON,
    MemoryMetadata,
    ScriptedWiki,
    following,
    kinds_and_revisions,
    logged,
    saved,
)

from wikistate.adapters.connectors.checkpoint import ResumePosition
from wikistate.adapters.connectors.recent_changes import RecentChangesFeed, RecentChangesSettings
from wikistate.adapters.connectors.start_stop import Moment
from wikistate.core.events.decoder import read_object
from wikistate.core.events.rejection import RejectedEvent
from wikistate.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wikistate.adapters.connectors.push_source import FeedRecord

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
DEEP: Any = orjson.loads(b"[" * 1000 + b"]" * 1000)


class OddWiki(PagedWiki):
    """A wiki whose answers a function changes."""

    def __init__(self, change: Callable[[dict[str, Any]], object]) -> None:
        super().__init__()
        self.change = change

    async def query(self, parameters: Mapping[str, str], *, tries: int | None = None) -> dict[str, Any]:
        """See `WikiQueries`."""
        document: dict[str, Any] = orjson.loads(orjson.dumps(await super().query(parameters, tries=tries)))
        self.change(document)
        return document


async def receive(wiki: ScriptedWiki) -> tuple[list[FeedRecord], list[FeedRecord]]:
    """Return the records of events, and those of refused changes."""
    wiki.now = NOON + 10_000  # behind the end, so that a run without any record ends
    settings = RecentChangesSettings(
        api="http://wiki.example/api.php", since=Moment(NOON - 60_000), end=Moment(NOON + 5000), interval=0.001
    )
    feed = RecentChangesFeed(settings, wiki)
    await feed.open({}, MemoryMetadata())
    arrivals = await feed.receive() or []
    refused = [arrival for arrival in arrivals if arrival.record.refusal]
    return [arrival for arrival in arrivals if not arrival.record.refusal], refused


@pytest.mark.parametrize(
    "value",
    [None, "5", 5.5, [], {}, True, 2**63, DEEP],
    ids=lambda value: f"{value!s:.20}" if value is not DEEP else "deep",
)
@pytest.mark.parametrize("field", ["revid", "rcid", "title", "timestamp", "type", "ns"])
async def test_row_with_a_field_of_another_type_is_refused(field: str, value: object) -> None:
    """The other rows become events; the refused row is the value of its record, and the reason names the field."""
    wiki = ScriptedWiki()
    row = saved(1)
    wiki.recent = [row, saved(2)]
    row[field] = value if not (field == "title" and value == "5") and not (field == "type" and value == "5") else 7
    if field == "timestamp":
        wiki.recent = _listed_always(wiki.recent)
    events, (refused,) = await receive(wiki)
    assert kinds_and_revisions(events) == [("edit", 2)]
    assert f"recentchanges.{field} is " in refused.record.refusal
    rejected = read_object(refused.record)
    assert isinstance(rejected, RejectedEvent)
    assert (rejected.error_type, rejected.message) == ("UnreadableChange", refused.record.refusal)
    assert len(refused.record.value or b"") > 1


@pytest.mark.parametrize("field", ["revid", "rcid", "title", "timestamp", "type", "ns"])
async def test_row_without_a_field_is_refused(field: str) -> None:
    """The reason says that it is missing."""
    wiki = ScriptedWiki()
    row = saved(1)
    wiki.recent = _listed_always([row, saved(2)])
    del wiki.recent[0][field]
    events, (refused,) = await receive(wiki)
    assert kinds_and_revisions(events) == [("edit", 2)]
    assert f"recentchanges.{field} is missing" in refused.record.refusal


@pytest.mark.parametrize("field", ["pageid", "user", "userid", "comment", "old_revid", "newlen", "logid", "logparams"])
async def test_row_without_an_optional_field_is_an_event(field: str) -> None:
    """Suppressed users and comments are missing as well."""
    wiki = ScriptedWiki()
    wiki.recent = [saved(1)]
    wiki.recent[0].pop(field, None)
    events, refused = await receive(wiki)
    assert (kinds_and_revisions(events)[0][1], refused) == (1, [])


@pytest.mark.parametrize("row", [None, 5, "row", [], [{}], {}], ids=str)
async def test_row_of_another_type_is_refused(row: Any) -> None:
    """The rows behind it become events."""
    wiki = ScriptedWiki()
    wiki.recent = _listed_always([row, saved(2)])
    events, (refused,) = await receive(wiki)
    assert (kinds_and_revisions(events), bool(refused.record.refusal)) == ([("edit", 2)], True)


@pytest.mark.parametrize(
    "change", [{"timestamp": None}, {"title": 5}, {"ns": "0"}, {"logid": "x"}, {"userid": -1}], ids=str
)
async def test_log_entry_that_cannot_be_read_is_refused(change: dict[str, Any]) -> None:
    """The other entries become events."""
    wiki = ScriptedWiki()
    wiki.logged = _listed_always([logged(5, "delete", "delete") | change, logged(6, "delete", "delete", page=10)])
    events, (refused,) = await receive(wiki)
    assert kinds_and_revisions(events) == [("delete", None)]
    assert f"logevents.{next(iter(change))} is " in refused.record.refusal


async def test_refused_row_is_known_when_it_is_listed_again() -> None:
    """It has one error event: after the next poll, and after a restart behind it."""
    wiki, metadata = ScriptedWiki(), MemoryMetadata()
    wiki.recent = _listed_always([saved(1) | {"revid": None}, saved(2) | {"timestamp": None}])
    feed = await following(wiki, metadata)
    arrivals = await feed.receive() or []
    assert len(arrivals) == 2
    wiki.recent.append(saved(3))
    assert kinds_and_revisions(await feed.receive()) == [("edit", 3)]
    token = feed.token_after(HERE, [arrival.token for arrival in arrivals])
    again = await following(wiki, metadata, ResumePosition(2, token))
    assert kinds_and_revisions(await again.receive()) == [("edit", 3)]


@pytest.mark.parametrize("field", ["revid", "timestamp", "parentid", "sha1", "slots", "user"])
@pytest.mark.parametrize("value", [5.5, [7], "ä" * 40])
async def test_details_that_cannot_be_read_refuse_one_change(field: str, value: object) -> None:
    """The changes of other pages become events with their details."""

    def break_page(document: dict[str, Any]) -> None:
        for page in document.get("query", {}).get("pages", []):
            if page["pageid"] == 9:
                for revision in page.get("revisions", []):
                    revision[field] = value if field != "user" else 5

    wiki = OddWiki(break_page)
    for page, revision in ((9, 1), (10, 2)):
        wiki.create(page, revision)
    wiki.recent = [saved(1, at=NOON, page=9), saved(2, at=NOON, page=10)]
    events, (refused,) = await receive(wiki)
    assert [orjson.loads(event.record.value or b"")["page"]["page_id"] for event in events] == [10]
    assert f".{field} is " in refused.record.refusal


def _each(path: str, *values: object) -> list[tuple[str, object]]:
    return [(path, value) for value in values]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        *_each("query", None, [], 5),
        *_each("query general", None, [], "x"),
        *_each("query general server", None, 7, ""),
        *_each("query general wikiid", None, []),
        *_each("query general articlepath", None, {}),
        *_each("query general servername", None, 5),
        *_each("query namespaces", None, [{"id": 0}], 7),
        *_each("query namespaces 0", None, [], "x"),
        *_each("query namespaces 0 id", None, "x", 2**63, True),
        *_each("curtimestamp", None, "yesterday", 5),
    ],
    ids=str,
)
async def test_malformed_siteinfo_ends_the_start_with_the_place(path: str, value: object) -> None:
    """The error names the path, the value and the expected one."""
    place = path.split()

    def break_field(document: dict[str, Any]) -> None:
        if "general" in document.get("query", {}):
            found = document
            for name in place[:-1]:
                found = found[name]
            found[place[-1]] = value

    with pytest.raises(SourceError, match=rf"its siteinfo is incomplete: {'.'.join(place)} .* but must be"):
        await receive(OddWiki(break_field))


@given(
    field=st.sampled_from([*saved(1), "logtype", "logaction", "logparams", "logid"]),
    value=JSON,
    kind=st.sampled_from(["edit", "log"]),
)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
async def test_any_value_of_a_field_is_an_event_or_a_refusal(field: str, value: object, kind: str) -> None:
    """The change behind it is an event in each case."""
    wiki = ScriptedWiki()
    row = saved(1) | {
        "type": kind,
        "logtype": "move",
        "logaction": "move",
        "logid": 3,
        "logparams": {"target_title": "B"},
    }
    wiki.recent = _listed_always([row | {field: value}, saved(2)])
    events, refused = await receive(wiki)
    assert ("edit", 2) in kinds_and_revisions(events)
    assert all("but must be" in each.record.refusal or "is expected" in each.record.refusal for each in refused)


@given(
    part=st.sampled_from(["query", "continue", "recentchanges", "logevents", "pages", "namespaces", "general"]),
    value=JSON,
)
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
async def test_any_value_of_a_part_of_an_answer_is_readable_or_an_error(part: str, value: object) -> None:
    """No other exception leaves the source."""

    def break_part(document: dict[str, Any]) -> None:
        if part in ("query", "continue"):
            document[part] = value
        elif isinstance(document.get("query"), dict) and part in document["query"]:
            document["query"][part] = value

    wiki = OddWiki(break_part)
    wiki.create(9, 1)
    wiki.recent = [saved(1, at=NOON)]
    with suppress(SourceError):
        for arrival in chain(*await receive(wiki)):
            assert arrival.record.value


class _AlwaysListed(dict[str, Any]):
    """Row that a scripted wiki lists whatever the time is."""

    def __getitem__(self, name: str) -> Any:
        return "9999" if name == "timestamp" else super().__getitem__(name)


def _listed_always(rows: list[Any]) -> list[Any]:
    return [_AlwaysListed(row) if isinstance(row, dict) else _Odd(row) for row in rows]


class _Odd(list[Any]):
    """Row of another type than an object, which a scripted wiki lists."""

    def __init__(self, row: object) -> None:
        super().__init__([row])

    def __getitem__(self, name: Any) -> Any:
        return "9999" if name == "timestamp" else super().__getitem__(name)
