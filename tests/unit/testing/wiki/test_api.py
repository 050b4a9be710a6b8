"""Responses of the Action API: every flag, every error, continuation. They do not need a server."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wikistate.demo import corpus
from wikistate.demo.pages import Flaw, Page, RedirectLink, Revision, User, Visibility, Wiki, make_revision, make_slot
from wikistate.testing.wiki import Limits, MemoryDataset, SyntheticDataset
from wikistate.testing.wiki.api import ActionApi
from wikistate.testing.wiki.cached_bodies import join_plain

if TYPE_CHECKING:
    from collections.abc import Mapping

WIKI = Wiki("enwiki", "en.wikipedia.org", namespaces={0: "", 1: "Talk"})
EVERYTHING = (
    "ids|timestamp|flags|size|sha1|slotsize|slotsha1|contentmodel|roles|content|user|userid|comment|parsedcomment|tags"
)
CONTENT = {"action": "query", "format": "json", "formatversion": "2", "prop": "revisions", "rvslots": "*"}


def make_dataset(*revisions: Revision, page: Page | None = None) -> MemoryDataset:
    """Make a dataset with one wiki and one page."""
    made = MemoryDataset(WIKI)
    made.put(WIKI, page or Page(7, "River Ash"), *revisions)
    return made


def query(
    of: MemoryDataset | SyntheticDataset,
    *revids: int,
    limits: Limits | None = None,
    more: Mapping[str, str] | None = None,
    **params: str,
) -> dict[str, Any]:
    """Return the document of a query for revisions with all properties."""
    requested = {"revids": "|".join(map(str, revids))} if revids else {}
    reply = ActionApi(of, limits=limits).handle_api(
        WIKI, CONTENT | {"rvprop": EVERYTHING} | requested | params | dict(more or {})
    )
    document: dict[str, Any] = orjson.loads(join_plain(reply.pieces))
    return document


def only(of: MemoryDataset, rev_id: int, **params: str) -> dict[str, Any]:
    """Return the only revision of a response."""
    (page,) = query(of, rev_id, more=params)["query"]["pages"]
    (found,) = page["revisions"]
    assert isinstance(found, dict)
    return found


def test_revision_has_all_fields() -> None:
    """The fields have the form of formatversion 2."""
    made = replace(make_revision(5, "Some text.", parent_id=4), comment="a < b", minor=True, tags=("mw-undo",))
    digest = made.sha1
    assert only(make_dataset(made), 5) == {
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


def test_response_has_the_requested_properties_only() -> None:
    """Without slot properties there are no slots."""
    assert only(make_dataset(make_revision(5)), 5, rvprop="ids|size") == {"revid": 5, "parentid": 0, "size": 10}


def test_slots_are_keyed_by_role() -> None:
    """With ``*`` the response has all slots, with names the named ones."""
    two = Revision(5, (make_slot("a"), make_slot("{}", model="wikibase-mediainfo", role="mediainfo")))
    assert set(only(make_dataset(two), 5)["slots"]) == {"main", "mediainfo"}
    assert set(only(make_dataset(two), 5, rvslots="mediainfo")["slots"]) == {"mediainfo"}


def test_without_rvslots_the_main_slot_is_beside_the_other_fields() -> None:
    """This legacy form has a warning."""
    parameters = CONTENT | {"rvprop": "ids|content", "revids": "5"}
    del parameters["rvslots"]
    document = orjson.loads(join_plain(ActionApi(make_dataset(make_revision(5))).handle_api(WIKI, parameters).pieces))
    assert document["query"]["pages"][0]["revisions"][0]["content"] == "Some text."
    assert document["warnings"]["revisions"]["warnings"].startswith('Because "rvslots" was not specified')


def test_unknown_parent_is_omitted() -> None:
    """An unknown parent is different from no parent."""
    assert "parentid" not in only(make_dataset(make_revision(5, parent_id=None)), 5)


def test_temporary_account_has_a_flag() -> None:
    """A temporary account is not anonymous."""
    visitor = User("~2026-1-1", 9, is_temp=True)
    shown = only(make_dataset(replace(make_revision(5), editor=visitor)), 5)
    assert (shown["temp"], shown["userid"], "anon" in shown) == (True, 9, False)


def test_hidden_content_has_neither_text_nor_sums() -> None:
    """The slot has ``texthidden``, slot and revision have ``sha1hidden``; model and size are still there."""
    shown = only(make_dataset(replace(make_revision(5), visibility=Visibility(content=False))), 5)
    assert shown["slots"]["main"] == {"size": 10, "sha1hidden": True, "contentmodel": "wikitext", "texthidden": True}
    assert shown["sha1hidden"] is True
    assert "sha1" not in shown
    assert "suppressed" not in shown


def test_hidden_comment_and_editor_are_flags() -> None:
    """``commenthidden`` and ``userhidden`` replace the values."""
    shown = only(make_dataset(replace(make_revision(5), visibility=Visibility(comment=False, editor=False))), 5)
    assert (shown["commenthidden"], shown["userhidden"]) == (True, True)
    assert not {"comment", "parsedcomment", "user", "userid"} & set(shown)


def test_suppressed_revision_has_a_flag_beside_the_hidden_parts() -> None:
    """The revision has the flag ``suppressed``."""
    hidden = Visibility(content=False, comment=False, editor=False, suppressed=True)
    shown = only(make_dataset(replace(make_revision(5), visibility=hidden)), 5)
    assert shown["suppressed"] is True
    assert shown["slots"]["main"]["texthidden"] is True


@pytest.mark.parametrize("flaw", [Flaw.TEXT_MISSING, Flaw.BAD_FORMAT, Flaw.NO_SECTION])
def test_unavailable_content_is_a_flag_of_its_slot(flaw: Flaw) -> None:
    """The other slot has its content."""
    parts = (make_slot("a", flaw=flaw), make_slot("{}", model="wikibase-mediainfo", role="mediainfo"))
    slots = only(make_dataset(Revision(5, parts)), 5)["slots"]
    assert slots["main"][flaw.value] is True
    assert "content" not in slots["main"]
    assert slots["mediainfo"]["content"] == "{}"


def test_missing_slot_has_only_that_flag() -> None:
    """Its size is not known either."""
    assert only(make_dataset(Revision(5, (make_slot("a", flaw=Flaw.MISSING),))), 5)["slots"] == {
        "main": {"missing": True}
    }


def test_revision_without_its_slots_has_a_flag() -> None:
    """``slotsmissing`` replaces the slots."""
    shown = only(make_dataset(replace(make_revision(5), flaw=Flaw.SLOTS_MISSING)), 5)
    assert shown["slotsmissing"] is True
    assert "slots" not in shown


def test_unknown_ids_are_bad_and_do_not_affect_the_other_ids() -> None:
    """``badrevids`` is an object with the ids as keys."""
    document = query(make_dataset(make_revision(5)), 99, 5)
    assert document["query"]["badrevids"] == {"99": {"revid": 99, "missing": True}}
    assert document["query"]["pages"][0]["revisions"][0]["revid"] == 5
    assert document["batchcomplete"] is True


def test_response_has_no_pages_if_every_id_is_bad() -> None:
    """It does not have an empty list either."""
    assert query(make_dataset(make_revision(5)), 98, 99)["query"].keys() == {"badrevids"}


def test_removed_revision_is_bad() -> None:
    """An earlier response may have contained it."""
    made = make_dataset(make_revision(5))
    assert "pages" in query(made, 5)["query"]
    made.remove(WIKI, 5)
    assert "5" in query(made, 5)["query"]["badrevids"]


def test_replaced_revision_is_encoded_again() -> None:
    """The cache drops the old revision."""
    made = make_dataset(make_revision(5))
    assert "content" in only(made, 5)["slots"]["main"]
    made.put(WIKI, Page(7, "River Ash"), replace(make_revision(5), visibility=Visibility(content=False)))
    assert "texthidden" in only(made, 5)["slots"]["main"]


def test_pages_and_their_revisions_are_sorted_by_id() -> None:
    """The order in the request does not matter."""
    made = MemoryDataset(WIKI)
    made.put(WIKI, Page(9, "B"), make_revision(1), make_revision(4))
    made.put(WIKI, Page(2, "A"), make_revision(3), make_revision(2))
    pages = query(made, 4, 3, 2, 1)["query"]["pages"]
    assert [[page["pageid"], *(shown["revid"] for shown in page["revisions"])] for page in pages] == [
        [2, 2, 3],
        [9, 1, 4],
    ]


def test_same_id_on_two_wikis_is_two_revisions() -> None:
    """The response has the revision of the requested wiki."""
    other = Wiki("dewiki", "de.wikipedia.org")
    made = make_dataset(make_revision(5, "english"))
    made.put(other, Page(7, "Esche"), make_revision(5, "deutsch"))
    parameters = CONTENT | {"rvprop": "content", "revids": "5"}
    documents = [
        orjson.loads(join_plain(ActionApi(made).handle_api(wiki, parameters).pieces)) for wiki in (WIKI, other)
    ]
    texts = [found["query"]["pages"][0]["revisions"][0]["slots"]["main"]["content"] for found in documents]
    assert texts == ["english", "deutsch"]


@settings(deadline=None)
@given(st.sets(st.integers(1, 60), min_size=1, max_size=50))
def test_each_id_is_either_found_or_bad(requested: set[int]) -> None:
    """The response has each id once: even numbers exist, odd ones do not."""
    made = MemoryDataset(WIKI)
    for rev_id in range(2, 61, 2):
        made.put(WIKI, Page(rev_id % 7 + 1, f"Page {rev_id % 7}"), make_revision(rev_id))
    answer = query(made, *requested)["query"]
    found = [shown["revid"] for page in answer.get("pages", []) for shown in page["revisions"]]
    bad = [entry["revid"] for entry in answer.get("badrevids", {}).values()]
    assert sorted(found + bad) == sorted(requested)
    assert all(rev_id % 2 == 0 for rev_id in found)
    assert all(rev_id % 2 == 1 for rev_id in bad)


@settings(deadline=None)
@given(st.lists(st.integers(0, 900), min_size=1, max_size=20), st.integers(1_100, 4_000))
def test_continued_query_ends_and_returns_each_revision_once(sizes: list[int], limit: int) -> None:
    """Each response is below the limit, continues from the previous one, and repeats the bad ids."""
    made = MemoryDataset(WIKI)
    for number, size in enumerate(sizes, start=1):
        made.put(WIKI, Page(number % 3 + 1, f"Page {number % 3}"), make_revision(number, "x" * size))
    seen: list[int] = []
    resume: dict[str, str] = {}
    for _ in range(len(sizes) + 1):
        parameters = {"rvprop": "ids|content"} | resume
        answer = query(made, *range(1, len(sizes) + 1), 99, limits=Limits(result_bytes=limit), more=parameters)
        assert "99" in answer["query"]["badrevids"]
        revisions = [shown for page in answer["query"]["pages"] for shown in page.get("revisions", [])]
        assert sum(len(shown["slots"]["main"]["content"]) for shown in revisions) <= limit
        seen += sorted(shown["revid"] for shown in revisions)
        assert ("batchcomplete" in answer) == ("continue" not in answer)
        if "continue" not in answer:
            break
        resume = {name: str(value) for name, value in answer["continue"].items()}
    assert seen == list(range(1, len(sizes) + 1))


def test_continued_response_has_a_warning_and_all_pages() -> None:
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


def test_revision_above_the_result_limit_is_never_returned() -> None:
    """The query continues at the same revision without an end, which a client must detect."""
    made, limits = make_dataset(make_revision(5, "x" * 5_000)), Limits(result_bytes=1_000)
    first = query(made, 5, limits=limits)
    again = query(made, 5, limits=limits, more={name: str(value) for name, value in first["continue"].items()})
    assert first == again
    assert first["continue"]["rvcontinue"] == 5
    assert first["query"]["pages"][0]["revisions"] == []


def test_sizes_are_bytes_and_not_characters() -> None:
    """Each of these characters has three bytes."""
    made = make_dataset(make_revision(5, "川" * 400))
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
def test_invalid_request_is_refused(params: dict[str, str], code: str) -> None:
    """The status is 200, and the code is in a header and in the document."""
    reply = ActionApi(make_dataset(make_revision(1))).handle_api(WIKI, CONTENT | params)
    error = orjson.loads(join_plain(reply.pieces))["error"]
    assert (reply.status, reply.headers["MediaWiki-API-Error"], error["code"]) == (200, code, code)
    assert error["info"]
    assert "en.wikipedia.org" in error["docref"]


def test_accounts_with_high_limits_may_request_500_revisions() -> None:
    """The limit belongs to the wiki, and the error names it."""
    requested = range(1, 501)
    assert (
        len(query(make_dataset(make_revision(1)), *requested, limits=Limits(values=500))["query"]["badrevids"]) == 499
    )
    assert query(make_dataset(make_revision(1)), *requested)["error"]["limit"] == 50


def test_other_error_formats_have_a_list() -> None:
    """The list ``errors`` has entries with ``text`` and without ``info``."""
    document = query(make_dataset(make_revision(1)), action="nosuch", errorformat="plaintext")
    assert document["errors"][0]["code"] == "badvalue"
    assert "nosuch" in document["errors"][0]["text"]
    assert "error" not in document


@pytest.mark.parametrize(("maxlag", "refused"), [("5", True), ("8", False), (None, False)])
def test_lagged_wiki_refuses_only_requests_with_a_smaller_maxlag(*, maxlag: str | None, refused: bool) -> None:
    """The error has the lag, and a header has the time of the retry."""
    parameters = CONTENT | {"revids": "1"} | ({} if maxlag is None else {"maxlag": maxlag})
    reply = ActionApi(make_dataset(make_revision(1))).handle_api(WIKI, parameters, lag=7.25)
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
    """The warnings are grouped by module, and the response has the result."""
    document = query(
        make_dataset(make_revision(5)), 5, prop="revisions|horoscope", rvprop="ids|mood", hat="on", redirects="1"
    )
    warnings = {module: entry["warnings"] for module, entry in document["warnings"].items()}
    assert warnings["main"] == "Unrecognized parameter: hat."
    assert warnings["query"] == 'Unrecognized value for parameter "prop": horoscope'
    assert warnings["revisions"] == 'Unrecognized value for parameter "rvprop": mood'
    assert document["query"]["pages"][0]["revisions"] == [{"revid": 5, "parentid": 0}]


def test_titles_resolve_to_current_revisions_through_redirects() -> None:
    """Underscores are normalised, redirects are resolved, unknown titles are missing."""
    made = make_dataset(make_revision(5), make_revision(6, "newer"))
    made.put(WIKI, Page(8, "Ash", redirect=RedirectLink("River Ash", page_id=7)), make_revision(9))
    answer = query(made, titles="Ash|River_Ash|Talk:Nothing", redirects="1", rvprop="ids")["query"]
    assert answer["redirects"] == [{"from": "Ash", "to": "River Ash"}]
    assert answer["normalized"] == [{"fromencoded": False, "from": "River_Ash", "to": "River Ash"}]
    missing, found = answer["pages"]
    assert missing == {"ns": 1, "title": "Talk:Nothing", "missing": True}
    assert found["revisions"] == [{"revid": 6, "parentid": 0}]


def test_page_information_has_redirects() -> None:
    """Only a page that is a redirect now has ``redirect``."""
    made = make_dataset(make_revision(5))
    made.put(WIKI, Page(8, "Ash", redirect=RedirectLink("River Ash", page_id=7)), make_revision(9))
    pages = query(made, pageids="7|8|99", prop="info")["query"]["pages"]
    assert [page.get("redirect") for page in pages] == [None, True, None]
    assert [page.get("lastrevid") for page in pages] == [5, 9, None]
    assert pages[2] == {"pageid": 99, "missing": True}


def test_siteinfo_identifies_the_wiki() -> None:
    """It has database name and domain, and the namespaces on request."""
    site = query(make_dataset(make_revision(5)), prop="", meta="siteinfo")["query"]
    assert (site["general"]["wikiid"], site["general"]["servername"]) == ("enwiki", "en.wikipedia.org")
    assert "namespaces" not in site
    more = query(make_dataset(make_revision(5)), prop="", meta="siteinfo", siprop="namespaces")["query"]
    assert more["namespaces"]["1"] == {"id": 1, "name": "Talk", "content": False}


def test_stream_configs_are_returned() -> None:
    """The response has the requested streams that exist, or all streams if the request names none."""
    some = query(make_dataset(make_revision(5)), action="streamconfigs", streams="mediawiki.page_change.v1|no.such")[
        "streams"
    ]
    assert set(some) == {"mediawiki.page_change.v1"}
    settings = some["mediawiki.page_change.v1"]
    assert settings["schema_title"] == "mediawiki/page/change"
    assert settings["topics"] == ["eqiad.mediawiki.page_change.v1", "codfw.mediawiki.page_change.v1"]
    assert settings["message_key_fields"] == {"wiki_id": "wiki_id", "page_id": "page.page_id"}
    assert len(query(make_dataset(make_revision(5)), action="streamconfigs")["streams"]) > 4


def test_default_format_is_html() -> None:
    """The real API also returns a page by default."""
    reply = ActionApi(make_dataset(make_revision(5))).handle_api(WIKI, {"action": "query", "revids": "5"})
    assert reply.content_type.startswith("text/html")


@settings(deadline=None)
@given(st.integers(1, 2**53), st.sampled_from(["ids|content", "content", EVERYTHING]))
def test_synthetic_dataset_has_every_revision(rev_id: int, rvprop: str) -> None:
    """Each revision has a body of the same size with a correct sum."""
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


def test_memory_dataset_has_every_revision_of_its_corpus() -> None:
    """The texts are those of the corpus; hidden content is hidden, and deleted revisions are bad unless requested."""
    made = corpus.compose(seed=5, changes=200)
    served, all_of_them = MemoryDataset.from_corpus(made), MemoryDataset.from_corpus(made, with_deleted=True)
    counts = {"bad": 0, "hidden": 0, "content": 0}
    for stored in made.revisions():
        parameters = CONTENT | {"rvprop": "ids|content", "revids": str(stored.revision.rev_id)}
        answer = orjson.loads(join_plain(ActionApi(served).handle_api(stored.wiki, parameters).pieces))["query"]
        assert ("badrevids" in answer) is stored.deleted
        if stored.deleted:
            counts["bad"] += 1
            answer = orjson.loads(join_plain(ActionApi(all_of_them).handle_api(stored.wiki, parameters).pieces))[
                "query"
            ]
        shown = answer["pages"][0]["revisions"][0]["slots"]
        assert set(shown) == {part.role for part in stored.revision.slots}
        for part in stored.revision.slots:
            visible = stored.revision.visibility.content
            counts["content" if visible else "hidden"] += 1
            assert shown[part.role].get("content") == (part.text if visible else None)
    assert min(counts.values()) > 0
