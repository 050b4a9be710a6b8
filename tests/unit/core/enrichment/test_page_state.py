"""Current state of a page, folded into events about its past."""

from __future__ import annotations

from typing import Any

import pytest

from wikistate.core.enrichment.page_state import PageState, RedirectTarget, with_page_state
from wikistate.core.events.bundled import SCHEMAS, read_bundled
from wikistate.core.events.repository import SchemaRepository

PINNED = SchemaRepository([SCHEMAS], read_bundled).get("mediawiki/page/change", "1.7.0")
EVENT: dict[str, Any] = PINNED.document["examples"][0]
STALE = EVENT | {"page": EVENT["page"] | {"is_redirect": True, "redirect_page_link": {"page_title": "Old"}}}


@pytest.mark.parametrize(
    ("target", "link"),
    [
        (
            RedirectTarget("User talk:Río Ash", namespace=3, page_id=9, is_redirect=False),
            {"page_title": "User_talk:Río_Ash", "namespace_id": 3, "page_id": 9, "is_redirect": False},
        ),
        (RedirectTarget("Not there", namespace=0), {"page_title": "Not_there", "namespace_id": 0}),
        (RedirectTarget("Special:Log", namespace=-1), {"page_title": "Special:Log", "namespace_id": -1}),
        (RedirectTarget("A page", interwiki="meatball"), {"page_title": "A_page", "interwiki_prefix": "meatball"}),
    ],
)
def test_link_has_the_known_fields_of_its_target(target: RedirectTarget, link: dict[str, Any]) -> None:
    """The link uses the field names of the schema; unknown fields are left out."""
    folded = with_page_state(STALE, PageState(is_redirect=True, target=target))
    assert folded["page"] == EVENT["page"] | {"is_redirect": True, "redirect_page_link": link}
    assert PINNED.is_valid(folded)


def test_page_that_is_not_a_redirect_any_more_has_no_link() -> None:
    """The state at the time of the revision does not matter; the input event does not change."""
    folded = with_page_state(STALE, PageState(is_redirect=False))
    assert folded["page"] == EVENT["page"] | {"is_redirect": False}
    assert "redirect_page_link" in STALE["page"]


def test_redirect_without_a_record_of_its_target_has_no_link() -> None:
    """A link from the past would be a guess."""
    folded = with_page_state(STALE, PageState(is_redirect=True))
    assert folded["page"]["is_redirect"] is True
    assert "redirect_page_link" not in folded["page"]
