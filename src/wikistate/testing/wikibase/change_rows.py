"""Rows of changes in lists of the Action API (MediaWiki documentation, API:RecentChanges and API:Logevents)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wikistate.core.events.timestamps import format_timestamp

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator

    from wikistate.demo.pages import Visibility
    from wikistate.testing.wikibase.changes import Change

Row = dict[str, Any]


_PROTECTION: Row = {
    "description": "\u200e[edit=sysop] (indefinite)",
    "cascade": False,
    "details": [{"type": "edit", "level": "sysop", "expiry": "infinite", "cascade": False}],
}


def list_recent_changes(
    journal: Iterable[Change], *, since: int = 0, names_null_revisions: bool = True
) -> Iterator[Row]:
    """Yield the rows of ``list=recentchanges``, oldest first. Edits of deleted pages have no rows; log entries keep theirs.

    Args:
        journal: All changes.
        since: Time of the first row, milliseconds since the epoch.
        names_null_revisions: Whether a log row names the null revision that its action saved; old wikis do not.
    """
    gone: dict[int, int] = {}
    changes = list(journal)
    for change in changes:
        if change.kind == "delete":
            gone[change.page.page_id] = change.number
    for change in changes:
        if change.time < since:
            continue
        if change.log_id:
            yield _log_row(change, change.revision.rev_id if change.log_action and names_null_revisions else 0)
        elif change.number > gone.get(change.page.page_id, 0):
            yield _edit_row(change)


def list_log_events(journal: Iterable[Change], *, present: Collection[int], since: int = 0) -> Iterator[Row]:
    """Yield the entries of ``list=logevents``, oldest first. See `list_recent_changes`.

    Args:
        journal: All changes.
        present: Ids of the pages that are not deleted.
        since: Time of the first entry, milliseconds since the epoch.
    """
    for change in journal:
        if change.log_id and change.time >= since:
            kind, action, params = _log_fields(change)
            yield {
                "logid": change.log_id,
                "ns": change.page.namespace,
                "title": change.page.title,
                "pageid": change.page.page_id if change.page.page_id in present else 0,
                "logpage": change.page.page_id,
                "params": params,
                "type": kind,
                "action": action,
                **_user_fields(change),
                "timestamp": format_second(change.time),
                "comment": change.comment,
            }


def format_second(milliseconds: int) -> str:
    """Return a time in the format of MediaWiki, in whole seconds."""
    return format_timestamp(milliseconds // 1000 * 1000).replace(".000", "")


def _edit_row(change: Change) -> Row:
    saved, prior = change.revision, change.prior
    return {
        "type": "new" if change.kind == "create" else "edit",
        "ns": change.page.namespace,
        "title": change.page.title,
        "pageid": change.page.page_id,
        "revid": saved.rev_id,
        "old_revid": saved.parent_id or 0,
        "rcid": change.number,
        **_user_fields(change),
        "bot": saved.editor.is_bot,
        "new": change.kind == "create",
        "minor": saved.minor,
        "oldlen": prior.size if prior else 0,
        "newlen": saved.size,
        "timestamp": saved.dt,
        "comment": saved.comment,
    }


def _log_row(change: Change, rev_id: int) -> Row:
    kind, action, params = _log_fields(change)
    return {
        "type": "log",
        "ns": change.page.namespace,
        "title": change.page.title,
        "pageid": change.page.page_id,
        "revid": rev_id,
        "old_revid": 0,
        "rcid": change.number,
        **_user_fields(change),
        "bot": False,
        "new": False,
        "minor": False,
        "oldlen": 0,
        "newlen": 0,
        "timestamp": format_second(change.time),
        "comment": change.comment,
        "logid": change.log_id,
        "logtype": kind,
        "logaction": action,
        "logparams": params,
    }


def _log_fields(change: Change) -> tuple[str, str, Row]:
    """Return type, action and parameters of a log entry."""
    match change.kind:
        case _ if change.log_action:
            return "protect", change.log_action, _PROTECTION if change.log_action == "protect" else {}
        case "delete":
            return "suppress" if change.prior_visibility else "delete", "delete", {}
        case "undelete":
            return "delete", "restore", {"count": {"revisions": change.page.revision_count, "files": 0}}
        case _:
            assert change.prior_visibility is not None
            now = change.revision.visibility
            params = {
                "type": "revision",
                "ids": [change.revision.rev_id],
                "old": _encode_hidden(change.prior_visibility),
                "new": _encode_hidden(now),
            }
            return "suppress" if now.suppressed else "delete", "revision", params


def _encode_hidden(visibility: Visibility) -> Row:
    """Return the flags of the hidden parts, the inverse of the visible ones."""
    hidden = {
        "content": not visibility.content,
        "comment": not visibility.comment,
        "user": not visibility.editor,
        "restricted": visibility.suppressed,
    }
    bitmask = sum(1 << place for place, is_hidden in enumerate(hidden.values()) if is_hidden)
    return {"bitmask": bitmask, **hidden}


def _user_fields(change: Change) -> Row:
    editor = change.revision.editor
    return {"user": editor.name, "userid": editor.user_id or 0}
