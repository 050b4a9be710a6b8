"""Deletions name the last revision of a page where it is known, and no value that is not certain."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from tests.unit.adapters.connectors.recent_changes.paged_wiki import PagedWiki
from tests.unit.adapters.connectors.recent_changes.test_source import HERE, NOON, MemoryMetadata, logged, saved

from wikistate.adapters.connectors.checkpoint import ResumePosition
from wikistate.adapters.connectors.recent_changes import RecentChangesFeed, RecentChangesSettings
from wikistate.adapters.connectors.start_stop import LatestAtStart, Moment
from wikistate.core.events.timestamps import format_timestamp
from wikistate.errors import StateError

BEFORE = format_timestamp(NOON - 3_600_000).replace(".000", "")
"""Time of all revisions that were saved before the source began."""


async def receive_all(
    wiki: PagedWiki, metadata: MemoryMetadata, place: ResumePosition | None = None, *, inventory_pages: int = 100
) -> tuple[list[dict[str, Any]], ResumePosition | None]:
    """Run a source until it has read everything, and return its events and the position after them."""
    settings = RecentChangesSettings(
        api="http://wiki.example/api.php",
        since=Moment(NOON - 60_000),
        end=LatestAtStart(),
        interval=0.001,
        inventory_pages=inventory_pages,
    )
    feed = RecentChangesFeed(settings, wiki)
    await feed.open({HERE: place} if place else {}, metadata)
    events: list[dict[str, Any]] = []
    while True:
        wiki.now += 1_000
        arrivals = await feed.receive()
        if arrivals is None:
            return events, place
        events += [orjson.loads(arrival.record.value or b"") for arrival in arrivals]
        token = feed.token_after(HERE, [arrival.token for arrival in arrivals])
        place = ResumePosition(arrivals[-1].record.offset + 1, token)


def deletions(events: list[dict[str, Any]]) -> list[tuple[int, Any]]:
    """Return the pages and the revisions of the deletions."""
    return [(event["page"]["page_id"], event["revision"]) for event in events if event["page_change_kind"] == "delete"]


async def test_page_that_was_edited_before_the_start_has_a_revision() -> None:
    """The first run lists all pages, in parts; the reader is anonymous."""
    wiki, metadata = PagedWiki(), MemoryMetadata()
    for page in (1, 2, 3, 17, 33):
        wiki.create(page, page * 10, page * 10 + 1)
    await receive_all(wiki, metadata)
    assert wiki.lists == 3
    at = wiki.now + 1_000
    for page in (3, 33):
        wiki.delete(page)
        wiki.logged.append(logged(page, "delete", "delete", at=at, page=page))
    wiki.now = at
    events, _ = await receive_all(wiki, metadata)
    assert deletions(events) == [(page, {"rev_id": page * 10 + 1, "rev_dt": BEFORE}) for page in (3, 33)]
    assert wiki.lists == 3


async def test_revision_that_is_not_certain_has_no_other_value() -> None:
    """The page may have been saved again before its deletion: its details are not claimed."""
    wiki, metadata = PagedWiki(), MemoryMetadata()
    wiki.create(9, 5, at=NOON)
    wiki.recent = [saved(5)]
    events, place = await receive_all(wiki, metadata)
    assert "is_content_visible" in events[0]["revision"]
    wiki.pages[9].append((6, wiki.now))
    wiki.delete(9)
    wiki.logged = [logged(1, "delete", "delete", at=wiki.now)]
    events, _ = await receive_all(wiki, metadata, place)
    ((page, revision),) = deletions(events)
    assert (page, revision.keys(), revision["rev_id"]) == (9, {"rev_id", "rev_dt"}, 5)


async def test_reader_with_the_right_gets_the_certain_revision() -> None:
    """It is the last revision before the deletion, also where an older one is known, with all details."""
    wiki, metadata = PagedWiki(), MemoryMetadata()
    wiki.sees_deleted = True
    wiki.create(9, 5, at=NOON)
    wiki.recent = [saved(5)]
    _, place = await receive_all(wiki, metadata)
    wiki.pages[9].append((6, wiki.now))
    wiki.delete(9)
    wiki.logged = [logged(1, "delete", "delete", at=wiki.now)]
    wiki.deleted[9].append((8, wiki.now + 60_000))  # a later page of that title, deleted as well
    events, _ = await receive_all(wiki, metadata, place)
    ((_, revision),) = deletions(events)
    assert (revision["rev_id"], revision["is_content_visible"], revision["rev_size"]) == (6, True, 5)


async def test_page_that_was_restored_since_has_the_known_revision() -> None:
    """The revisions that are still deleted may be those of an earlier page."""
    wiki, metadata = PagedWiki(), MemoryMetadata()
    wiki.sees_deleted = True
    wiki.create(9, 5)
    await receive_all(wiki, metadata)
    wiki.deleted[9] = [(2, NOON - 7_200_000)]
    wiki.logged = [logged(1, "delete", "delete", at=wiki.now)]
    events, _ = await receive_all(wiki, metadata)
    assert deletions(events) == [(9, {"rev_id": 5, "rev_dt": BEFORE})]


async def test_page_that_was_created_and_deleted_between_two_requests_has_no_event() -> None:
    """The inventory was complete before, so no reader of the stream knows the page."""
    wiki, metadata = PagedWiki(), MemoryMetadata()
    wiki.create(1, 10)
    await receive_all(wiki, metadata)
    wiki.logged = [logged(1, "delete", "delete", at=wiki.now + 1_000, page=2)]
    wiki.now += 2_000
    assert (await receive_all(wiki, metadata))[0] == []


@pytest.mark.parametrize("inventory_pages", [0, 1], ids=["no inventory", "inventory too large"])
async def test_deletion_without_any_known_revision_names_none(inventory_pages: int) -> None:
    """Without a complete inventory a page may have existed before: the job turns the event into an error event."""
    wiki, metadata = PagedWiki(), MemoryMetadata()
    wiki.part_size = 1
    wiki.create(1, 10)
    wiki.create(2, 20)
    await receive_all(wiki, metadata, inventory_pages=inventory_pages)
    wiki.delete(2)
    wiki.logged = [logged(1, "delete", "delete", at=wiki.now + 1_000, page=2)]
    wiki.now += 2_000
    events, _ = await receive_all(wiki, metadata, inventory_pages=inventory_pages)
    assert deletions(events) == [(2, {})]


async def test_deletion_before_the_inventory_names_none() -> None:
    """The source starts in the past, and its list cannot hold a page that was deleted before the list."""
    wiki = PagedWiki()
    wiki.logged = [logged(1, "delete", "delete", at=NOON - 30_000, page=2)]
    events, _ = await receive_all(wiki, MemoryMetadata())
    assert deletions(events) == [(2, {})]


async def test_inventory_resumes_after_a_restart() -> None:
    """The parts before it are not listed again."""
    wiki, metadata = PagedWiki(), MemoryMetadata()
    for page in range(1, 8):
        wiki.create(page, page * 10)
    await receive_all(wiki, metadata, inventory_pages=4)
    assert wiki.lists == 2
    await receive_all(wiki, metadata, inventory_pages=100)
    assert wiki.lists == 4
    wiki.delete(7)
    wiki.logged = [logged(1, "delete", "delete", at=wiki.now, page=7)]
    assert deletions((await receive_all(wiki, metadata))[0]) == [(7, {"rev_id": 70, "rev_dt": BEFORE})]


async def test_list_does_not_replace_the_revision_of_an_event() -> None:
    """An event may be newer than the answer of a lagging replica."""
    wiki, metadata = PagedWiki(), MemoryMetadata()
    wiki.recent = [saved(50)]
    wiki.create(9, 40)  # the list is behind
    _, place = await receive_all(wiki, metadata)
    wiki.delete(9)
    wiki.logged = [logged(1, "delete", "delete", at=wiki.now)]
    ((_, revision),) = deletions((await receive_all(wiki, metadata, place))[0])
    assert revision["rev_id"] == 50


async def test_state_of_an_older_release_is_read() -> None:
    """It has an entry for each page with the values of its last event; newer events replace it."""
    wiki, metadata = PagedWiki(), MemoryMetadata()
    page = {"page_id": 9, "page_title": "Page_9", "namespace_id": 0}
    metadata.kept["page:9"] = orjson.dumps([page, {"rev_id": 4, "rev_dt": BEFORE, "rev_size": 3}]).decode()
    metadata.kept["page:10"] = orjson.dumps([page, {"rev_id": 3, "rev_dt": BEFORE}]).decode()
    wiki.create(10, 7)
    wiki.recent = [saved(7, page=10)]
    _, place = await receive_all(wiki, metadata)
    wiki.delete(10)
    wiki.logged = [logged(number, "delete", "delete", at=wiki.now, page=number) for number in (9, 10)]
    found = deletions((await receive_all(wiki, metadata, place))[0])
    assert [(page, revision["rev_id"]) for page, revision in found] == [(9, 4), (10, 7)]


async def test_state_of_a_newer_release_is_rejected() -> None:
    """The message says which release to run."""
    metadata = MemoryMetadata()
    metadata.kept["inventory"] = '{"format":2}'
    with pytest.raises(StateError, match="format 2; this release knows 1"):
        await receive_all(PagedWiki(), metadata)


async def test_deletion_of_a_page_that_a_move_overwrites_names_that_page() -> None:
    """The log has an entry of its own for the redirect at the target, with the revision of the redirect."""
    wiki, metadata = PagedWiki(), MemoryMetadata()
    wiki.create(3, 30)
    wiki.create(4, 40)
    await receive_all(wiki, metadata)
    wiki.delete(4)
    wiki.logged = [logged(1, "delete", "delete_redir", at=wiki.now, page=4)]
    assert deletions((await receive_all(wiki, metadata))[0]) == [(4, {"rev_id": 40, "rev_dt": BEFORE})]


async def test_undeletion_names_the_restored_revision() -> None:
    """A later edit has a separate row; the newest revision would be ahead of it."""
    wiki, metadata = PagedWiki(), MemoryMetadata()
    wiki.create(9, 5)
    _, place = await receive_all(wiki, metadata)
    wiki.logged = [logged(2, "delete", "restore", at=wiki.now)]
    wiki.pages[9].append((8, wiki.now + 1_000))
    wiki.recent = [saved(8, at=wiki.now + 1_000)]
    wiki.now += 2_000
    events, _ = await receive_all(wiki, metadata, place)
    found = [(event["page_change_kind"], event["revision"]["rev_id"]) for event in events]
    assert found == [("undelete", 5), ("edit", 8)]


async def test_row_of_a_protection_is_a_known_revision_of_a_deleted_page() -> None:
    """The row outlives the page, whose other rows are gone."""
    wiki, metadata = PagedWiki(), MemoryMetadata()
    wiki.create(9, 5)
    await receive_all(wiki, metadata)
    at = wiki.now
    wiki.delete(9)
    row = {**logged(1, "protect", "protect", at=at), "type": "log", "logtype": "protect", "logaction": "protect"}
    wiki.recent = [row | {"rcid": 7, "revid": 7, "pageid": 9, "old_revid": 0}]
    wiki.logged = [logged(1, "protect", "protect", at=at), logged(2, "delete", "delete", at=at)]
    wiki.now += 2_000
    events, _ = await receive_all(wiki, metadata)
    assert [(page, revision["rev_id"]) for page, revision in deletions(events)] == [(9, 7)]
    assert len(events) == 1
