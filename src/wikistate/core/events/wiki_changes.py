"""Changes of a wiki in one list, merged from ``list=recentchanges`` and ``list=logevents``. Pure.

Neither list is enough. Recent changes have the order of edits and log entries within a second, but lose the rows of a
page that is deleted. The log has every deletion and move, and names the page of that time.
Sources: MediaWiki documentation, API:RecentChanges and API:Logevents.
"""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Any, NamedTuple

from wikistate.core.events.timestamps import parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

Json = dict[str, Any]


class ChangeType(Enum):
    """Effect of a change, as far as its row shows it."""

    SAVED = auto()
    """A revision was saved: an edit, or the first revision of a page."""
    IMPORTED = auto()
    """The page got a new current revision by an import, an upload or a change of its content model."""
    REVISED = auto()
    """A log action saved a revision beside it, which has no row of an edit: a protection, a merge of histories."""
    MOVED = auto()
    DELETED = auto()
    UNDELETED = auto()
    HIDDEN = auto()
    """The visibility of revisions changed: they were hidden or shown."""


class WikiChange(NamedTuple):
    """Change of a wiki.

    Attributes:
        identity: Text that differs for all changes of the wiki: ``rev:12`` or ``log:34``. A revision that a log action
            saved beside it has the identity of a revision.
        timestamp: Milliseconds since the epoch; the timestamps of the wiki are whole seconds.
        change_type: Effect of the change.
        page_id: Id of the page at that time; 0 if the row does not have it.
        rev_id: The revision that the change made; 0 if it made none or the row does not have it.
        row: The row of the wiki with all other fields: ``title``, ``ns``, ``timestamp``, ``user``, ``comment``, …
        params: Parameters of a log entry.
    """

    identity: str
    timestamp: int
    change_type: ChangeType
    page_id: int
    rev_id: int
    row: Json
    params: Json

    @property
    def title(self) -> str:
        """The page's title in the row: for a move, the old title."""
        return str(self.row["title"])


_LOG_ACTIONS = {
    ("delete", "delete"): ChangeType.DELETED,
    ("delete", "delete_redir"): ChangeType.DELETED,
    ("delete", "delete_redir2"): ChangeType.DELETED,
    ("suppress", "delete"): ChangeType.DELETED,
    ("delete", "restore"): ChangeType.UNDELETED,
    ("delete", "revision"): ChangeType.HIDDEN,
    ("suppress", "revision"): ChangeType.HIDDEN,
}
_LOG_TYPES = {
    "move": ChangeType.MOVED,
    "import": ChangeType.IMPORTED,
    "upload": ChangeType.IMPORTED,
    "contentmodel": ChangeType.IMPORTED,
    "protect": ChangeType.REVISED,
    "merge": ChangeType.REVISED,
}
"""Types of log entries with an effect on their page whatever their action is. Old wikis do not state the revision of a
protection, and no wiki states that of a merge."""

_NEVER_REVISED = frozenset({"create", "delete", "suppress"})
"""Types of log entries that name a revision of another change, or only change its visibility."""


def read_changes(recent: Iterable[Json], logged: Iterable[Json]) -> list[WikiChange]:
    """Return the changes of both lists, each once, in the order in which they occurred.

    Args:
        recent: Rows of ``list=recentchanges``, types ``edit``, ``new`` and ``log``.
        logged: Rows of ``list=logevents`` for the same time.
    """
    entries = {entry["logid"]: entry for entry in logged if "logid" in entry}
    rows = list(recent)
    saved = {row["revid"] for row in rows if row.get("type") in ("edit", "new")}
    ordered = [
        (change, row["rcid"])
        for row in rows
        if (change := _from_recent_change(row, entries.pop(row["logid"], None) if row.get("logid") else None))
        is not None
        and not _is_row_of_edit(change, saved)
    ]
    # An entry of the log alone comes last within its second, because its place within the second is not known.
    last = max((order for _, order in ordered), default=0)
    ordered += [
        (change, last + entry["logid"]) for entry in entries.values() if (change := _from_log_event(entry)) is not None
    ]
    ordered.sort(key=lambda pair: (pair[0].timestamp, pair[1]))
    return [change for change, _ in ordered]


def _from_recent_change(row: Json, entry: Json | None) -> WikiChange | None:
    if row.get("type") in ("edit", "new"):
        return WikiChange(
            f"rev:{row['revid']}", _read_time(row), ChangeType.SAVED, row.get("pageid", 0), row["revid"], row, {}
        )
    if row.get("type") != "log" or "logid" not in row:
        return None
    as_entry = entry or row | {
        "type": row.get("logtype"),
        "action": row.get("logaction"),
        "params": row.get("logparams"),
        "logpage": row.get("pageid"),
    }
    rev_id = row.get("revid") or 0
    change = _from_log_event(as_entry, rev_id)
    if change is None:
        return None
    is_revision = change.change_type is ChangeType.REVISED and rev_id
    return change._replace(rev_id=rev_id, identity=f"rev:{rev_id}" if is_revision else change.identity)


def _is_row_of_edit(change: WikiChange, saved: Container[int]) -> bool:
    """Return whether a log entry only repeats an edit that has a separate row."""
    return change.change_type in (ChangeType.REVISED, ChangeType.IMPORTED) and change.rev_id in saved


def _from_log_event(entry: Json, rev_id: int = 0) -> WikiChange | None:
    kind = str(entry.get("type"))
    change_type = _LOG_ACTIONS.get((kind, str(entry.get("action")))) or _LOG_TYPES.get(kind)
    if change_type is None and rev_id and kind not in _NEVER_REVISED:
        change_type = ChangeType.REVISED
    if change_type is None or "title" not in entry:  # another kind of entry, or an entry with a hidden page
        return None
    params = entry.get("params")
    return WikiChange(
        f"log:{entry['logid']}",
        _read_time(entry),
        change_type,
        entry.get("logpage") or 0,
        0,
        entry,
        params if isinstance(params, dict) else {},
    )


def _read_time(row: Mapping[str, Any]) -> int:
    return parse_timestamp(str(row["timestamp"])) or 0
