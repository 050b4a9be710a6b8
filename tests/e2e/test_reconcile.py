"""content-history-reconcile on a real MediaWiki: the content of old revisions, and the current redirects."""

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
    "History/To a page": "[[History/Target]]",
    "History/To a section": "[[History/Target#Some section]]",
    "History/To a talk page": "[[User talk:History]]",
    "History/To another wiki": "[[meatball:SoftSecurity and more#Here]]",
    "History/To nothing": "[[History/Nothing at all]]",
    "History/To a special page": "[[Special:RecentChanges]]",
    "History/To a redirect": "[[History/To a page]]",
    "History/To itself": "[[History/To itself]]",
}
MANY = 60
"""Number of redirects to one page: more than one request has room for."""


class History(NamedTuple):
    """Changes of the wiki, and the job's output by revision."""

    recorder: WikiRecorder
    outputs: dict[int, Event]
    errors: list[Event]
    hidden: int
    deleted: int


@pytest.fixture(scope="module")
def recorder(mediawiki: RealMediaWiki) -> WikiRecorder:
    """Recorder of a wiki with old revisions."""
    recorder = WikiRecorder(mediawiki)
    for text in ("First.", "Second, žluťoučký.", "Third."):
        recorder.edit("History/Target", text)
    recorder.edit("User talk:History", "Talk.")
    for title, target in REDIRECTS.items():
        recorder.edit(title, "An article that it was once.")
        recorder.edit(title, f"#REDIRECT {target}")
    for number in range(MANY):
        recorder.edit(f"History/Name {number}", "#REDIRECT [[History/Target]]")
    recorder.edit("History/Undone", "#REDIRECT [[History/Target]]")
    recorder.edit("History/Undone", "No redirect any more.")
    recorder.edit("History/Old name", "It will be moved.")
    recorder.move("History/Old name", "History/New name")
    return recorder


@pytest.fixture(scope="module")
def history(recorder: WikiRecorder, tmp_path_factory: pytest.TempPathFactory) -> History:
    """All saved revisions, reconciled."""
    hidden = recorder.edit("History/Hidden", "A secret.")
    recorder.edit("History/Hidden", "#REDIRECT [[History/Target]]")
    recorder.mediawiki.hide_revision(hidden)
    recorder.edit("History/Gone", "It will be deleted.")
    deleted = recorder.delete("History/Gone")
    folder = tmp_path_factory.mktemp("history")
    (folder / "in.ndjson").write_bytes(encode_ndjson([_as_compared_event(event, hidden) for event in recorder.events]))
    finished = asyncio.run(
        run_wikistate(
            *("run", "content-history-reconcile", "--source", "in.ndjson", "--sink", "out.ndjson"),
            *("--wiki", f"{DOMAIN}={recorder.mediawiki.api_url}", "--set", "enrich.retry.acceptable_lag=0.5"),
            folder=folder,
        )
    )
    assert finished.status == 0, finished.err
    outputs = decode_ndjson((folder / "out.ndjson").read_bytes())
    errors = decode_ndjson((folder / "out.errors.ndjson").read_bytes())
    changes = [event for event in outputs if event["page_change_kind"] != "delete"]
    assert len(outputs) + len(errors) == len(recorder.events)
    return History(recorder, {event["revision"]["rev_id"]: event for event in changes}, errors, hidden, deleted)


def _as_compared_event(event: Event, hidden: int) -> Event:
    """Return the event as a comparison with the database makes it: with the current visibility, without a format."""
    slots = event["revision"].get("content_slots", {})
    bare = {
        role: {name: value for name, value in slot.items() if name != "content_format"} for role, slot in slots.items()
    }
    visible = {"is_content_visible": False} if event["revision"]["rev_id"] == hidden else {}
    return event | {"revision": event["revision"] | {"content_slots": bare} | visible}


def test_each_past_revision_has_the_raw_content_of_the_wiki(history: History) -> None:
    """The content is equal byte for byte, with its format, for the oldest and the newest revision of each page."""
    for rev_id, event in history.outputs.items():
        if rev_id != history.hidden:
            slot = event["revision"]["content_slots"]["main"]
            assert slot["content_body"].encode() == history.recorder.mediawiki.fetch_raw(rev_id)
            assert slot["content_format"] == "text/x-wiki"
    assert len(history.outputs) > MANY + 2 * len(REDIRECTS)


def test_each_page_has_its_current_redirect_state(history: History) -> None:
    """A separate request for each page returns whether it is a redirect, and its target, for its whole history."""
    pages = {event["page"]["page_id"] for event in history.outputs.values()}
    now = {page_id: _query_redirect(history.recorder.mediawiki, page_id) for page_id in pages}
    for event in history.outputs.values():
        stated = (event["page"]["is_redirect"], event["page"].get("redirect_page_link"))
        assert stated == now[event["page"]["page_id"]], event["page"]["page_title"]
    links = [link for is_redirect, link in now.values() if is_redirect]
    assert len(links) == len(REDIRECTS) + MANY + len(["History/Old name", "History/Hidden"])


def _query_redirect(wiki: RealMediaWiki, page_id: int) -> tuple[bool, dict[str, Any] | None]:
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


def test_links_name_pages_sections_and_other_wikis_as_events_do(history: History) -> None:
    """The important links are written out, so that the test does not depend on the API's response."""
    links = {
        event["page"]["page_title"]: {
            name: link for name, link in event["page"]["redirect_page_link"].items() if name != "page_id"
        }
        for event in history.outputs.values()
        if "redirect_page_link" in event["page"]
    }
    target = {"page_title": "History/Target", "namespace_id": 0, "is_redirect": False}
    assert links["History/To_a_page"] == links["History/To_a_section"] == links["History/Hidden"] == target
    assert links["History/To_another_wiki"] == {"page_title": "SoftSecurity_and_more", "interwiki_prefix": "meatball"}
    assert links["History/To_a_talk_page"] == {
        "page_title": "User_talk:History",
        "namespace_id": 3,
        "is_redirect": False,
    }
    assert links["History/To_a_redirect"] == {"page_title": "History/To_a_page", "namespace_id": 0, "is_redirect": True}
    assert links["History/To_nothing"] == {"page_title": "History/Nothing_at_all", "namespace_id": 0}
    assert links["History/Old_name"]["page_title"] == "History/New_name"


def test_page_that_is_no_longer_a_redirect_is_not_one_in_its_history(history: History) -> None:
    """The event of the old revision says that the page was a redirect."""
    stale = [event for event in history.recorder.events if event["page"]["page_title"] == "History/Undone"]
    assert stale[0]["page"]["is_redirect"]
    undone = [event for event in history.outputs.values() if event["page"]["page_title"] == "History/Undone"]
    assert [event["page"]["is_redirect"] for event in undone] == [False, False]
    assert all("redirect_page_link" not in event["page"] for event in undone)


def test_hidden_content_stays_hidden_in_an_event_with_its_page(history: History) -> None:
    """The event has no body, causes no error, and states that its page is a redirect now."""
    event = history.outputs[history.hidden]
    assert "content_body" not in event["revision"]["content_slots"]["main"]
    assert event["page"]["is_redirect"]


def test_records_are_valid_and_a_deleted_revision_is_an_error(history: History) -> None:
    """Each output follows the schema that it names; the revision of a deleted page is the only error."""
    schema = SchemaRepository([SCHEMAS], read_bundled).get("mediawiki/page/change", "1.7.0")
    for event in history.outputs.values():
        assert schema.describe_violations(event) == ""
        assert event["meta"]["stream"] == "mediawiki.content_history_reconcile_enriched.v1"
    (error,) = history.errors
    assert (error["error_type"], error["emitter_id"]) == ("BadRevision", "content-history-reconcile")
    assert str(history.deleted) in error["message"]
