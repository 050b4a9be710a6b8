"""The events of changes of a wiki when details are requested too late, and when changes are committed late."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
from structlog.testing import capture_logs

from wikistate.adapters.connectors.checkpoint import ResumePosition
from wikistate.adapters.connectors.recent_changes import RecentChangesFeed, RecentChangesSettings
from wikistate.adapters.connectors.start_stop import Moment
from wikistate.core.events.timestamps import format_timestamp
from wikistate.streaming.record import Partition

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wikistate.adapters.connectors.push_source import FeedRecord

NOON = 1_769_860_800_000  # 2026-01-31T12:00:00Z
HERE = Partition("wiki.example")


class ScriptedWiki:
    """A wiki whose responses a test defines. It has no revisions, as if all pages had been deleted since."""

    def __init__(self) -> None:
        self.recent: list[dict[str, Any]] = []
        self.logged: list[dict[str, Any]] = []
        self.now = NOON

    async def open(self) -> None:
        """See `WikiQueries`."""

    async def close(self) -> None:
        """See `WikiQueries`."""

    async def query(self, parameters: Mapping[str, str], *, tries: int | None = None) -> dict[str, Any]:
        """See `WikiQueries`."""
        del tries
        clock = {"curtimestamp": format_timestamp(self.now)}
        match parameters:
            case {"meta": "siteinfo"}:
                general = {
                    "wikiid": "w",
                    "servername": "wiki.example",
                    "server": "//wiki.example",
                    "articlepath": "/$1",
                }
                return clock | {"query": {"general": general, "namespaces": {"0": {"id": 0, "content": True}}}}
            case {"list": "recentchanges", "rcstart": start}:
                return clock | {"query": {"recentchanges": [row for row in self.recent if row["timestamp"] >= start]}}
            case {"list": "logevents", "lestart": start}:
                return clock | {"query": {"logevents": [row for row in self.logged if row["timestamp"] >= start]}}
            case _:
                return clock


class MemoryMetadata:
    """Metadata in a dictionary."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    async def load_metadata(self, names: Iterable[str]) -> dict[str, str]:
        """See `Metadata`."""
        return {name: self.kept[name] for name in names if name in self.kept}

    async def save_metadata(self, values: Mapping[str, str]) -> None:
        """See `Metadata`."""
        self.kept.update(values)


def saved(rcid: int, *, at: int = NOON, page: int = 9, kind: str = "edit") -> dict[str, Any]:
    """Return a row of recent changes: a revision with the number of its row."""
    who = {"user": "Ann", "userid": 7, "comment": "because"}
    row = {
        "type": kind,
        "rcid": rcid,
        "revid": rcid,
        "pageid": page,
        "ns": 0,
        "newlen": 5,
        "old_revid": 1000 if kind == "edit" else 0,
    }
    return row | who | {"title": f"Page {page}", "timestamp": format_timestamp(at)}


def logged(logid: int, kind: str, action: str, *, at: int = NOON, page: int = 9, **params: Any) -> dict[str, Any]:
    """Return a log entry."""
    who = {"user": "Bob", "userid": 8, "comment": "reason"}
    entry = {"logid": logid, "type": kind, "action": action, "logpage": page, "ns": 0, "params": params}
    return entry | who | {"title": f"Page {page}", "timestamp": format_timestamp(at)}


async def following(
    wiki: ScriptedWiki, notes: MemoryMetadata | None = None, place: ResumePosition | None = None
) -> RecentChangesFeed:
    """Return a feed of this wiki, open."""
    settings = RecentChangesSettings(api="http://wiki.example/api.php", since=Moment(NOON - 60_000), interval=0.001)
    feed = RecentChangesFeed(settings, wiki)
    await feed.open({HERE: place} if place else {}, notes or MemoryMetadata())
    return feed


def kinds_and_revisions(arrivals: list[FeedRecord] | None) -> list[tuple[str, Any]]:
    """Return the kinds of changes and their revisions."""
    events = [orjson.loads(arrival.record.value or b"") for arrival in arrivals or ()]
    return [(event["page_change_kind"], event["revision"].get("rev_id")) for event in events]


async def test_late_change_becomes_an_event() -> None:
    """It is listed before and between earlier changes of the same second."""
    wiki = ScriptedWiki()
    feed = await following(wiki)
    wiki.recent = [saved(2), saved(4, at=NOON + 30_000)]
    assert kinds_and_revisions(await feed.receive()) == [("edit", 2), ("edit", 4)]
    wiki.recent = [saved(1, at=NOON - 30_000), saved(2), saved(3), saved(4, at=NOON + 30_000)]
    assert kinds_and_revisions(await feed.receive()) == [("edit", 1), ("edit", 3)]


async def test_restart_repeats_uncommitted_changes_only() -> None:
    """The token holds the committed records."""
    wiki = ScriptedWiki()
    wiki.recent = [saved(number) for number in (1, 2, 3)]
    first = await following(wiki)
    arrivals = await first.receive() or []
    token = first.token_after(HERE, [arrival.token for arrival in arrivals[:2]])
    second = await following(wiki, place=ResumePosition(2, token))
    (again,) = await second.receive() or []
    assert kinds_and_revisions([again]) == [("edit", 3)]
    assert again.record.offset == 2


async def test_edit_of_deleted_page_is_built_from_its_row() -> None:
    """The wiki no longer shows it; the row has enough values for a valid event."""
    wiki = ScriptedWiki()
    wiki.recent = [saved(1, kind="new")]
    (arrival,) = await (await following(wiki)).receive() or []
    event = orjson.loads(arrival.record.value or b"")
    assert (event["page_change_kind"], event["revision"]["rev_id"], event["revision"]["rev_size"]) == ("create", 1, 5)
    assert event["revision"]["editor"] == event["performer"] == {"user_text": "Ann", "user_id": 7}


async def test_deletion_names_stored_revision() -> None:
    """It does so after a restart as well; without an earlier event of the page it names none."""
    wiki, notes = ScriptedWiki(), MemoryMetadata()
    wiki.recent = [saved(1, page=9)]
    first = await following(wiki, notes)
    token = first.token_after(HERE, [arrival.token for arrival in await first.receive() or []])
    wiki.logged = [logged(5, "delete", "delete", page=9), logged(6, "delete", "delete", page=10)]
    second = await following(wiki, notes, ResumePosition(1, token))
    assert kinds_and_revisions(await second.receive()) == [("delete", 1), ("delete", None)]


async def test_only_suppression_of_current_revision_becomes_an_event() -> None:
    """The suppression of an older revision does not change the state of the page."""
    wiki = ScriptedWiki()
    wiki.recent = [saved(1), saved(2)]
    feed = await following(wiki)
    await feed.receive()
    wiki.logged = [logged(5, "delete", "revision", type="revision", ids=[1], old={}, new={})]
    wiki.recent.append(saved(3, at=NOON + 1000))
    assert kinds_and_revisions(await feed.receive()) == [("edit", 3)]


async def test_run_after_crash_before_first_commit_begins_at_first_start() -> None:
    """The time of the next start would skip the changes since the first one."""
    wiki, notes = ScriptedWiki(), MemoryMetadata()
    await following(wiki, notes)
    wiki.now += 3_600_000
    wiki.recent = [saved(1)]
    assert kinds_and_revisions(await (await following(wiki, notes)).receive()) == [("edit", 1)]


async def test_stored_position_that_beats_since_is_named() -> None:
    """The line states where the source resumes and how to begin again; a first run has no such line."""
    wiki = ScriptedWiki()
    wiki.recent = [saved(1)]
    with capture_logs() as first:
        feed = await following(wiki)
        await feed.receive()
    token = feed.token_after(HERE, [orjson.dumps([("rev:1", NOON)]).decode()])
    await feed.close()
    with capture_logs() as second:
        await (await following(wiki, place=ResumePosition(1, token))).close()
    assert [line for line in first if line["event"] == "start_ignored"] == []
    (line,) = [line for line in second if line["event"] == "start_ignored"]
    assert line["reader"] == "The source of recent changes of wiki.example"
    assert line["start"] == f"since={format_timestamp(NOON - 60_000)}"
    assert "--state" in line["remedy"]
