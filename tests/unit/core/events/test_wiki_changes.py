"""Two lists of a wiki become one list of changes, each once and in order."""

from __future__ import annotations

from typing import Any

import pytest

from wikistate.core.events.wiki_changes import ChangeType, read_changes

NOON = "2026-01-31T12:00:00Z"
LATER = "2026-01-31T12:00:01Z"


def edit(rcid: int, revid: int, at: str = NOON, **more: Any) -> dict[str, Any]:
    """Return a row of an edit."""
    return {"type": "edit", "rcid": rcid, "revid": revid, "pageid": 9, "ns": 0, "title": "A", "timestamp": at} | more


def log_row(rcid: int, logid: int, kind: str, action: str, **more: Any) -> dict[str, Any]:
    """Return a log entry as recent changes show it."""
    row = {"rcid": rcid, "logid": logid, "logtype": kind, "logaction": action, "logparams": {}, "revid": 0}
    return row | {"type": "log", "pageid": 0, "ns": 0, "title": "A", "timestamp": NOON} | more


def entry(logid: int, kind: str, action: str, **more: Any) -> dict[str, Any]:
    """Return a log entry as the log shows it."""
    row = {"logid": logid, "type": kind, "action": action, "params": {}, "logpage": 9, "pageid": 0}
    return row | {"ns": 0, "title": "A", "timestamp": NOON} | more


def identities(recent: list[dict[str, Any]], logged: list[dict[str, Any]]) -> list[str]:
    """Return the identities of the changes, in order."""
    return [change.identity for change in read_changes(recent, logged)]


def test_recent_changes_give_the_order_within_a_second() -> None:
    """They number edits and log entries together, whatever the order of the rows."""
    recent = [edit(3, 12), log_row(2, 5, "delete", "delete"), edit(1, 11)]
    assert identities(recent, [entry(5, "delete", "delete")]) == ["rev:11", "log:5", "rev:12"]


def test_entry_of_the_log_alone_comes_last_in_its_second() -> None:
    """A change that recent changes have lost is not lost."""
    recent = [edit(1, 11), edit(2, 12, LATER)]
    assert identities(recent, [entry(5, "delete", "delete")]) == ["rev:11", "log:5", "rev:12"]
    assert identities([], [entry(6, "move", "move"), entry(5, "delete", "restore")]) == ["log:5", "log:6"]


def test_log_has_the_page_id_at_the_time_of_the_change() -> None:
    """Recent changes have the id of the page that has the title now; the log has the id of that time."""
    (change,) = read_changes([log_row(1, 5, "delete", "delete", pageid=77)], [entry(5, "delete", "delete")])
    assert change.page_id == 9
    (alone,) = read_changes([log_row(1, 5, "delete", "delete", pageid=77)], [])
    assert alone.page_id == 77


@pytest.mark.parametrize(
    ("kind", "action", "change_type"),
    [
        ("delete", "delete", ChangeType.DELETED),
        ("delete", "delete_redir", ChangeType.DELETED),
        ("suppress", "delete", ChangeType.DELETED),
        ("delete", "restore", ChangeType.UNDELETED),
        ("delete", "revision", ChangeType.HIDDEN),
        ("suppress", "revision", ChangeType.HIDDEN),
        ("move", "move", ChangeType.MOVED),
        ("move", "move_redir", ChangeType.MOVED),
        ("import", "interwiki", ChangeType.IMPORTED),
        ("upload", "upload", ChangeType.IMPORTED),
        ("upload", "overwrite", ChangeType.IMPORTED),
        ("contentmodel", "change", ChangeType.IMPORTED),
        ("delete", "event", None),
        ("protect", "protect", ChangeType.REVISED),
        ("protect", "unprotect", ChangeType.REVISED),
        ("merge", "merge", ChangeType.REVISED),
        ("managetags", "create", None),
        ("create", "create", None),
        ("newusers", "create", None),
    ],
)
def test_log_entry_that_changes_a_page_is_a_change(kind: str, action: str, change_type: ChangeType | None) -> None:
    """A creation is known by its revision."""
    assert [change.change_type for change in read_changes([], [entry(5, kind, action)])] == (
        [change_type] if change_type else []
    )


@pytest.mark.parametrize(
    ("kind", "action"), [("protect", "protect"), ("protect", "modify"), ("stable", "config"), ("an extension", "any")]
)
def test_log_row_with_a_revision_is_the_change_of_that_revision(kind: str, action: str) -> None:
    """An action saves a revision beside it that has no row, whatever the action is; the row names it."""
    (change,) = read_changes([log_row(2, 5, kind, action, revid=12)], [entry(5, kind, action)])
    assert (change.identity, change.change_type, change.rev_id, change.page_id) == ("rev:12", ChangeType.REVISED, 12, 9)


@pytest.mark.parametrize("kind", ["protect", "contentmodel", "import"])
def test_revision_with_a_row_of_an_edit_is_one_change(kind: str) -> None:
    """Some actions save a revision with a row, and name it in their own row as well."""
    recent = [log_row(2, 5, kind, "any", revid=12), edit(1, 12)]
    assert identities(recent, [entry(5, kind, "any")]) == ["rev:12"]


def test_log_row_of_old_wikis_has_no_revision() -> None:
    """The revision of a protection must be requested; other actions without a revision change nothing."""
    row = log_row(2, 5, "protect", "protect")
    del row["revid"]
    (change,) = read_changes([row], [])
    assert (change.identity, change.change_type, change.rev_id) == ("log:5", ChangeType.REVISED, 0)
    assert read_changes([log_row(3, 6, "managetags", "create"), log_row(4, 7, "patrol", "patrol")], []) == []


def test_entry_of_a_hidden_page_is_dropped() -> None:
    """The wiki leaves out the title of a page that only few users may see."""
    hidden = {"logid": 5, "type": "delete", "action": "delete", "actionhidden": True, "timestamp": NOON}
    assert read_changes([], [hidden]) == []
