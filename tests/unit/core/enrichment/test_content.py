from __future__ import annotations

import copy
import hashlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wikistate.core.enrichment.content import Content, Slot, read_revision, with_content
from wikistate.core.enrichment.failures import Failure, FailureKind
from wikistate.core.events.sha1 import to_base36_sha1

SHA1 = hashlib.sha1(b"text").hexdigest()
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def api_slot(body: str = "text", **more: Any) -> dict[str, Any]:
    """Return a slot as the API gives it."""
    return {
        "size": len(body.encode()),
        "sha1": SHA1,
        "contentmodel": "wikitext",
        "contentformat": "text/x-wiki",
        "content": body,
        **more,
    }


def slot(body: str | None = "text") -> Slot:
    """Return a slot as `read_revision` reads it."""
    return Slot(body, "wikitext", "text/x-wiki", 4, SHA1)


def change(*roles: str) -> dict[str, Any]:
    """Return an event whose revision has these slots."""
    slots = {
        role: {"slot_role": role, "content_model": "wikitext", "content_size": 4, "origin_rev_id": 3} for role in roles
    }
    prior = {"revision": {"rev_id": 6, "content_slots": {"main": {"slot_role": "main"}}}}
    return {"revision": {"rev_id": 7, "content_slots": slots}, "prior_state": prior, "page": {"page_id": 1}}


def test_slots_are_read() -> None:
    """Each slot is read with its body and its description."""
    read = read_revision({"revid": 7, "slots": {"main": api_slot(), "mediainfo": api_slot("{}")}})
    assert read == Content(
        {
            "main": Slot("text", "wikitext", "text/x-wiki", 4, SHA1),
            "mediainfo": Slot("{}", "wikitext", "text/x-wiki", 2, SHA1),
        }
    )


def test_empty_text_is_content() -> None:
    """A blanked page has an empty body; the body is not missing."""
    read = read_revision({"slots": {"main": api_slot("")}})
    assert isinstance(read, Content)
    assert read.slots["main"].body == ""
    assert not read.hidden


def test_hidden_text_is_not_a_failure() -> None:
    """Deleted content has no body, and the event continues."""
    read = read_revision({"slots": {"main": {"texthidden": True, "sha1hidden": True}}})
    assert read == Content({"main": Slot(None, None, None, None, None)}, hidden=True)


def test_suppressed_content_is_never_kept() -> None:
    """The content is dropped even when the wiki shows it because our account may see it."""
    assert read_revision({"suppressed": True, "slots": {"main": api_slot("secret")}}) == Content({}, hidden=True)


@pytest.mark.parametrize(
    ("revision", "kind"),
    [
        ({"slots": {"main": {"textmissing": True}}}, FailureKind.TEXT_MISSING),
        ({"slots": {"main": {"missing": True}}}, FailureKind.SLOT_MISSING),
        ({"slots": {"main": {"badcontentformat": True}}}, FailureKind.BAD_CONTENT_FORMAT),
        ({"slots": {"main": {"nosuchsection": True}}}, FailureKind.NO_SUCH_SECTION),
        ({"slots": {"main": api_slot(), "x": {"textmissing": True}}}, FailureKind.TEXT_MISSING),
        ({"slotsmissing": True}, FailureKind.SLOTS_MISSING),
        ({"slots": {}}, FailureKind.SLOTS_MISSING),
        ({}, FailureKind.SLOTS_MISSING),
        ({"textmissing": True}, FailureKind.TEXT_MISSING),
        ({"slots": {"main": {"contentmodel": "wikitext"}}}, FailureKind.UNPARSABLE),
        ({"slots": {"main": "text"}}, FailureKind.UNPARSABLE),
        ({"slots": {"main": {"content": 5}}}, FailureKind.UNPARSABLE),
    ],
)
def test_each_flag_of_damage_has_its_failure(revision: dict[str, Any], kind: FailureKind) -> None:
    """Each flag of the API that means "there is no content" has its own failure; none becomes an empty body."""
    read = read_revision(revision)
    assert isinstance(read, Failure)
    assert read.kind is kind


@given(st.dictionaries(st.sampled_from(["slots", "suppressed", "texthidden", "revid"]) | st.text(max_size=3), JSON))
def test_any_object_is_read_or_a_failure(revision: dict[str, Any]) -> None:
    """The reader returns a value and never raises, whatever JSON a wiki sends."""
    assert isinstance(read_revision(revision), Content | Failure)


def test_fold_adds_bodies_and_nothing_else() -> None:
    """`content_body` is added to the slot of each role; the rest of the event does not change."""
    event = change("main")
    folded = with_content(event, Content({"main": slot()}))
    expected = copy.deepcopy(event)
    expected["revision"]["content_slots"]["main"]["content_body"] = "text"
    assert folded == expected


@given(st.sets(st.sampled_from(["main", "mediainfo", "x"])), st.sets(st.sampled_from(["main", "mediainfo", "y"])))
def test_fold_never_changes_its_input(known: set[str], answered: set[str]) -> None:
    """The input event does not change, so that an error event can hold it as it came."""
    event = change(*known)
    before = copy.deepcopy(event)
    for hidden in (False, True):
        with_content(event, Content({role: slot() for role in answered}, hidden))
    assert event == before


def test_fold_adds_roles_that_the_event_lacks() -> None:
    """A slot that only the wiki has is added in the event's own terms, with the SHA-1 in base 36."""
    folded = with_content(change("main"), Content({"main": slot(), "mediainfo": slot("{}")}))
    assert isinstance(folded, dict)
    assert folded["revision"]["content_slots"]["mediainfo"] == {
        "slot_role": "mediainfo",
        "content_model": "wikitext",
        "content_format": "text/x-wiki",
        "content_size": 4,
        "content_sha1": to_base36_sha1(SHA1),
        "content_body": "{}",
    }


def test_fold_adds_slots_to_an_event_without_slots() -> None:
    """An event without `content_slots` gets the slots of the wiki."""
    folded = with_content({"revision": {"rev_id": 7}}, Content({"main": slot()}))
    assert isinstance(folded, dict)
    assert folded["revision"]["content_slots"]["main"]["content_body"] == "text"


def test_slot_missing_in_the_response_is_a_failure() -> None:
    """Half a revision is never emitted; the failure names the role."""
    failure = with_content(change("main", "mediainfo"), Content({"main": slot()}))
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.SLOT_MISSING
    assert "mediainfo" in failure.detail


def test_hidden_content_leaves_no_body() -> None:
    """A body that the event itself brought is removed too."""
    event = change("main", "mediainfo")
    event["revision"]["content_slots"]["main"]["content_body"] = "once visible"
    assert with_content(event, Content({}, hidden=True)) == change("main", "mediainfo")


@pytest.mark.parametrize("body", ["a" * 10, "é" * 5, "\U0001f600aé" + "abc"])
def test_size_is_counted_in_utf8_bytes(body: str) -> None:
    """Ten bytes fit into ten, and not into nine; the failure names both numbers."""
    assert len(body.encode()) == 10
    content = Content({"main": slot(body)})
    assert isinstance(with_content(change("main"), content, max_content_size=10), dict)
    failure = with_content(change("main"), content, max_content_size=9)
    assert isinstance(failure, Failure)
    assert failure.kind is FailureKind.TOO_LARGE
    assert "10 bytes" in failure.detail
    assert "allows 9" in failure.detail


def test_size_is_the_sum_of_all_slots() -> None:
    """Two slots of six bytes have twelve bytes together."""
    content = Content({"main": slot("a" * 6), "mediainfo": slot("b" * 6)})
    assert isinstance(with_content(change("main"), content, max_content_size=12), dict)
    assert isinstance(with_content(change("main"), content, max_content_size=11), Failure)


@given(st.binary(min_size=20, max_size=20))
def test_base36_hash_is_the_same_number(digest: bytes) -> None:
    """31 characters of base 36 stand for the same 160 bits."""
    encoded = to_base36_sha1(digest.hex())
    assert len(encoded) == 31
    assert int(encoded, 36) == int.from_bytes(digest, "big")


def test_base36_hash_of_the_empty_text_is_that_of_mediawiki() -> None:
    """The result is the value that MediaWiki's database holds for every empty text."""
    assert to_base36_sha1(hashlib.sha1(b"").hexdigest()) == "phoiac9h4m842xq45sp7s6u21eteeq1"


def test_format_is_filled_from_the_response_on_request() -> None:
    """With `with_format` the format of the wiki replaces that of the event; without it the event's format stays."""
    event = {"revision": {"content_slots": {"main": {"slot_role": "main", "content_format": "text/x-old"}}}}
    content = Content({"main": Slot("text", "wikitext", "text/x-wiki", 4, None)})
    filled, left = with_content(event, content, with_format=True), with_content(event, content)
    assert isinstance(filled, dict)
    assert isinstance(left, dict)
    assert filled["revision"]["content_slots"]["main"]["content_format"] == "text/x-wiki"
    assert left["revision"]["content_slots"]["main"]["content_format"] == "text/x-old"
