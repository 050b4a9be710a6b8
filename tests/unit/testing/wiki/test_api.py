"""Revisions in responses of the Action API: fields, flags, bad ids and order."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.testing.wiki.api_queries import CONTENT, WIKI, only, query, world

from wikistate.demo.pages import Flaw, Page, Revision, User, Visibility, Wiki, make_revision, make_slot
from wikistate.testing.wiki import MemoryDataset
from wikistate.testing.wiki.api import ActionApi
from wikistate.testing.wiki.cached_bodies import join_plain


def test_revision_has_all_fields() -> None:
    """The fields are those of formatversion 2."""
    made = replace(make_revision(5, "Some text.", parent_id=4), comment="a < b", minor=True, tags=("mw-undo",))
    digest = made.sha1
    assert only(world(made), 5) == {
        "revid": 5,
        "parentid": 4,
        "minor": True,
        "user": "192.0.2.1",
        "userid": 0,
        "anon": True,
        "timestamp": "2026-06-01T00:00:00Z",
        "size": 10,
        "sha1": digest,
        "roles": ["main"],
        "slots": {
            "main": {
                "size": 10,
                "sha1": digest,
                "contentmodel": "wikitext",
                "contentformat": "text/x-wiki",
                "content": "Some text.",
            }
        },
        "comment": "a < b",
        "parsedcomment": "a &lt; b",
        "tags": ["mw-undo"],
    }


def test_only_requested_properties_are_returned() -> None:
    """Without slot properties there are no slots."""
    assert only(world(make_revision(5)), 5, rvprop="ids|size") == {"revid": 5, "parentid": 0, "size": 10}


def test_slots_are_keyed_by_role() -> None:
    """``*`` selects all slots, names select some."""
    two = Revision(5, (make_slot("a"), make_slot("{}", model="wikibase-mediainfo", role="mediainfo")))
    assert set(only(world(two), 5)["slots"]) == {"main", "mediainfo"}
    assert set(only(world(two), 5, rvslots="mediainfo")["slots"]) == {"mediainfo"}


def test_main_slot_is_beside_the_other_fields_without_rvslots() -> None:
    """The response is the legacy form, with a warning."""
    words = CONTENT | {"rvprop": "ids|content", "revids": "5"}
    del words["rvslots"]
    document = orjson.loads(join_plain(ActionApi(world(make_revision(5))).handle_api(WIKI, words).pieces))
    assert document["query"]["pages"][0]["revisions"][0]["content"] == "Some text."
    assert document["warnings"]["revisions"]["warnings"].startswith('Because "rvslots" was not specified')


def test_an_unknown_parent_is_left_out() -> None:
    """None is not zero."""
    assert "parentid" not in only(world(make_revision(5, parent_id=None)), 5)


def test_a_temporary_account_is_marked() -> None:
    """The account is not anonymous."""
    visitor = User("~2026-1-1", 9, is_temp=True)
    shown = only(world(replace(make_revision(5), editor=visitor)), 5)
    assert (shown["temp"], shown["userid"], "anon" in shown) == (True, 9, False)


def test_hidden_content_has_neither_text_nor_hashes() -> None:
    """``texthidden`` is in the slot, ``sha1hidden`` there and at the revision; model and size stay."""
    shown = only(world(replace(make_revision(5), visibility=Visibility(content=False))), 5)
    assert shown["slots"]["main"] == {"size": 10, "sha1hidden": True, "contentmodel": "wikitext", "texthidden": True}
    assert shown["sha1hidden"] is True
    assert "sha1" not in shown
    assert "suppressed" not in shown


def test_hidden_comment_and_editor_are_flags() -> None:
    """``commenthidden`` and ``userhidden`` replace the values."""
    shown = only(world(replace(make_revision(5), visibility=Visibility(comment=False, editor=False))), 5)
    assert (shown["commenthidden"], shown["userhidden"]) == (True, True)
    assert not {"comment", "parsedcomment", "user", "userid"} & set(shown)


def test_suppression_is_a_flag_of_the_revision() -> None:
    """``suppressed`` is beside the flags of the hidden parts."""
    hidden = Visibility(content=False, comment=False, editor=False, suppressed=True)
    shown = only(world(replace(make_revision(5), visibility=hidden)), 5)
    assert shown["suppressed"] is True
    assert shown["slots"]["main"]["texthidden"] is True


@pytest.mark.parametrize("flaw", [Flaw.TEXT_MISSING, Flaw.BAD_FORMAT, Flaw.NO_SECTION])
def test_unavailable_content_is_a_flag_of_its_slot(flaw: Flaw) -> None:
    """The other slot is returned as usual."""
    parts = (make_slot("a", flaw=flaw), make_slot("{}", model="wikibase-mediainfo", role="mediainfo"))
    slots = only(world(Revision(5, parts)), 5)["slots"]
    assert slots["main"][flaw.value] is True
    assert "content" not in slots["main"]
    assert slots["mediainfo"]["content"] == "{}"


def test_missing_slot_has_only_its_flag() -> None:
    """Even its size is unknown."""
    assert only(world(Revision(5, (make_slot("a", flaw=Flaw.MISSING),))), 5)["slots"] == {"main": {"missing": True}}


def test_revision_without_its_slots_has_a_flag() -> None:
    """``slotsmissing`` replaces the slots."""
    shown = only(world(replace(make_revision(5), flaw=Flaw.SLOTS_MISSING)), 5)
    assert shown["slotsmissing"] is True
    assert "slots" not in shown


def test_unknown_ids_are_bad_and_do_not_affect_others() -> None:
    """Bad ids are an object keyed by number."""
    document = query(world(make_revision(5)), 99, 5)
    assert document["query"]["badrevids"] == {"99": {"revid": 99, "missing": True}}
    assert document["query"]["pages"][0]["revisions"][0]["revid"] == 5
    assert document["batchcomplete"] is True


def test_there_are_no_pages_if_every_id_is_bad() -> None:
    """There is not even an empty list."""
    assert query(world(make_revision(5)), 98, 99)["query"].keys() == {"badrevids"}


def test_a_removed_revision_is_bad() -> None:
    """A response before the removal does not matter."""
    made = world(make_revision(5))
    assert "pages" in query(made, 5)["query"]
    made.remove(WIKI, 5)
    assert "5" in query(made, 5)["query"]["badrevids"]


def test_replaced_revision_is_encoded_again() -> None:
    """No encoded part of the old revision stays."""
    made = world(make_revision(5))
    assert "content" in only(made, 5)["slots"]["main"]
    made.put(WIKI, Page(7, "River Ash"), replace(make_revision(5), visibility=Visibility(content=False)))
    assert "texthidden" in only(made, 5)["slots"]["main"]


def test_pages_and_their_revisions_are_sorted_by_number() -> None:
    """The order of the request does not matter."""
    made = MemoryDataset(WIKI)
    made.put(WIKI, Page(9, "B"), make_revision(1), make_revision(4))
    made.put(WIKI, Page(2, "A"), make_revision(3), make_revision(2))
    pages = query(made, 4, 3, 2, 1)["query"]["pages"]
    assert [[page["pageid"], *(shown["revid"] for shown in page["revisions"])] for page in pages] == [
        [2, 2, 3],
        [9, 1, 4],
    ]


def test_the_same_number_on_two_wikis_is_two_revisions() -> None:
    """The requested wiki decides."""
    other = Wiki("dewiki", "de.wikipedia.org")
    made = world(make_revision(5, "english"))
    made.put(other, Page(7, "Esche"), make_revision(5, "deutsch"))
    words = CONTENT | {"rvprop": "content", "revids": "5"}
    documents = [orjson.loads(join_plain(ActionApi(made).handle_api(wiki, words).pieces)) for wiki in (WIKI, other)]
    texts = [found["query"]["pages"][0]["revisions"][0]["slots"]["main"]["content"] for found in documents]
    assert texts == ["english", "deutsch"]


@settings(deadline=None)
@given(st.sets(st.integers(1, 60), min_size=1, max_size=50))
def test_any_set_of_ids_is_split_into_found_and_bad(asked: set[int]) -> None:
    """Each id is in one of the two parts, once: even numbers exist, odd ones do not."""
    made = MemoryDataset(WIKI)
    for rev_id in range(2, 61, 2):
        made.put(WIKI, Page(rev_id % 7 + 1, f"Page {rev_id % 7}"), make_revision(rev_id))
    answer = query(made, *asked)["query"]
    found = [shown["revid"] for page in answer.get("pages", []) for shown in page["revisions"]]
    bad = [entry["revid"] for entry in answer.get("badrevids", {}).values()]
    assert sorted(found + bad) == sorted(asked)
    assert all(rev_id % 2 == 0 for rev_id in found)
    assert all(rev_id % 2 == 1 for rev_id in bad)
