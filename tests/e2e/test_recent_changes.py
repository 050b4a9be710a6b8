"""A real MediaWiki that sends no events: one command follows what happens on it, is killed in the middle, loses nothing."""

from __future__ import annotations

import asyncio
import signal
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

FOLLOWING = "recent_changes_opened"


class Follower:
    """The command, its output, and the wiki that it follows.

    Attributes:
        wiki: The wiki.
        folder: Where the output and the position are.
    """

    def __init__(self, wiki: RealMediaWiki, folder: Path) -> None:
        self.wiki = wiki
        self.folder = folder

    @asynccontextmanager
    async def following(self) -> AsyncIterator[Command]:
        """The command runs meanwhile. It is killed at the end, in the middle of whatever it does."""
        async with start_command(
            *(*JOB, "--source", f"recentchanges:{self.wiki.api_url}", "--sink", "file:out.ndjson", "--state", "state"),
            *("--set", "stream_manager.source.options.poll_interval=0.2", "--set", "local.commit_interval=0.2"),
            folder=self.folder,
        ) as command:
            await command.wait_for_log(FOLLOWING)
            yield command
            command.send(signal.SIGKILL)

    def events(self) -> list[Event]:
        """What it has written so far: whole lines."""
        return read_lines(self.folder / "out.ndjson")

    def errors(self) -> list[Event]:
        """Its error events so far."""
        return read_lines(self.folder / "out.errors.ndjson")

    async def until(self, happened: Callable[[list[Event]], bool]) -> list[Event]:
        """Wait until its output says so."""
        async with asyncio.timeout(TIMEOUT):
            while not happened(events := self.events()):  # noqa: ASYNC110  (another process writes the file)
                await asyncio.sleep(0.1)
        return events

    async def has(self, kind: str, title: str) -> Event:
        """Wait for the last event of a kind about a page."""

        def those(events: Iterable[Event]) -> list[Event]:
            about = [event for event in events if event["page"]["page_title"] == title]
            return [event for event in about if event["page_change_kind"] == kind]

        return those(await self.until(lambda events: bool(those(events))))[-1]


@pytest.fixture
def follower(mediawiki: RealMediaWiki, tmp_path: Path) -> Follower:
    """A follower of the session's wiki that has not begun."""
    return Follower(mediawiki, tmp_path)


def burst(number: int) -> list[tuple[str, str]]:
    """What is written at once: titles and texts."""
    changes = range(number * BURST, (number + 1) * BURST)
    return [(f"Busy/{change % PAGES}", f"Text number {change}.") for change in changes]


async def test_nothing_is_lost_over_kills_in_the_middle_of_five_hundred_changes(follower: Follower) -> None:
    """Five runs, each killed while changes are made and again while nothing runs: every revision comes out, valid."""
    made: list[int] = []
    for number in range(0, BURSTS, 2):
        async with follower.following():
            made += await asyncio.to_thread(follower.wiki.edit_many, burst(number))
            before = len(follower.events())
            writing = asyncio.to_thread(follower.wiki.edit_many, burst(number + 1)[: BURST // 2])
            task = asyncio.create_task(writing)
            await follower.until(lambda events, before=before: len(events) > before)  # type: ignore[misc]
        made += await task
        made += await asyncio.to_thread(follower.wiki.edit_many, burst(number + 1)[BURST // 2 :])
    assert len(set(made)) == BURSTS * BURST
    async with follower.following():
        events = await follower.until(lambda events: revisions_of(events) >= set(made))
    assert_valid(events)
    assert follower.errors() == []
    assert {body_of(event) for event in events} >= {text for number in range(BURSTS) for _, text in burst(number)}
    assert most_in_a_second(events) >= 10
    assert_in_order(events)


def revisions_of(events: list[Event]) -> set[int]:
    """The revisions that the events are about."""
    return {event["revision"]["rev_id"] for event in events}


def body_of(event: Event) -> str | None:
    """The content of the main slot, None where there is none."""
    body: str | None = event["revision"].get("content_slots", {}).get("main", {}).get("content_body")
    return body


def most_in_a_second(events: list[Event]) -> int:
    """How many revisions the busiest second has."""
    seconds: dict[str, set[int]] = {}
    for event in events:
        seconds.setdefault(event["dt"], set()).add(event["revision"]["rev_id"])
    return max(map(len, seconds.values()))


def assert_in_order(events: list[Event]) -> None:
    """Of each page, no revision appears for the first time behind a newer one. A repeat is known by its `meta.id`."""
    newest: dict[int, int] = {}
    told: set[str] = set()
    for event in events:
        if event["meta"]["id"] in told:
            continue
        told.add(event["meta"]["id"])
        page, revision = event["page"]["page_id"], event["revision"]["rev_id"]
        assert revision > newest.get(page, 0)
        newest[page] = revision


@pytest.mark.parametrize("killed", [False, True], ids=["while it runs", "while it is dead"])
async def test_every_kind_of_change_is_told(follower: Follower, *, killed: bool) -> None:
    """Create, edit, move with its redirect, delete, undelete and hide, each as its wiki has it by then."""
    story = Story(follower.wiki, "Dead" if killed else "Alive")
    async with follower.following():
        await asyncio.to_thread(story.begin)
        created = await follower.has("create", f"{story.name}/Restored")
        gone = await follower.has("create", f"{story.name}/Deleted")
        if not killed:
            await asyncio.to_thread(story.go_on)
            await follower.has("visibility_change", f"{story.name}/Hidden")
    if killed:
        await asyncio.to_thread(story.go_on)
    async with follower.following():
        hidden = await follower.has("visibility_change", f"{story.name}/Hidden")
        deleted = await follower.has("delete", f"{story.name}/Deleted")
        restored = await follower.has("undelete", f"{story.name}/Restored")
        moved = await follower.has("move", f"Talk:{story.name}/New_name")
        redirect = await follower.has("create", f"{story.name}/Old_name")
        edited = await follower.has("edit", f"{story.name}/Edited")
    assert_valid(follower.events())
    assert follower.errors() == []
    assert (edited["prior_state"]["revision"]["rev_id"], body_of(edited)) == (edited["revision"]["rev_parent_id"], "2")
    assert body_of(moved) == "It will be moved."
    assert moved["prior_state"]["page"] == {
        "page_title": f"{story.name}/Old_name",
        "namespace_id": 0,
        "namespace_is_content": True,
    }
    assert moved["created_redirect_page"]["page_id"] == redirect["page"]["page_id"] != moved["page"]["page_id"]
    assert f"Talk:{story.name}/New name" in (body_of(redirect) or "")
    assert deleted["revision"]["rev_id"] == gone["revision"]["rev_id"]
    assert deleted["changelog_kind"] == "delete"
    assert restored["revision"]["rev_id"] == created["revision"]["rev_id"]
    assert hidden["prior_state"]["revision"] == {"is_comment_visible": True}
    assert hidden["revision"]["is_comment_visible"] is False
    assert "comment" not in hidden["revision"]


class Story:
    """One page for each kind of change.

    Args:
        wiki: Where it happens.
        name: Begins the titles of its pages.
    """

    def __init__(self, wiki: RealMediaWiki, name: str) -> None:
        self.wiki = wiki
        self.name = name

    def begin(self) -> None:
        """What has to be seen before it is deleted: a wiki shows nobody the revisions of deleted pages."""
        for title in ("Deleted", "Restored"):
            self.wiki.edit(f"{self.name}/{title}", "It will be deleted.")

    def go_on(self) -> None:
        """All the rest."""
        wiki, name = self.wiki, self.name
        wiki.edit(f"{name}/Edited", "1")
        wiki.edit(f"{name}/Edited", "2")
        wiki.edit(f"{name}/Old name", "It will be moved.")
        wiki.move(f"{name}/Old name", f"Talk:{name}/New name")
        wiki.edit(f"{name}/Hidden", "An old revision.")
        rude = wiki.edit(f"{name}/Hidden", "Its summary will be hidden.", "rude")
        wiki.hide_revision(rude, hide="comment")
        wiki.delete(f"{name}/Deleted")
        wiki.delete(f"{name}/Restored")
        wiki.undelete(f"{name}/Restored")
