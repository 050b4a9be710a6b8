"""The Action API's answers: every flag, every refusal, continuation. No server is needed for them."""

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


def world(*revisions: Revision, page: Page | None = None) -> MemoryDataset:
    """One wiki, one page."""
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
    """The document that answers a query for revisions and everything about them."""
    asked = {"revids": "|".join(map(str, revids))} if revids else {}
    reply = ActionApi(of, limits=limits).handle_api(
        WIKI, CONTENT | {"rvprop": EVERYTHING} | asked | params | dict(more or {})
    )
    document: dict[str, Any] = orjson.loads(join_plain(reply.pieces))
    return document


def only(of: MemoryDataset, rev_id: int, **params: str) -> dict[str, Any]:
    """The one revision of an answer."""
    (page,) = query(of, rev_id, more=params)["query"]["pages"]
    (found,) = page["revisions"]
    assert isinstance(found, dict)
    return found


def test_a_revision_in_full() -> None:
    """All fields, in formatversion 2."""
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


def test_only_what_is_asked_for_is_answered() -> None:
    """Without slot properties there are no slots."""
    assert only(world(make_revision(5)), 5, rvprop="ids|size") == {"revid": 5, "parentid": 0, "size": 10}


def test_slots_are_keyed_by_role() -> None:
    """All of them with ``*``, the named ones with names."""
    two = Revision(5, (make_slot("a"), make_slot("{}", model="wikibase-mediainfo", role="mediainfo")))
    assert set(only(world(two), 5)["slots"]) == {"main", "mediainfo"}
    assert set(only(world(two), 5, rvslots="mediainfo")["slots"]) == {"mediainfo"}


def test_without_rvslots_the_main_slot_stands_beside_the_other_fields() -> None:
    """The legacy form, with a warning."""
    words = CONTENT | {"rvprop": "ids|content", "revids": "5"}
    del words["rvslots"]
    document = orjson.loads(join_plain(ActionApi(world(make_revision(5))).handle_api(WIKI, words).pieces))
    assert document["query"]["pages"][0]["revisions"][0]["content"] == "Some text."
    assert document["warnings"]["revisions"]["warnings"].startswith('Because "rvslots" was not specified')


def test_an_unknown_parent_is_left_out() -> None:
    """None is not zero."""
    assert "parentid" not in only(world(make_revision(5, parent_id=None)), 5)


def test_a_temporary_account_is_marked() -> None:
    """And it is not anonymous."""
    visitor = User("~2026-1-1", 9, is_temp=True)
    shown = only(world(replace(make_revision(5), editor=visitor)), 5)
    assert (shown["temp"], shown["userid"], "anon" in shown) == (True, 9, False)


def test_hidden_content_has_neither_text_nor_sums() -> None:
    """``texthidden`` in the slot, ``sha1hidden`` there and at the revision; model and size stay."""
    shown = only(world(replace(make_revision(5), visibility=Visibility(content=False))), 5)
    assert shown["slots"]["main"] == {"size": 10, "sha1hidden": True, "contentmodel": "wikitext", "texthidden": True}
    assert shown["sha1hidden"] is True
    assert "sha1" not in shown
    assert "suppressed" not in shown


def test_hidden_comment_and_editor_are_flags() -> None:
    """``commenthidden`` and ``userhidden`` stand where the values would."""
    shown = only(world(replace(make_revision(5), visibility=Visibility(comment=False, editor=False))), 5)
    assert (shown["commenthidden"], shown["userhidden"]) == (True, True)
    assert not {"comment", "parsedcomment", "user", "userid"} & set(shown)


def test_suppression_is_marked_beside_what_it_hides() -> None:
    """``suppressed`` at the revision."""
    hidden = Visibility(content=False, comment=False, editor=False, suppressed=True)
    shown = only(world(replace(make_revision(5), visibility=hidden)), 5)
    assert shown["suppressed"] is True
    assert shown["slots"]["main"]["texthidden"] is True


@pytest.mark.parametrize("flaw", [Flaw.TEXT_MISSING, Flaw.BAD_FORMAT, Flaw.NO_SECTION])
def test_content_that_cannot_be_had_is_a_flag_of_its_slot(flaw: Flaw) -> None:
    """The other slot is served as ever."""
    parts = (make_slot("a", flaw=flaw), make_slot("{}", model="wikibase-mediainfo", role="mediainfo"))
    slots = only(world(Revision(5, parts)), 5)["slots"]
    assert slots["main"][flaw.value] is True
    assert "content" not in slots["main"]
    assert slots["mediainfo"]["content"] == "{}"


def test_a_missing_slot_has_that_flag_and_nothing_else() -> None:
    """Not even a size is known."""
    assert only(world(Revision(5, (make_slot("a", flaw=Flaw.MISSING),))), 5)["slots"] == {"main": {"missing": True}}


def test_a_revision_without_its_slots_says_so() -> None:
    """``slotsmissing`` stands where the slots would."""
    shown = only(world(replace(make_revision(5), flaw=Flaw.SLOTS_MISSING)), 5)
    assert shown["slotsmissing"] is True
    assert "slots" not in shown


def test_unknown_ids_are_bad_and_do_not_harm_their_neighbours() -> None:
    """An object keyed by number."""
    document = query(world(make_revision(5)), 99, 5)
    assert document["query"]["badrevids"] == {"99": {"revid": 99, "missing": True}}
    assert document["query"]["pages"][0]["revisions"][0]["revid"] == 5
    assert document["batchcomplete"] is True


def test_when_every_id_is_bad_there_are_no_pages() -> None:
    """Not even an empty list."""
    assert query(world(make_revision(5)), 98, 99)["query"].keys() == {"badrevids"}


def test_a_removed_revision_is_bad() -> None:
    """Also when it was answered before."""
    made = world(make_revision(5))
    assert "pages" in query(made, 5)["query"]
    made.remove(WIKI, 5)
    assert "5" in query(made, 5)["query"]["badrevids"]


def test_a_replaced_revision_is_answered_anew() -> None:
    """Nothing old stays encoded."""
    made = world(make_revision(5))
    assert "content" in only(made, 5)["slots"]["main"]
    made.put(WIKI, Page(7, "River Ash"), replace(make_revision(5), visibility=Visibility(content=False)))
    assert "texthidden" in only(made, 5)["slots"]["main"]


def test_pages_come_by_number_and_revisions_within_a_page_too() -> None:
    """Whatever the order in which they were asked for."""
    made = MemoryDataset(WIKI)
    made.put(WIKI, Page(9, "B"), make_revision(1), make_revision(4))
    made.put(WIKI, Page(2, "A"), make_revision(3), make_revision(2))
    pages = query(made, 4, 3, 2, 1)["query"]["pages"]
    assert [[page["pageid"], *(shown["revid"] for shown in page["revisions"])] for page in pages] == [
        [2, 2, 3],
        [9, 1, 4],
    ]


def test_the_same_number_on_two_wikis_is_two_revisions() -> None:
    """The wiki that is asked decides."""
    other = Wiki("dewiki", "de.wikipedia.org")
    made = world(make_revision(5, "english"))
    made.put(other, Page(7, "Esche"), make_revision(5, "deutsch"))
    words = CONTENT | {"rvprop": "content", "revids": "5"}
    documents = [orjson.loads(join_plain(ActionApi(made).handle_api(wiki, words).pieces)) for wiki in (WIKI, other)]
    texts = [found["query"]["pages"][0]["revisions"][0]["slots"]["main"]["content"] for found in documents]
    assert texts == ["english", "deutsch"]


@settings(deadline=None)
@given(st.sets(st.integers(1, 60), min_size=1, max_size=50))
def test_any_set_of_ids_is_parted_into_found_and_bad(asked: set[int]) -> None:
    """Each id is answered once, as one or the other: even numbers exist, odd ones do not."""
    made = MemoryDataset(WIKI)
    for rev_id in range(2, 61, 2):
        made.put(WIKI, Page(rev_id % 7 + 1, f"Page {rev_id % 7}"), make_revision(rev_id))
    answer = query(made, *asked)["query"]
    found = [shown["revid"] for page in answer.get("pages", []) for shown in page["revisions"]]
    bad = [entry["revid"] for entry in answer.get("badrevids", {}).values()]
    assert sorted(found + bad) == sorted(asked)
    assert all(rev_id % 2 == 0 for rev_id in found)
    assert all(rev_id % 2 == 1 for rev_id in bad)


@settings(deadline=None)
@given(st.lists(st.integers(0, 900), min_size=1, max_size=20), st.integers(1_100, 4_000))
def test_a_continued_query_ends_and_yields_everything_once(sizes: list[int], limit: int) -> None:
    """Each answer but the last stays below the limit, goes on where it stopped, and repeats the bad ids."""
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


def test_what_did_not_fit_is_announced_and_its_page_is_there_all_the_same() -> None:
    """A page that has no revision in this answer is not missing."""
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


def test_a_revision_larger_than_an_answer_never_comes() -> None:
    """The query continues at itself for ever: a client has to notice."""
    made, limits = world(make_revision(5, "x" * 5_000)), Limits(result_bytes=1_000)
    first = query(made, 5, limits=limits)
    again = query(made, 5, limits=limits, more={name: str(value) for name, value in first["continue"].items()})
    assert first == again
    assert first["continue"]["rvcontinue"] == 5
    assert first["query"]["pages"][0]["revisions"] == []


def test_sizes_count_bytes_and_not_characters() -> None:
    """Three bytes for each of these signs."""
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
def test_what_makes_no_sense_is_refused(params: dict[str, str], code: str) -> None:
    """HTTP 200, the code in a header and in the document."""
    reply = ActionApi(world(make_revision(1))).handle_api(WIKI, CONTENT | params)
    error = orjson.loads(join_plain(reply.pieces))["error"]
    assert (reply.status, reply.headers["MediaWiki-API-Error"], error["code"]) == (200, code, code)
    assert error["info"]
    assert "en.wikipedia.org" in error["docref"]


def test_accounts_with_high_limits_may_ask_for_500() -> None:
    """The limit is the wiki's, and the refusal names it."""
    asked = range(1, 501)
    assert len(query(world(make_revision(1)), *asked, limits=Limits(values=500))["query"]["badrevids"]) == 499
    assert query(world(make_revision(1)), *asked)["error"]["limit"] == 50


def test_other_error_formats_have_a_list() -> None:
    """``errors`` with ``text`` and no ``info``."""
    document = query(world(make_revision(1)), action="nosuch", errorformat="plaintext")
    assert document["errors"][0]["code"] == "badvalue"
    assert "nosuch" in document["errors"][0]["text"]
    assert "error" not in document


@pytest.mark.parametrize(("maxlag", "refused"), [("5", True), ("8", False), (None, False)])
def test_a_lagged_wiki_refuses_only_those_who_ask_it_to(*, maxlag: str | None, refused: bool) -> None:
    """``maxlag`` below the lag: an error with the lag, and headers that say when to come again."""
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


def test_unknown_parameters_and_properties_are_remarked_on() -> None:
    """Warnings by module; the query is answered."""
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


def test_page_information_tells_redirects() -> None:
    """``redirect`` is there for a page that is one now, and for no other."""
    made = world(make_revision(5))
    made.put(WIKI, Page(8, "Ash", redirect=RedirectLink("River Ash", page_id=7)), make_revision(9))
    pages = query(made, pageids="7|8|99", prop="info")["query"]["pages"]
    assert [page.get("redirect") for page in pages] == [None, True, None]
    assert [page.get("lastrevid") for page in pages] == [5, 9, None]
    assert pages[2] == {"pageid": 99, "missing": True}


def test_the_site_says_who_it_is() -> None:
    """Database name and domain, and namespaces if they are asked for."""
    site = query(world(make_revision(5)), prop="", meta="siteinfo")["query"]
    assert (site["general"]["wikiid"], site["general"]["servername"]) == ("enwiki", "en.wikipedia.org")
    assert "namespaces" not in site
    more = query(world(make_revision(5)), prop="", meta="siteinfo", siprop="namespaces")["query"]
    assert more["namespaces"]["1"] == {"id": 1, "name": "Talk", "content": False}


def test_stream_configs_are_handed_out() -> None:
    """Those that exist of those asked for; all of them without a question."""
    some = query(world(make_revision(5)), action="streamconfigs", streams="mediawiki.page_change.v1|no.such")["streams"]
    assert set(some) == {"mediawiki.page_change.v1"}
    settings = some["mediawiki.page_change.v1"]
    assert settings["schema_title"] == "mediawiki/page/change"
    assert settings["topics"] == ["eqiad.mediawiki.page_change.v1", "codfw.mediawiki.page_change.v1"]
    assert settings["message_key_fields"] == {"wiki_id": "wiki_id", "page_id": "page.page_id"}
    assert len(query(world(make_revision(5)), action="streamconfigs")["streams"]) > 4


def test_without_format_json_the_answer_is_for_people() -> None:
    """As with the real API, whose default format is a page."""
    reply = ActionApi(world(make_revision(5))).handle_api(WIKI, {"action": "query", "revids": "5"})
    assert reply.content_type.startswith("text/html")


@settings(deadline=None)
@given(st.integers(1, 2**53), st.sampled_from(["ids|content", "content", EVERYTHING]))
def test_a_world_for_benchmarks_has_every_revision(rev_id: int, rvprop: str) -> None:
    """Each with a body of the same size, whose sum is right."""
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


def test_the_sample_answers_every_revision_of_its_corpus() -> None:
    """With the text that the corpus has; what is hidden is hidden, what is deleted is bad or, if wanted, not."""
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
