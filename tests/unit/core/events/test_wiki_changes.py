"""Two lists of a wiki become one list of changes, each once and in order."""

from __future__ import annotations

from typing import Any

import pytest

from wikistate.core.events.wiki_changes import ChangeType, read_changes

NOON = "2026-01-31T12:00:00Z"
LATER = "2026-01-31T12:00:01Z"


def edit(rcid: int, revid: int, at: str = NOON, **more: Any) -> dict[str, Any]:
    """A row of an edit."""
    return {"type": "edit", "rcid": rcid, "revid": revid, "pageid": 9, "ns": 0, "title": "A", "timestamp": at} | more


def log_row(rcid: int, logid: int, kind: str, action: str, **more: Any) -> dict[str, Any]:
    """A log entry as recent changes show it."""
    row = {"rcid": rcid, "logid": logid, "logtype": kind, "logaction": action, "logparams": {}, "revid": 0}
    return row | {"type": "log", "pageid": 0, "ns": 0, "title": "A", "timestamp": NOON} | more


def entry(logid: int, kind: str, action: str, **more: Any) -> dict[str, Any]:
    """A log entry as the log shows it."""
    row = {"logid": logid, "type": kind, "action": action, "params": {}, "logpage": 9, "pageid": 0}
    return row | {"ns": 0, "title": "A", "timestamp": NOON} | more


def identities(recent: list[dict[str, Any]], logged: list[dict[str, Any]]) -> list[str]:
    """Of the changes, in order."""
    return [change.identity for change in read_changes(recent, logged)]


def test_within_a_second_recent_changes_have_the_order() -> None:
    """Edits and log entries are numbered together there, whatever the order of the rows."""
    recent = [edit(3, 12), log_row(2, 5, "delete", "delete"), edit(1, 11)]
    assert identities(recent, [entry(5, "delete", "delete")]) == ["rev:11", "log:5", "rev:12"]


def test_what_the_log_alone_shows_comes_last_in_its_second() -> None:
    """A row that recent changes have lost is not lost."""
    recent = [edit(1, 11), edit(2, 12, LATER)]
    assert identities(recent, [entry(5, "delete", "delete")]) == ["rev:11", "log:5", "rev:12"]
    assert identities([], [entry(6, "move", "move"), entry(5, "delete", "restore")]) == ["log:5", "log:6"]


def test_the_log_knows_which_page_it_was() -> None:
    """Recent changes give the number of the page that has the title now, the log that of then."""
    (change,) = read_changes([log_row(1, 5, "delete", "delete", pageid=77)], [entry(5, "delete", "delete")])
    assert change.page_id == 9
    (alone,) = read_changes([log_row(1, 5, "delete", "delete", pageid=77)], [])
    assert alone.page_id == 77


@pytest.mark.parametrize(
    ("kind", "action", "what"),
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
        ("protect", "protect", None),
        ("create", "create", None),
        ("newusers", "create", None),
    ],
)
def test_a_log_entry_is_a_change_when_it_changes_a_page(kind: str, action: str, what: ChangeType | None) -> None:
    """A creation is told by its revision; a protection changes nothing that an event carries."""
    assert [change.change_type for change in read_changes([], [entry(5, kind, action)])] == ([what] if what else [])


def test_an_entry_whose_page_is_hidden_says_nothing() -> None:
    """The wiki leaves out the title of what only few may see."""
    hidden = {"logid": 5, "type": "delete", "action": "delete", "actionhidden": True, "timestamp": NOON}
    assert read_changes([], [hidden]) == []
