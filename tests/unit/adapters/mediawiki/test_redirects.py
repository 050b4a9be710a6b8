"""Queries about redirects, their responses, and the handling of incomplete responses."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wikistate.adapters.mediawiki.action_api import ParsedResponse
from wikistate.adapters.mediawiki.redirects import (
    REDIRECT_TARGETS,
    REDIRECTS,
    REVISIONS_WITH_PAGES,
    PageName,
    RevisionWithPage,
    read_redirects,
    read_targets,
)
from wikistate.core.enrichment.failures import Failure, FailureKind
from wikistate.core.enrichment.page_state import PageState, RedirectTarget

PLACE = "w.example"
ASH, OAK, ELM = PageName(1, "Ash"), PageName(2, "Oak"), PageName(3, "Elm")
RIVER = {"pageid": 9, "ns": 0, "title": "River Ash"}


def states(query: dict[str, Any], *asked: PageName) -> dict[PageName, Any]:
    """Return the states of these pages in a response."""
    page = read_redirects({"query": query}, asked, place=PLACE)
    assert isinstance(page, ParsedResponse)
    return page.results


def step(title: str, target: str, **more: str) -> dict[str, str]:
    """Return one step of a redirect, as the API names it."""
    return {"from": title, "to": target, **more}


def test_each_query_has_the_parameters_of_the_api() -> None:
    """Revisions with pages use revision ids, redirects page ids, targets titles; extra parameters follow."""
    base = {"action": ["query"], "format": ["json"], "formatversion": ["2"]}
    first = parse_qs(REVISIONS_WITH_PAGES.build_query([3, 5], {"maxlag": "5"}))
    assert (first["prop"], first["revids"], first["maxlag"]) == (["revisions|info"], ["3|5"], ["5"])
    asked = parse_qs(REDIRECTS.build_query([ASH, OAK], {}))
    assert asked == base | {"prop": ["info"], "pageids": ["1|2"], "redirects": ["1"]}
    asked = parse_qs(REDIRECT_TARGETS.build_query(["River Ash", "A&B"], {"maxlag": "5"}))
    assert asked == base | {"prop": ["info"], "titles": ["River Ash|A&B"], "maxlag": ["5"]}


def test_steps_are_assigned_by_the_titles_of_the_pages() -> None:
    """The cases are a page, a missing page, a page of another wiki, a special page, and a page without a redirect."""
    query = {
        "redirects": [step("Oak", "Gone"), step("Ash", "River Ash", tofragment="Mouth")],
        "pages": [RIVER, {"ns": 1, "title": "Gone", "missing": True}, {"pageid": 3, "ns": 0, "title": "Elm"}],
    }
    assert states(query, ASH, OAK, ELM) == {
        ASH: PageState(is_redirect=True, target=RedirectTarget("River Ash", namespace=0, page_id=9, is_redirect=False)),
        OAK: PageState(is_redirect=True, target=RedirectTarget("Gone", namespace=1)),
        ELM: PageState(is_redirect=False),
    }
    query = {
        "redirects": [step("Ash", "meatball:Soft security", tointerwiki="meatball"), step("Oak", "Special:Log")],
        "pages": [{"ns": -1, "title": "Special:Log", "special": True}],
    }
    assert states(query, ASH, OAK) == {
        ASH: PageState(is_redirect=True, target=RedirectTarget("Soft security", interwiki="meatball")),
        OAK: PageState(is_redirect=True, target=RedirectTarget("Special:Log", namespace=-1)),
    }


def test_only_the_first_step_of_a_double_redirect_counts() -> None:
    """The page between is not described: its namespace is not known yet."""
    query = {"redirects": [step("Ash", "Oak"), step("Oak", "River Ash")], "pages": [RIVER]}
    assert states(query, ASH)[ASH].target == RedirectTarget("Oak")
    assert states(query, ASH, OAK)[OAK].target == RedirectTarget("River Ash", namespace=0, page_id=9, is_redirect=False)


def test_renamed_page_is_not_guessed() -> None:
    """A batch gives no state for it.

    In a query of its own, the first step is its redirect, whatever its title is now.
    """
    query = {"redirects": [step("Ash (tree)", "River Ash")], "pages": [RIVER, {"pageid": 3, "ns": 0, "title": "Elm"}]}
    assert states(query, ASH, ELM) == {ELM: PageState(is_redirect=False)}
    alone = states({"redirects": [step("Ash (tree)", "River Ash")], "pages": [RIVER]}, ASH)
    assert alone[ASH].target.title == "River Ash"


def test_redirect_without_a_record_in_the_wiki_has_no_target() -> None:
    """An empty response for one page means no record; for two pages it is a failure that is retried."""
    empty = read_redirects({"batchcomplete": True}, [ASH], place=PLACE)
    assert isinstance(empty, ParsedResponse)
    assert empty.results == {ASH: PageState(is_redirect=True)}
    two = read_redirects({"batchcomplete": True}, [ASH, OAK], place=PLACE)
    assert isinstance(two, Failure)
    assert two.kind is FailureKind.EMPTY


def test_deleted_page_fails_alone() -> None:
    """The failure is that of a deleted revision; the other page is not affected."""
    found = states({"pages": [{"pageid": 1, "missing": True}, {"pageid": 3, "ns": 0, "title": "Elm"}]}, ASH, ELM)
    assert found[ASH].kind is FailureKind.BAD_REVISION
    assert found[ELM] == PageState(is_redirect=False)


def test_targets_are_found_by_the_requested_title() -> None:
    """The wiki may normalise the title; a title that it leaves out has no result."""
    document = {
        "query": {
            "normalized": [{"from": "ash", "to": "Ash"}],
            "pages": [{"pageid": 1, "ns": 0, "title": "Ash", "redirect": True}],
        }
    }
    page = read_targets(document, ["ash", "Oak"], place=PLACE)
    assert isinstance(page, ParsedResponse)
    assert page.results == {"ash": RedirectTarget("ash", namespace=0, page_id=1, is_redirect=True)}


def test_continued_response_uses_the_pages_of_the_first() -> None:
    """Pages are described once.

    A revision of a page that was never described is a failure, not "no redirect".
    """
    revision = {"revid": 5, "slots": {"main": {"contentmodel": "wikitext", "content": "text"}}}
    described = {"pageid": 1, "title": "Ash", "lastrevid": 7, "redirect": True}
    read = REVISIONS_WITH_PAGES.new_parser()
    first = read({"continue": {"rvcontinue": "5"}, "query": {"pages": [described]}}, {5, 6}, place=PLACE)
    assert isinstance(first, ParsedResponse)
    assert first.results == {}
    later = {"query": {"pages": [{"pageid": 1, "title": "Ash", "revisions": [revision]}]}}
    second = read(later, {5, 6}, place=PLACE)
    assert isinstance(second, ParsedResponse)
    found = second.results[5]
    assert isinstance(found, RevisionWithPage)
    assert (found.page, found.is_redirect) == (ASH, True)
    fresh = REVISIONS_WITH_PAGES.new_parser()(later, {5}, place=PLACE)
    assert isinstance(fresh, ParsedResponse)
    assert fresh.results[5].kind is FailureKind.UNPARSABLE


def test_pages_of_other_revisions_are_not_collected() -> None:
    """A wiki may describe any pages in each of its continuations."""
    read = REVISIONS_WITH_PAGES.new_parser()
    for number in range(20):
        pages = [{"pageid": number * 100 + page, "title": "A", "lastrevid": 7} for page in range(100)]
        assert isinstance(read({"query": {"pages": pages}}, {5, 6}, place=PLACE), ParsedResponse)
    assert len(read._pages) == 2  # type: ignore[attr-defined]  # those of a `ResponseParser` are not seen otherwise


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(0, 4) | st.sampled_from(["Ash", "Oak", "title", ""]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["query", "pages", "redirects", "from", "to", "pageid", "title", "missing", "ns", "continue"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@pytest.mark.parametrize("read", [read_redirects, REVISIONS_WITH_PAGES.new_parser()], ids=["redirects", "revisions"])
@given(document=st.dictionaries(st.sampled_from(["query", "continue", "warnings"]), JSON))
def test_any_response_is_parsed_or_a_failure(read: Any, document: dict[str, Any]) -> None:
    """The result is a page or a failure, whatever JSON a wiki sends."""
    assert isinstance(
        read(document, [ASH, OAK] if read is read_redirects else [1, 2], place=PLACE), ParsedResponse | Failure
    )
    assert isinstance(read_targets(document, ["Ash", "Oak"], place=PLACE), ParsedResponse | Failure)
