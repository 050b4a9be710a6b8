from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wikistate.core.enrichment.plan import Fetch, PassThrough, PassThroughReason, Reject, plan_fetch

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def change(kind: str = "edit", **revision: Any) -> dict[str, Any]:
    """Return an event of a kind; the keywords replace fields of its revision."""
    return {
        "page_change_kind": kind,
        "meta": {"domain": "en.wikipedia.org"},
        "page": {"page_title": "Main_Page"},
        "revision": {"rev_id": 7, "is_content_visible": True, **revision},
    }


@pytest.mark.parametrize("kind", ["create", "edit", "move", "undelete", "visibility_change", "a_kind_of_tomorrow"])
def test_each_kind_except_delete_is_fetched_by_revision(kind: str) -> None:
    """Every kind of change is fetched by `rev_id`, even an unknown kind."""
    assert plan_fetch(change(kind)) == Fetch("en.wikipedia.org", 7)


def test_deletion_passes_through() -> None:
    """A deleted page has nothing to fetch, even when its event lacks other fields."""
    assert plan_fetch({"page_change_kind": "delete"}) == PassThrough(PassThroughReason.DELETED)


def test_hidden_content_passes_through() -> None:
    """Content that is not visible is not requested, even where slots are absent."""
    assert plan_fetch(change(is_content_visible=False)) == PassThrough(PassThroughReason.HIDDEN)


def test_absent_visibility_counts_as_visible() -> None:
    """`is_content_visible` is optional: only an explicit false hides the content."""
    event = change()
    del event["revision"]["is_content_visible"]
    assert plan_fetch(event) == Fetch("en.wikipedia.org", 7)


@pytest.mark.parametrize("rev_id", [None, 0, -3, True, "7", 7.0])
def test_invalid_revision_id_is_rejected(rev_id: object) -> None:
    """The message names the field and the value found there."""
    refused = plan_fetch(change(rev_id=rev_id))
    assert isinstance(refused, Reject)
    assert refused.error_type == "InvalidEvent"
    assert "revision.rev_id" in refused.message


@pytest.mark.parametrize("slots", [[], "main", {"main": None}, {"main": ["x"]}])
def test_slots_that_are_not_an_object_are_rejected(slots: object) -> None:
    """An event into which `fold` could not write is rejected before any request to a wiki."""
    refused = plan_fetch(change(content_slots=slots))
    assert isinstance(refused, Reject)
    assert "content_slots" in refused.message


@pytest.mark.parametrize("meta", [None, {}, {"domain": ""}, {"domain": 5}, ["en.wikipedia.org"]])
def test_event_without_domain_is_rejected(meta: object) -> None:
    """`meta.domain` alone names the wiki to ask."""
    refused = plan_fetch({**change(), "meta": meta})
    assert isinstance(refused, Reject)
    assert "meta.domain" in refused.message


@given(
    st.fixed_dictionaries({}, optional={"page_change_kind": JSON, "revision": JSON, "meta": JSON})
    | st.dictionaries(st.text(max_size=5), JSON)
)
def test_any_object_gets_a_plan(event: dict[str, Any]) -> None:
    """The plan is a value and never an exception, whatever JSON an event holds."""
    assert isinstance(plan_fetch(event), PassThrough | Fetch | Reject)


def test_hidden_content_is_requested_if_the_page_matters() -> None:
    """A page with a hidden revision may be a redirect; a deleted page does not exist in any case."""
    event = {
        "page_change_kind": "edit",
        "meta": {"domain": "w.example"},
        "revision": {"rev_id": 5, "is_content_visible": False},
    }
    assert isinstance(plan_fetch(event), PassThrough)
    assert plan_fetch(event, include_hidden=True) == Fetch("w.example", 5)
    assert isinstance(plan_fetch(event | {"page_change_kind": "delete"}, include_hidden=True), PassThrough)
