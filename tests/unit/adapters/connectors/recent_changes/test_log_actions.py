"""Log actions that save a revision without the row of an edit: one event of that revision."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.adapters.connectors.recent_changes.paged_wiki import PagedWiki
from tests.unit.adapters.connectors.recent_changes.test_deletions import receive_all
from tests.unit.adapters.connectors.recent_changes.test_source import NOON, MemoryMetadata, logged, saved


def log_row(rcid: int, kind: str, action: str, *, revid: int | None, at: int = NOON) -> dict[str, Any]:
    """Return the row of a log entry in recent changes; without a revision as of old wikis."""
    row = logged(rcid, kind, action, at=at) | {"type": "log", "logtype": kind, "logaction": action}
    named = {} if revid is None else {"revid": revid, "old_revid": 0}
    return row | {"rcid": rcid, "pageid": 9, "logparams": {}} | named


async def receive(wiki: PagedWiki) -> list[tuple[str, Any]]:
    """Return the kinds and revisions of all events."""
    events, _ = await receive_all(wiki, MemoryMetadata())
    return [(event["page_change_kind"], event["revision"]["rev_id"]) for event in events]


@pytest.mark.parametrize(
    ("kind", "action", "revid"),
    [
        ("protect", "protect", 6),
        ("protect", "unprotect", 6),
        ("stable", "config", 6),
        ("protect", "protect", 0),
        ("protect", "modify", None),
        ("merge", "merge", 0),
    ],
)
async def test_revision_of_a_log_action_is_an_edit(kind: str, action: str, revid: int | None) -> None:
    """The row may name it; else it is the current revision, if it was saved with the action."""
    wiki = PagedWiki()
    wiki.create(9, 1, at=NOON - 3_600_000)
    wiki.pages[9].append((6, NOON + 1_000))
    wiki.recent = [log_row(3, kind, action, revid=revid)]
    (event,), _ = await receive_all(wiki, MemoryMetadata())
    assert (event["page_change_kind"], event["changelog_kind"]) == ("edit", "update")
    assert (event["revision"]["rev_id"], event["prior_state"]["revision"]["rev_id"]) == (6, 1)
    assert (event["dt"], event["performer"]["user_text"]) == ("2026-01-31T12:00:01Z", "Bob")


@pytest.mark.parametrize("revid", [5, 0], ids=["row names it", "row names none"])
async def test_action_about_an_older_revision_has_no_event(revid: int) -> None:
    """A review names a revision that was saved long before; so does a protection that saved none."""
    wiki = PagedWiki()
    wiki.create(9, 5, at=NOON - 3_600_000)
    wiki.recent = [log_row(3, "protect", "review", revid=revid)]
    assert await receive(wiki) == []


async def test_edit_with_its_own_row_is_one_event() -> None:
    """An old wiki names no revision, and the current one is that of an edit after the action."""
    wiki = PagedWiki()
    wiki.create(9, 5, 6, 7, at=NOON)
    wiki.recent = [log_row(3, "protect", "protect", revid=0), saved(6), saved(7)]
    assert await receive(wiki) == [("edit", 6), ("edit", 7)]


async def test_protection_is_one_event_over_restarts() -> None:
    """The position holds its revision, and a repeat before the commit has the same id."""
    wiki, metadata = PagedWiki(), MemoryMetadata()
    wiki.create(9, 5, at=NOON - 3_600_000)
    wiki.pages[9].append((6, NOON))
    wiki.recent = [log_row(3, "protect", "protect", revid=6)]
    (first,), place = await receive_all(wiki, metadata)
    (repeated,), _ = await receive_all(wiki, metadata)
    assert first["meta"]["id"] == repeated["meta"]["id"]
    assert (await receive_all(wiki, metadata, place))[0] == []
