"""A real MediaWiki without events: one command follows its changes, and repeated kills lose nothing."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest
from tests.e2e.commands import JOB, TIMEOUT, start_command
from tests.e2e.enrichment_job import assert_valid, read_lines

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable
    from pathlib import Path

    from tests.e2e.commands import Command
    from tests.support.mediawiki import RealMediaWiki

    from wikistate.core.events.meta import Event

BURSTS, BURST = 10, 50
"""500 changes: each burst is written as fast as MediaWiki can, tens a second."""

PAGES = 120
"""Fewer than the changes, so that most pages are written several times."""

OPENED = "recent_changes_opened"


class Follower:
    """The command, its output, and the wiki that it follows.

    Attributes:
        wiki: The wiki.
        folder: Folder of the output and the position.
    """

    def __init__(self, wiki: RealMediaWiki, folder: Path) -> None:
        self.wiki = wiki
        self.folder = folder

    @asynccontextmanager
    async def start(self) -> AsyncIterator[Command]:
        """Run the command during the block, and kill it at the end, at an arbitrary moment."""
        async with start_command(
            *(*JOB, "--source", f"recentchanges:{self.wiki.api_url}", "--sink", "file:out.ndjson", "--state", "state"),
            *("--set", "stream_manager.source.options.poll_interval=0.2", "--set", "local.commit_interval=0.2"),
            folder=self.folder,
        ) as command:
            await command.wait_for_log(OPENED)
            yield command
            command.send(signal.SIGKILL)

    def events(self) -> list[Event]:
        """Return its complete output lines so far."""
        return read_lines(self.folder / "out.ndjson")

    def errors(self) -> list[Event]:
        """Return its error events so far."""
        return read_lines(self.folder / "out.errors.ndjson")

    async def wait_until(self, reached: Callable[[list[Event]], bool]) -> list[Event]:
        """Wait until its output fulfils a condition, and return the output."""
        async with asyncio.timeout(TIMEOUT):
            while not reached(events := self.events()):  # noqa: ASYNC110  (another process writes the file)
                await asyncio.sleep(0.1)
        return events

    async def wait_for_event(self, kind: str, title: str, *, page_id: int | None = None) -> Event:
        """Wait for the last event of a kind about a page: the one with an id, if several have had its title."""

        def select(events: Iterable[Event]) -> list[Event]:
            about = [event for event in events if event["page"]["page_title"] == title]
            about = [event for event in about if page_id in (None, event["page"]["page_id"])]
            return [event for event in about if event["page_change_kind"] == kind]

        return select(await self.wait_until(lambda events: bool(select(events))))[-1]


@pytest.fixture
def follower(mediawiki: RealMediaWiki, tmp_path: Path) -> Follower:
    """Follower of the session's wiki that has not been started."""
    return Follower(mediawiki, tmp_path)


def make_burst(number: int) -> list[tuple[str, str]]:
    """Return the titles and texts of the edits of a burst."""
    changes = range(number * BURST, (number + 1) * BURST)
    return [(f"Busy/{change % PAGES}", f"Text number {change}.") for change in changes]


async def test_nothing_is_lost_over_kills_in_the_middle_of_five_hundred_changes(follower: Follower) -> None:
    """Each of five runs is killed during an edit; edits between the runs follow: each revision is in the output, valid."""
    made: list[int] = []
    for number in range(0, BURSTS, 2):
        async with follower.start():
            made += await asyncio.to_thread(follower.wiki.edit_many, make_burst(number))
            before = len(follower.events())
            writing = asyncio.to_thread(follower.wiki.edit_many, make_burst(number + 1)[: BURST // 2])
            task = asyncio.create_task(writing)
            await follower.wait_until(lambda events, before=before: len(events) > before)  # type: ignore[misc]
        made += await task
        made += await asyncio.to_thread(follower.wiki.edit_many, make_burst(number + 1)[BURST // 2 :])
    assert len(set(made)) == BURSTS * BURST
    async with follower.start():
        events = await follower.wait_until(lambda events: revisions_of(events) >= set(made))
    assert_valid(events)
    assert follower.errors() == []
    assert {body_of(event) for event in events} >= {text for number in range(BURSTS) for _, text in make_burst(number)}
    assert count_in_busiest_second(events) >= 10
    assert_in_order(events)


def revisions_of(events: list[Event]) -> set[int]:
    """Return the revisions that the events are about."""
    return {event["revision"]["rev_id"] for event in events}


def body_of(event: Event) -> str | None:
    """Return the content of the main slot, None without content."""
    body: str | None = event["revision"].get("content_slots", {}).get("main", {}).get("content_body")
    return body


def count_in_busiest_second(events: list[Event]) -> int:
    """Return the number of revisions in the busiest second."""
    seconds: dict[str, set[int]] = {}
    for event in events:
        seconds.setdefault(event["dt"], set()).add(event["revision"]["rev_id"])
    return max(map(len, seconds.values()))


def assert_in_order(events: list[Event]) -> None:
    """Assert that no revision of a page appears for the first time behind a newer one; a repeat has the same `meta.id`."""
    newest: dict[int, int] = {}
    seen: set[str] = set()
    for event in events:
        if event["meta"]["id"] in seen:
            continue
        seen.add(event["meta"]["id"])
        page, revision = event["page"]["page_id"], event["revision"]["rev_id"]
        assert revision > newest.get(page, 0)
        newest[page] = revision


@pytest.mark.parametrize("killed", [False, True], ids=["while it runs", "while it is dead"])
async def test_each_kind_of_change_becomes_an_event(follower: Follower, *, killed: bool) -> None:
    """Create, edit, move with its redirect, delete, undelete and hide, each with the state of the wiki at that time."""
    edits = EditSequence(follower.wiki, "Dead" if killed else "Alive")
    async with follower.start():
        await asyncio.to_thread(edits.create_pages)
        created = await follower.wait_for_event("create", f"{edits.name}/Restored")
        deleted_page = await follower.wait_for_event("create", f"{edits.name}/Deleted")
        if not killed:
            await asyncio.to_thread(edits.change_pages)
            await follower.wait_for_event("visibility_change", f"{edits.name}/Hidden")
    if killed:
        await asyncio.to_thread(edits.change_pages)
    async with follower.start():
        hidden = await follower.wait_for_event("visibility_change", f"{edits.name}/Hidden")
        deleted = await follower.wait_for_event("delete", f"{edits.name}/Deleted")
        restored = await follower.wait_for_event("undelete", f"{edits.name}/Restored")
        moved = await follower.wait_for_event("move", f"Talk:{edits.name}/New_name")
        new_page = moved["created_redirect_page"]["page_id"]
        # The page that was moved had the title before, and may have been seen under it.
        redirect = await follower.wait_for_event("create", f"{edits.name}/Old_name", page_id=new_page)
        edited = await follower.wait_for_event("edit", f"{edits.name}/Edited")
    assert_valid(follower.events())
    # A deletion by another test, shortly before this follower started, has no known revision.
    assert [error for error in follower.errors() if f"/{edits.name}/" in str(error["raw_event"])] == []
    assert (edited["prior_state"]["revision"]["rev_id"], body_of(edited)) == (edited["revision"]["rev_parent_id"], "2")
    assert body_of(moved) == "It will be moved."
    assert moved["prior_state"]["page"] == {
        "page_title": f"{edits.name}/Old_name",
        "namespace_id": 0,
        "namespace_is_content": True,
    }
    assert new_page != moved["page"]["page_id"]
    assert f"Talk:{edits.name}/New name" in (body_of(redirect) or "")
    assert deleted["revision"]["rev_id"] == deleted_page["revision"]["rev_id"]
    assert deleted["changelog_kind"] == "delete"
    assert restored["revision"]["rev_id"] == created["revision"]["rev_id"]
    assert hidden["prior_state"]["revision"] == {"is_comment_visible": True}
    assert hidden["revision"]["is_comment_visible"] is False
    assert "comment" not in hidden["revision"]


class EditSequence:
    """One page for each kind of change.

    Args:
        wiki: The wiki of the pages.
        name: Prefix of the titles of the pages.
    """

    def __init__(self, wiki: RealMediaWiki, name: str) -> None:
        self.wiki = wiki
        self.name = name

    def create_pages(self) -> None:
        """Create the pages whose revisions must be read before their deletion: afterwards the wiki hides them."""
        for title in ("Deleted", "Restored"):
            self.wiki.edit(f"{self.name}/{title}", "It will be deleted.")

    def change_pages(self) -> None:
        """Make all other changes."""
        wiki, name = self.wiki, self.name
        wiki.edit(f"{name}/Edited", "1")
        wiki.edit(f"{name}/Edited", "2")
        wiki.edit(f"{name}/Old name", "It will be moved.")
        wiki.move(f"{name}/Old name", f"Talk:{name}/New name")
        wiki.edit(f"{name}/Hidden", "An old revision.")
        hidden = wiki.edit(f"{name}/Hidden", "Its summary will be hidden.", "rude")
        wiki.hide_revision(hidden, hide="comment")
        wiki.delete(f"{name}/Deleted")
        wiki.delete(f"{name}/Restored")
        wiki.undelete(f"{name}/Restored")


async def test_deletions_of_unseen_pages_are_events(follower: Follower) -> None:
    """The inventory of the first start has the revision of a page that was never edited since.

    A page that is created and deleted while the job is down has no event, and a protection is an edit.
    """
    wiki = follower.wiki
    before = wiki.edit("Unseen/Before", "Edited before the start.")
    kept = wiki.edit("Unseen/Protected", "Protected later.")
    wiki.edit("Unseen/Moved", "to be moved")
    redirect = wiki.edit("Unseen/To", "#REDIRECT [[Unseen/Moved]]")
    async with follower.start() as command:
        await command.wait_for_log("inventory_complete")
        complete_at = int(time.time())
        await asyncio.to_thread(wiki.delete, "Unseen/Before")
        deleted = await follower.wait_for_event("delete", "Unseen/Before")
        await asyncio.to_thread(wiki.protect, "Unseen/Protected")
        protected = await follower.wait_for_event("edit", "Unseen/Protected")
    assert deleted["revision"].keys() == {"rev_id", "rev_dt"}
    assert deleted["revision"]["rev_id"] == before
    assert protected["revision"]["rev_parent_id"] == protected["prior_state"]["revision"]["rev_id"] == kept
    assert protected["revision"]["rev_sha1"] == protected["prior_state"]["revision"]["rev_sha1"]
    assert body_of(protected) == "Protected later."
    await asyncio.to_thread(_change_while_down, wiki, complete_at)
    async with follower.start():
        gone = await follower.wait_for_event("delete", "Unseen/Protected")
        merged = await follower.wait_for_event("edit", "Unseen/From")
        overwritten = await follower.wait_for_event("delete", "Unseen/To")
        moved = await follower.wait_for_event("move", "Unseen/To")
        await follower.wait_for_event("create", "Unseen/Last")
    events = follower.events()
    assert_valid(events)
    assert follower.errors() == []
    assert gone["revision"]["rev_id"] >= protected["revision"]["rev_id"]
    assert "#REDIRECT" in (body_of(merged) or "")
    assert overwritten["page"]["page_id"] != moved["page"]["page_id"]
    assert overwritten["revision"]["rev_id"] == redirect
    assert all(event["page"]["page_title"] != "Unseen/Between" for event in events)


def _change_while_down(wiki: RealMediaWiki, complete_at: int) -> None:
    """Make changes whose rows are incomplete when the job reads them, later than a time in seconds."""
    while int(time.time()) <= complete_at:  # the times of a wiki are whole seconds
        time.sleep(0.05)
    wiki.edit("Unseen/Between", "Created and deleted.")
    wiki.delete("Unseen/Between")
    wiki.protect("Unseen/Protected")
    wiki.edit("Unseen/Protected", "Its row goes with its page.")
    wiki.delete("Unseen/Protected")
    wiki.edit("Unseen/From", "older")
    wiki.edit("Unseen/Into", "newer")
    wiki.merge_history("Unseen/From", "Unseen/Into")
    wiki.move("Unseen/Moved", "Unseen/To")
    wiki.edit("Unseen/Last", "the last one")
