"""Queries of the Action API: continuation, errors, limits, titles, siteinfo and whole data sets."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.testing.wiki.api_queries import CONTENT, EVERYTHING, WIKI, query, world

from wikistate.demo import corpus
from wikistate.demo.pages import Page, RedirectLink, make_revision, make_slot
from wikistate.testing.wiki import Limits, MemoryDataset, SyntheticDataset
from wikistate.testing.wiki.api import ActionApi
from wikistate.testing.wiki.cached_bodies import join_plain


@settings(deadline=None)
@given(st.lists(st.integers(0, 900), min_size=1, max_size=20), st.integers(1_100, 4_000))
def test_continued_query_ends_and_returns_everything_once(sizes: list[int], limit: int) -> None:
    """Each response but the last is below the limit, continues the one before, and repeats the bad ids."""
    made = MemoryDataset(WIKI)
    for number, size in enumerate(sizes, start=1):
        made.put(WIKI, Page(number % 3 + 1, f"Page {number % 3}"), make_revision(number, "x" * size))
    seen: list[int] = []
    resume: dict[str, str] = {}
    for _ in range(len(sizes) + 1):
        words = {"rvprop": "ids|content"} | resume
        answer = query(made, *range(1, len(sizes) + 1), 99, limits=Limits(result_bytes=limit), more=words)
        assert "99" in answer["query"]["badrevids"]
        revisions = [shown for page in answer["query"]["pages"] for shown in page.get("revisions", [])]
        assert sum(len(shown["slots"]["main"]["content"]) for shown in revisions) <= limit
        seen += sorted(shown["revid"] for shown in revisions)
        assert ("batchcomplete" in answer) == ("continue" not in answer)
        if "continue" not in answer:
            break
        resume = {name: str(value) for name, value in answer["continue"].items()}
    assert seen == list(range(1, len(sizes) + 1))


def test_truncation_has_a_warning_and_its_page_is_listed() -> None:
    """A page without a revision in this response is not missing."""
    made = MemoryDataset(WIKI)
    for number in (1, 2, 3):
        made.put(WIKI, Page(number, f"Page {number}"), make_revision(number, "x" * 600))
    answer = query(made, 1, 2, 3, limits=Limits(result_bytes=1_000), rvprop="ids|content")
    assert answer["continue"] == {"rvcontinue": 2, "continue": "||"}
    assert answer["warnings"]["result"]["warnings"].endswith("the limit of 1,000 bytes.")
    first, second, third = answer["query"]["pages"]
    assert len(first["revisions"]) == 1
    assert second["revisions"] == []
    assert third == {"pageid": 3, "ns": 0, "title": "Page 3"}


def test_revision_larger_than_a_response_never_comes() -> None:
    """The query continues at the same revision for ever: a client must detect it."""
    made, limits = world(make_revision(5, "x" * 5_000)), Limits(result_bytes=1_000)
    first = query(made, 5, limits=limits)
    again = query(made, 5, limits=limits, more={name: str(value) for name, value in first["continue"].items()})
    assert first == again
    assert first["continue"]["rvcontinue"] == 5
    assert first["query"]["pages"][0]["revisions"] == []


def test_sizes_count_bytes_and_not_characters() -> None:
    """Each of these characters has three bytes."""
    made = world(make_revision(5, "川" * 400))
    assert "continue" in query(made, 5, limits=Limits(result_bytes=1_200), rvprop="ids|content")
    assert "continue" not in query(made, 5, limits=Limits(result_bytes=1_300), rvprop="ids|content")


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"action": "frobnicate"}, "badvalue"),
        ({"revids": "|".join(map(str, range(51)))}, "toomanyvalues"),
        ({"revids": "1|x"}, "badinteger"),
        ({"revids": "1", "titles": "A"}, "multisource"),
        ({"revids": "1", "rvlimit": "5"}, "invalidparammix"),
        ({"revids": "1", "rvcontentformat": "text/plain"}, "invalidparammix"),
        ({"formatversion": "1", "revids": "1"}, "small-wiki-formatversion"),
    ],
)
def test_invalid_query_is_an_error(params: dict[str, str], code: str) -> None:
    """The status is 200; the code is in a header and in the document."""
    reply = ActionApi(world(make_revision(1))).handle_api(WIKI, CONTENT | params)
    error = orjson.loads(join_plain(reply.pieces))["error"]
    assert (reply.status, reply.headers["MediaWiki-API-Error"], error["code"]) == (200, code, code)
    assert error["info"]
    assert "en.wikipedia.org" in error["docref"]


def test_account_with_high_limits_may_request_500() -> None:
    """The limit is the wiki's, and the error has it."""
    asked = range(1, 501)
    assert len(query(world(make_revision(1)), *asked, limits=Limits(values=500))["query"]["badrevids"]) == 499
    assert query(world(make_revision(1)), *asked)["error"]["limit"] == 50


def test_other_error_formats_have_a_list() -> None:
    """``errors`` have ``text`` and no ``info``."""
    document = query(world(make_revision(1)), action="nosuch", errorformat="plaintext")
    assert document["errors"][0]["code"] == "badvalue"
    assert "nosuch" in document["errors"][0]["text"]
    assert "error" not in document


@pytest.mark.parametrize(("maxlag", "refused"), [("5", True), ("8", False), (None, False)])
def test_lagged_wiki_rejects_only_requests_with_maxlag(*, maxlag: str | None, refused: bool) -> None:
    """``maxlag`` below the lag leads to an error with the lag, and to headers with the time of the next attempt."""
    words = CONTENT | {"revids": "1"} | ({} if maxlag is None else {"maxlag": maxlag})
    reply = ActionApi(world(make_revision(1))).handle_api(WIKI, words, lag=7.25)
    document = orjson.loads(join_plain(reply.pieces))
    assert ("error" in document) is refused
    if refused:
        assert reply.headers == {"MediaWiki-API-Error": "maxlag", "Retry-After": "5", "X-Database-Lag": "7"}
        assert (document["error"]["code"], document["error"]["lag"], document["error"]["type"]) == (
            "maxlag",
            7.25,
            "db",
        )


def test_unknown_parameters_and_properties_have_warnings() -> None:
    """The warnings are listed by module; the query is answered."""
    document = query(world(make_revision(5)), 5, prop="revisions|horoscope", rvprop="ids|mood", hat="on", redirects="1")
    warnings = {module: entry["warnings"] for module, entry in document["warnings"].items()}
    assert warnings["main"] == "Unrecognized parameter: hat."
    assert warnings["query"] == 'Unrecognized value for parameter "prop": horoscope'
    assert warnings["revisions"] == 'Unrecognized value for parameter "rvprop": mood'
    assert document["query"]["pages"][0]["revisions"] == [{"revid": 5, "parentid": 0}]


def test_titles_lead_to_current_revisions_through_redirects() -> None:
    """Underscores are normalized, redirects resolved, unknown titles missing."""
    made = world(make_revision(5), make_revision(6, "newer"))
    made.put(WIKI, Page(8, "Ash", redirect=RedirectLink("River Ash", page_id=7)), make_revision(9))
    answer = query(made, titles="Ash|River_Ash|Talk:Nothing", redirects="1", rvprop="ids")["query"]
    assert answer["redirects"] == [{"from": "Ash", "to": "River Ash"}]
    assert answer["normalized"] == [{"fromencoded": False, "from": "River_Ash", "to": "River Ash"}]
    missing, found = answer["pages"]
    assert missing == {"ns": 1, "title": "Talk:Nothing", "missing": True}
    assert found["revisions"] == [{"revid": 6, "parentid": 0}]


def test_page_information_marks_redirects() -> None:
    """Only a page that is a redirect now has ``redirect``."""
    made = world(make_revision(5))
    made.put(WIKI, Page(8, "Ash", redirect=RedirectLink("River Ash", page_id=7)), make_revision(9))
    pages = query(made, pageids="7|8|99", prop="info")["query"]["pages"]
    assert [page.get("redirect") for page in pages] == [None, True, None]
    assert [page.get("lastrevid") for page in pages] == [5, 9, None]
    assert pages[2] == {"pageid": 99, "missing": True}


def test_siteinfo_names_the_wiki() -> None:
    """It has database name and domain, and namespaces on request."""
    site = query(world(make_revision(5)), prop="", meta="siteinfo")["query"]
    assert (site["general"]["wikiid"], site["general"]["servername"]) == ("enwiki", "en.wikipedia.org")
    assert "namespaces" not in site
    more = query(world(make_revision(5)), prop="", meta="siteinfo", siprop="namespaces")["query"]
    assert more["namespaces"]["1"] == {"id": 1, "name": "Talk", "content": False}


def test_stream_configs_are_returned() -> None:
    """The response has the requested streams that exist, or all streams if none are requested."""
    some = query(world(make_revision(5)), action="streamconfigs", streams="mediawiki.page_change.v1|no.such")["streams"]
    assert set(some) == {"mediawiki.page_change.v1"}
    settings = some["mediawiki.page_change.v1"]
    assert settings["schema_title"] == "mediawiki/page/change"
    assert settings["topics"] == ["eqiad.mediawiki.page_change.v1", "codfw.mediawiki.page_change.v1"]
    assert settings["message_key_fields"] == {"wiki_id": "wiki_id", "page_id": "page.page_id"}
    assert len(query(world(make_revision(5)), action="streamconfigs")["streams"]) > 4


def test_response_without_format_json_is_a_page() -> None:
    """The real API has HTML as its default format, too."""
    reply = ActionApi(world(make_revision(5))).handle_api(WIKI, {"action": "query", "revids": "5"})
    assert reply.content_type.startswith("text/html")


@settings(deadline=None)
@given(st.integers(1, 2**53), st.sampled_from(["ids|content", "content", EVERYTHING]))
def test_synthetic_wiki_has_every_revision(rev_id: int, rvprop: str) -> None:
    """Each revision has a body of the same size, whose hash is right."""
    made = SyntheticDataset(WIKI, body_bytes=512)
    (page,) = query(made, rev_id, rvprop=rvprop)["query"]["pages"]
    (shown,) = page["revisions"]
    text = shown["slots"]["main"]["content"]
    assert len(text.encode()) == 512
    assert page["pageid"] == rev_id
    if "ids" in rvprop:
        assert shown["revid"] == rev_id
    if "sha1" in rvprop:
        assert shown["sha1"] == shown["slots"]["main"]["sha1"] == make_slot(text).sha1


def test_sample_has_every_revision_of_its_corpus() -> None:
    """Revisions have the text of the corpus.

    Hidden ones are hidden, and deleted ones are bad, or present on request.
    """
    made = corpus.compose(seed=5, changes=200)
    served, all_of_them = MemoryDataset.from_corpus(made), MemoryDataset.from_corpus(made, with_deleted=True)
    counts = {"bad": 0, "hidden": 0, "content": 0}
    for stored in made.revisions():
        words = CONTENT | {"rvprop": "ids|content", "revids": str(stored.revision.rev_id)}
        answer = orjson.loads(join_plain(ActionApi(served).handle_api(stored.wiki, words).pieces))["query"]
        assert ("badrevids" in answer) is stored.deleted
        if stored.deleted:
            counts["bad"] += 1
            answer = orjson.loads(join_plain(ActionApi(all_of_them).handle_api(stored.wiki, words).pieces))["query"]
        shown = answer["pages"][0]["revisions"][0]["slots"]
        assert set(shown) == {part.role for part in stored.revision.slots}
        for part in stored.revision.slots:
            visible = stored.revision.visibility.content
            counts["content" if visible else "hidden"] += 1
            assert shown[part.role].get("content") == (part.text if visible else None)
    assert min(counts.values()) > 0
