"""A wiki that continues a list without an end, or that lists changes without an end, ends the source with the reason."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.adapters.connectors.recent_changes.test_source import NOON, MemoryMetadata, ScriptedWiki, saved

from wikistate.adapters.connectors.recent_changes import RecentChangesFeed, RecentChangesSettings
from wikistate.adapters.connectors.recent_changes.position import MAX_CHANGES, ChangeWindow
from wikistate.adapters.connectors.recent_changes.wiki import MAX_ROWS
from wikistate.adapters.connectors.start_stop import Moment
from wikistate.core.events.continuation import MAX_EMPTY_PARTS
from wikistate.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, Any]


class EndlessWiki(ScriptedWiki):
    """Wiki that continues one kind of list without an end.

    Attributes:
        queries: Number of queries for the endless list.
    """

    def __init__(self, endless: str, *, repeats: bool, rows: int = 0) -> None:
        super().__init__()
        self.queries = 0
        self._endless = endless
        self._rows = rows
        self._numbers = iter(lambda: 7, None) if repeats else count()

    async def query(self, parameters: Mapping[str, str], *, tries: int | None = None) -> Json:
        """See `WikiQueries`."""
        document = await super().query(parameters, tries=tries)
        if self._endless not in (parameters.get("list"), parameters.get("generator"), *parameters):
            return document
        self.queries += 1
        assert self.queries < 5000
        found = {} if self._endless == "allpages" else document.get("query", {})
        extra = [{"logid": 1, "timestamp": "2000-01-01T00:00:00Z"}] * self._rows
        if self._endless == "logevents":
            found = {"logevents": [*found.get("logevents", []), *extra]}
        return document | {"query": found, "continue": {"continue": f"-||{next(self._numbers)}"}}


async def receive(wiki: ScriptedWiki, *, inventory_pages: int = 0) -> object:
    """Return the first records of a feed of this wiki, after two changes."""
    settings = RecentChangesSettings(
        api="http://wiki.example/api.php", since=Moment(NOON - 60_000), interval=0.001, inventory_pages=inventory_pages
    )
    feed = RecentChangesFeed(settings, wiki)
    await feed.open({}, MemoryMetadata())
    found = None
    while True:
        found = await feed.receive() or found


@pytest.mark.parametrize("repeats", [True, False], ids=["repeats", "never-ends"])
@pytest.mark.parametrize("endless", ["recentchanges", "logevents", "revids", "titles", "allpages"])
async def test_list_that_does_not_advance_ends_the_source(endless: str, *, repeats: bool) -> None:
    """A part without a row, again and again; the message names the wiki."""
    wiki = EndlessWiki(endless, repeats=repeats)
    wiki.recent = [] if endless == "recentchanges" else [saved(1), saved(2)]
    if endless == "titles":
        wiki.recent, wiki.logged = [], [ROW]
    with pytest.raises(SourceError, match=r"http://wiki\.example/api\.php cannot be read: it.*"):
        await receive(wiki, inventory_pages=10 if endless == "allpages" else 0)
    assert wiki.queries <= MAX_EMPTY_PARTS + 2


ROW = {
    "logid": 1,
    "type": "move",
    "action": "move",
    "logpage": 9,
    "pageid": 9,
    "ns": 0,
    "params": {"target_ns": 0, "target_title": "Elsewhere"},
    "user": "Bob",
    "userid": 8,
    "comment": "reason",
    "title": "Page 9",
    "timestamp": "2026-01-31T12:00:00.000Z",
}


async def test_rows_of_a_part_are_bounded() -> None:
    """Log entries without an end are not collected."""
    wiki = EndlessWiki("logevents", repeats=False, rows=5000)
    wiki.recent = [saved(1)]
    with pytest.raises(SourceError, match=f"more than the allowed {MAX_ROWS} rows"):
        await receive(wiki)
    assert wiki.queries == MAX_ROWS // 5000 + 1


def test_changes_of_one_window_are_bounded() -> None:
    """A wiki may give each change the same time; the message names the bound and the setting."""
    window = ChangeWindow(120_000, NOON)
    window.add((f"r{number}", NOON) for number in range(MAX_CHANGES))
    with pytest.raises(SourceError, match=f"allowed {MAX_CHANGES} changes within the 120 seconds") as raised:
        window.add([("one more", NOON)])
    assert "options.overlap" in raised.value.hint
