"""content-history-reconcile on a real MediaWiki: old revisions, and redirects as they are now, as the wiki has them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from tests.e2e.commands import decode_ndjson, encode_ndjson, run_wikistate
from tests.e2e.wiki_recorder import DOMAIN, WikiRecorder

from wikistate.core.events.bundled import SCHEMAS, read_bundled
from wikistate.core.events.repository import SchemaRepository

if TYPE_CHECKING:
    from tests.support.mediawiki import RealMediaWiki

    from wikistate.core.events.meta import Event

REDIRECTS = {
    "Past/To a page": "[[Past/Target]]",
    "Past/To a section": "[[Past/Target#Some section]]",
    "Past/To a talk page": "[[User talk:Past]]",
    "Past/To another wiki": "[[meatball:SoftSecurity and more#Here]]",
    "Past/To nothing": "[[Past/Nothing at all]]",
    "Past/To a special page": "[[Special:RecentChanges]]",
    "Past/To a redirect": "[[Past/To a page]]",
    "Past/To itself": "[[Past/To itself]]",
}
MANY = 60
"""Redirects to one page: more than one request has room for."""


class Past(NamedTuple):
    """What happened on the wiki, and what the job made of it, by revision."""

    room: WikiRecorder
    outputs: dict[int, Event]
    errors: list[Event]
    hidden: int
    gone: int


@pytest.fixture(scope="module")
def room(mediawiki: RealMediaWiki) -> WikiRecorder:
    """A wiki with a past."""
    room = WikiRecorder(mediawiki)
    for text in ("First.", "Second, žluťoučký.", "Third."):
        room.edit("Past/Target", text)
    room.edit("User talk:Past", "Talk.")
    for title, target in REDIRECTS.items():
        room.edit(title, "An article that it was once.")
        room.edit(title, f"#REDIRECT {target}")
    for number in range(MANY):
        room.edit(f"Past/Name {number}", "#REDIRECT [[Past/Target]]")
    room.edit("Past/Undone", "#REDIRECT [[Past/Target]]")
    room.edit("Past/Undone", "No redirect any more.")
    room.edit("Past/Old name", "It will be moved.")
    room.move("Past/Old name", "Past/New name")
    return room


@pytest.fixture(scope="module")
def past(room: WikiRecorder, tmp_path_factory: pytest.TempPathFactory) -> Past:
    """All that was ever saved, reconciled."""
    hidden = room.edit("Past/Hidden", "A secret.")
    room.edit("Past/Hidden", "#REDIRECT [[Past/Target]]")
    room.mediawiki.hide_revision(hidden)
    room.edit("Past/Gone", "It will be deleted.")
    gone = room.delete("Past/Gone")
    folder = tmp_path_factory.mktemp("past")
    (folder / "in.ndjson").write_bytes(encode_ndjson([_as_seen_later(event, hidden) for event in room.events]))
    finished = asyncio.run(
        run_wikistate(
            *("run", "content-history-reconcile", "--source", "in.ndjson", "--sink", "out.ndjson"),
            *("--wiki", f"{DOMAIN}={room.mediawiki.api_url}", "--set", "enrich.retry.acceptable_lag=0.5"),
            folder=folder,
        )
    )
    assert finished.status == 0, finished.err
    outputs = decode_ndjson((folder / "out.ndjson").read_bytes())
    errors = decode_ndjson((folder / "out.errors.ndjson").read_bytes())
    changes = [event for event in outputs if event["page_change_kind"] != "delete"]
    assert len(outputs) + len(errors) == len(room.events)
    return Past(room, {event["revision"]["rev_id"]: event for event in changes}, errors, hidden, gone)


def _as_seen_later(event: Event, hidden: int) -> Event:
    """The event as a comparison with the database makes it: it knows what is hidden, and states no format."""
    slots = event["revision"].get("content_slots", {})
    bare = {
        role: {name: value for name, value in slot.items() if name != "content_format"} for role, slot in slots.items()
    }
    visible = {"is_content_visible": False} if event["revision"]["rev_id"] == hidden else {}
    return event | {"revision": event["revision"] | {"content_slots": bare} | visible}


def test_every_past_revision_has_the_body_that_the_wiki_serves_raw(past: Past) -> None:
    """Byte for byte, with its format; the oldest and the newest of each page."""
    for rev_id, event in past.outputs.items():
        if rev_id != past.hidden:
            slot = event["revision"]["content_slots"]["main"]
            assert slot["content_body"].encode() == past.room.mediawiki.fetch_raw(rev_id)
            assert slot["content_format"] == "text/x-wiki"
    assert len(past.outputs) > MANY + 2 * len(REDIRECTS)


def test_every_page_is_what_the_wiki_says_that_it_is_now(past: Past) -> None:
    """Each page asked for by itself, without batches: whether it is a redirect, and where it leads, in all its history."""
    pages = {event["page"]["page_id"] for event in past.outputs.values()}
    now = {page_id: _asked_alone(past.room.mediawiki, page_id) for page_id in pages}
    for event in past.outputs.values():
        stated = (event["page"]["is_redirect"], event["page"].get("redirect_page_link"))
        assert stated == now[event["page"]["page_id"]], event["page"]["page_title"]
    links = [link for is_redirect, link in now.values() if is_redirect]
    assert len(links) == len(REDIRECTS) + MANY + len(["Past/Old name", "Past/Hidden"])


def _asked_alone(wiki: RealMediaWiki, page_id: int) -> tuple[bool, dict[str, Any] | None]:
    query = wiki.call_api({"action": "query", "prop": "info", "pageids": page_id, "redirects": 1})["query"]
    if not query.get("redirects"):
        return False, None
    step = query["redirects"][0]
    if prefix := step.get("tointerwiki"):
        title = step["to"].removeprefix(f"{prefix}:")
        return True, {"interwiki_prefix": prefix, "page_title": title.replace(" ", "_")}
    (target,) = wiki.call_api({"action": "query", "prop": "info", "titles": step["to"]})["query"]["pages"]
    link = {"page_title": target["title"].replace(" ", "_"), "namespace_id": target["ns"]}
    if "pageid" in target:
        link |= {"page_id": target["pageid"], "is_redirect": target.get("redirect", False)}
    return True, link


def test_links_name_pages_sections_and_other_wikis_as_events_do(past: Past) -> None:
    """Written out for those that matter most, so that this does not lean on the API's own words."""
    links = {
        event["page"]["page_title"]: {
            name: link for name, link in event["page"]["redirect_page_link"].items() if name != "page_id"
        }
        for event in past.outputs.values()
        if "redirect_page_link" in event["page"]
    }
    target = {"page_title": "Past/Target", "namespace_id": 0, "is_redirect": False}
    assert links["Past/To_a_page"] == links["Past/To_a_section"] == links["Past/Hidden"] == target
    assert links["Past/To_another_wiki"] == {"page_title": "SoftSecurity_and_more", "interwiki_prefix": "meatball"}
    assert links["Past/To_a_talk_page"] == {"page_title": "User_talk:Past", "namespace_id": 3, "is_redirect": False}
    assert links["Past/To_a_redirect"] == {"page_title": "Past/To_a_page", "namespace_id": 0, "is_redirect": True}
    assert links["Past/To_nothing"] == {"page_title": "Past/Nothing_at_all", "namespace_id": 0}
    assert links["Past/Old_name"]["page_title"] == "Past/New_name"


def test_a_redirect_that_was_undone_is_none_in_all_its_history(past: Past) -> None:
    """Even where the event says that it was one when it was saved."""
    stale = [event for event in past.room.events if event["page"]["page_title"] == "Past/Undone"]
    assert stale[0]["page"]["is_redirect"]
    undone = [event for event in past.outputs.values() if event["page"]["page_title"] == "Past/Undone"]
    assert [event["page"]["is_redirect"] for event in undone] == [False, False]
    assert all("redirect_page_link" not in event["page"] for event in undone)


def test_hidden_content_stays_hidden_and_its_page_is_told_all_the_same(past: Past) -> None:
    """No body, no error, and the redirect that its page is by now."""
    event = past.outputs[past.hidden]
    assert "content_body" not in event["revision"]["content_slots"]["main"]
    assert event["page"]["is_redirect"]


def test_records_are_valid_and_what_is_gone_is_an_error(past: Past) -> None:
    """Each output follows the schema that it names; the revision of a deleted page is the one error."""
    schema = SchemaRepository([SCHEMAS], read_bundled).get("mediawiki/page/change", "1.7.0")
    for event in past.outputs.values():
        assert schema.describe_violations(event) == ""
        assert event["meta"]["stream"] == "mediawiki.content_history_reconcile_enriched.v1"
    (error,) = past.errors
    assert (error["error_type"], error["emitter_id"]) == ("BadRevision", "content-history-reconcile")
    assert str(past.gone) in error["message"]
