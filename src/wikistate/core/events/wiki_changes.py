"""What happened on a wiki, in one list, out of ``list=recentchanges`` and ``list=logevents``. Pure.

Neither list is enough. Recent changes have the order of edits and log entries within a second, but lose the rows of a
page that is deleted. The log has every deletion and move, and says which page it was at that time.
Sources: MediaWiki documentation, API:RecentChanges and API:Logevents.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Any, NamedTuple

from wikistate.core.events.timestamps import parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Json = dict[str, Any]


class What(Enum):
    """What a change did, as far as its row tells."""

    SAVED = auto()
    """A revision was saved: an edit, or the first of a page."""
    BROUGHT_IN = auto()
    """The page got a new current revision by an import, an upload or a change of its content model."""
    MOVED = auto()
    DELETED = auto()
    UNDELETED = auto()
    HIDDEN = auto()
    """The visibility of revisions changed, one way or the other."""


class Change(NamedTuple):
    """One change.

    Attributes:
        identity: Tells it from all others of its wiki: ``rev:12`` or ``log:34``.
        timestamp: Milliseconds since the epoch; the wiki's own are whole seconds.
        what: What it did.
        page_id: Of the page at that time; 0 where the row does not say.
        rev_id: The revision that it made; 0 where it made none or the row does not say.
        row: The rest, as the wiki says it: ``title``, ``ns``, ``timestamp``, ``user``, ``comment``, …
        params: Parameters of a log entry.
    """

    identity: str
    timestamp: int
    what: What
    page_id: int
    rev_id: int
    row: Json
    params: Json

    @property
    def title(self) -> str:
        """The page's title in the row: for a move, the old one."""
        return str(self.row["title"])


_LOGGED = {
    ("delete", "delete"): What.DELETED,
    ("delete", "delete_redir"): What.DELETED,
    ("delete", "delete_redir2"): What.DELETED,
    ("suppress", "delete"): What.DELETED,
    ("delete", "restore"): What.UNDELETED,
    ("delete", "revision"): What.HIDDEN,
    ("suppress", "revision"): What.HIDDEN,
}
_LOGGED_TYPES = {
    "move": What.MOVED,
    "import": What.BROUGHT_IN,
    "upload": What.BROUGHT_IN,
    "contentmodel": What.BROUGHT_IN,
}


def read_changes(recent: Iterable[Json], logged: Iterable[Json]) -> list[Change]:
    """All changes of both lists, each once, in the order in which they happened.

    Args:
        recent: Rows of ``list=recentchanges``, types ``edit``, ``new`` and ``log``.
        logged: Rows of ``list=logevents`` for the same time.
    """
    entries = {entry["logid"]: entry for entry in logged if "logid" in entry}
    ordered = [
        (change, row["rcid"])
        for row in recent
        if (change := _of_recent(row, entries.pop(row["logid"], None) if row.get("logid") else None)) is not None
    ]
    # What stands in the log alone comes last within its second: nothing says where in it it belongs.
    last = max((order for _, order in ordered), default=0)
    ordered += [(change, last + entry["logid"]) for entry in entries.values() if (change := _of_log(entry)) is not None]
    ordered.sort(key=lambda pair: (pair[0].timestamp, pair[1]))
    return [change for change, _ in ordered]


def _of_recent(row: Json, entry: Json | None) -> Change | None:
    if row.get("type") in ("edit", "new"):
        return Change(f"rev:{row['revid']}", _time(row), What.SAVED, row.get("pageid", 0), row["revid"], row, {})
    if row.get("type") != "log" or "logid" not in row:
        return None
    as_entry = entry or row | {
        "type": row.get("logtype"),
        "action": row.get("logaction"),
        "params": row.get("logparams"),
        "logpage": row.get("pageid"),
    }
    change = _of_log(as_entry)
    return None if change is None else change._replace(rev_id=row.get("revid") or 0)


def _of_log(entry: Json) -> Change | None:
    what = _LOGGED.get((str(entry.get("type")), str(entry.get("action")))) or _LOGGED_TYPES.get(str(entry.get("type")))
    if what is None or "title" not in entry:  # another kind of entry, or one whose page is hidden
        return None
    params = entry.get("params")
    return Change(
        f"log:{entry['logid']}",
        _time(entry),
        what,
        entry.get("logpage") or 0,
        0,
        entry,
        params if isinstance(params, dict) else {},
    )


def _time(row: Mapping[str, Any]) -> int:
    return parse_timestamp(str(row["timestamp"])) or 0
