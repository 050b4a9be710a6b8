"""The wiki of the tests: a real one that its own Action API changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.support.action_client import ActionClient
from tests.support.mediawiki import RealMediaWiki

from wikistate.errors import WikiError

if TYPE_CHECKING:
    from pathlib import Path


def _revision(wiki: RealMediaWiki, revision: int) -> dict[str, Any]:
    """Return the ``query`` part of the response for a revision, as an anonymous reader sees it."""
    parameters: dict[str, str | int] = {
        "action": "query",
        "prop": "revisions",
        "revids": revision,
        "rvprop": "ids|content",
        "rvslots": "*",
    }
    query: dict[str, Any] = ActionClient(wiki.host).call(parameters)["query"]
    return query


def test_edit_is_served_raw_and_by_the_action_api(mediawiki: RealMediaWiki) -> None:
    """Both addresses lead to the same text, and each edit has a separate revision."""
    first, second = (mediawiki.edit("Parts/Łódź", text, "a summary") for text in ("žluťoučký", "kůň"))
    assert first < second
    assert mediawiki.fetch_raw(first).decode() == "žluťoučký"
    (page,) = _revision(mediawiki, second)["pages"]
    assert page["title"] == "Parts/Łódź"
    assert page["revisions"][0]["slots"]["main"]["content"] == "kůň"
    assert page["revisions"][0]["parentid"] == first


def test_null_edit_is_an_error(mediawiki: RealMediaWiki) -> None:
    """A null edit makes no revision, so there is no id to return."""
    mediawiki.edit("Parts/Null", "same")
    with pytest.raises(WikiError, match="did not create a revision"):
        mediawiki.edit("Parts/Null", "same")


def test_hidden_revision_shows_no_content(mediawiki: RealMediaWiki) -> None:
    """The public sees ``texthidden`` in place of the content."""
    hidden = mediawiki.edit("Parts/Hidden", "secret")
    mediawiki.edit("Parts/Hidden", "public")
    mediawiki.hide_revision(hidden)
    (page,) = _revision(mediawiki, hidden)["pages"]
    main = page["revisions"][0]["slots"]["main"]
    assert main["texthidden"]
    assert "content" not in main


def test_suppressed_revision_shows_no_content(mediawiki: RealMediaWiki) -> None:
    """Suppression hides the revision from administrators too, and ``suppressed`` distinguishes it."""
    hidden = mediawiki.edit("Parts/Suppressed", "secret")
    mediawiki.edit("Parts/Suppressed", "public")
    mediawiki.hide_revision(hidden, hide="content|comment|user", suppress=True)
    (page,) = _revision(mediawiki, hidden)["pages"]
    assert page["revisions"][0]["suppressed"]


def test_deleted_page_has_bad_revisions_until_it_is_restored(mediawiki: RealMediaWiki) -> None:
    """``badrevids`` is an object keyed by the id of the revision."""
    revision = mediawiki.edit("Parts/Deleted", "text")
    mediawiki.delete("Parts/Deleted")
    assert _revision(mediawiki, revision)["badrevids"] == {str(revision): {"revid": revision, "missing": True}}
    mediawiki.undelete("Parts/Deleted")
    assert "badrevids" not in _revision(mediawiki, revision)
    assert mediawiki.fetch_raw(revision) == b"text"


@pytest.mark.parametrize("redirect", [True, False])
def test_moved_page_keeps_its_revisions(mediawiki: RealMediaWiki, redirect: bool) -> None:  # noqa: FBT001 (a parameter)
    """The revision moves with the page; a redirect stays only on request."""
    title = f"Parts/Moved {redirect}"
    revision = mediawiki.edit(title, "text")
    mediawiki.move(title, f"{title} away", redirect=redirect)
    (page,) = _revision(mediawiki, revision)["pages"]
    assert page["title"] == f"{title} away"
    (left,) = mediawiki.call_api({"action": "query", "titles": title})["query"]["pages"]
    assert left.get("missing", False) is not redirect


def test_rejected_action_is_an_error_with_the_reason(mediawiki: RealMediaWiki) -> None:
    """The error has the message of the wiki."""
    with pytest.raises(WikiError, match="refused action=delete: missingtitle: The page you specified doesn't exist"):
        mediawiki.delete("Parts/Never there")


def test_wiki_comes_back_with_its_address_and_pages(tmp_path: Path, mediawiki: RealMediaWiki) -> None:
    """After kill and start it has the same address and pages; the shared wiki is a different one."""
    with RealMediaWiki(tmp_path / "wiki") as wiki:
        revision = wiki.edit("Kept", "text")
        wiki.kill()
        with pytest.raises(WikiError, match="does not answer"):
            wiki.fetch_raw(revision)
        wiki.start()
        assert wiki.fetch_raw(revision) == b"text"
        assert wiki.api_url != mediawiki.api_url
