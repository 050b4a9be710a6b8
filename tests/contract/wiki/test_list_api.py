"""The lists of the test Wikibase have the same shapes as those of a real MediaWiki after the same changes.

A real Wikibase is not available here, but these lists are MediaWiki's own: pages in a namespace stand for entities. Rows
are compared by their fields and types, and by values that both wikis were given.
"""

from __future__ import annotations

import urllib.parse
import urllib.request
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from wikistate.adapters.connectors.recent_changes import queries
from wikistate.testing.wiki.cached_bodies import join_plain
from wikistate.testing.wikibase import EntityKind, Item, Repository, make_wikibase_wiki
from wikistate.testing.wikibase.list_api import WikibaseApi

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.mediawiki import RealMediaWiki

NAMESPACE = 12
"""Help: no other test writes there."""

BASE = {"action": "query", "format": "json", "formatversion": "2"}
NAMES = [f"Q{number}" for number in (1, 2, 3, 10, 20, 100)]
START = 1_600_000_000_000


class Twins:
    """Both wikis, after the same changes."""

    def __init__(self, real: RealMediaWiki) -> None:
        self._real = real
        self.wiki = make_wikibase_wiki(namespaces={EntityKind.ITEM: NAMESPACE})
        self._small = Repository(self.wiki)
        self._api = WikibaseApi(self._small)
        for name in NAMES:
            self.save(name)
        hidden = self.save("Q1")
        self.save("Q1")
        self._real.hide_revision(hidden[0])
        self._small.hide("Q1", hidden[1])
        for name in ("Q2", "Q3"):
            self._real.delete(f"Help:{name}")
            self._small.delete(name)
        self._real.undelete("Help:Q3")
        self._small.restore("Q3")
        self._real.edit("Help:Q20", "#REDIRECT [[Help:Q1]]")
        self._small.redirect("Q20", "Q1")
        for name in ("Q10", "Q2"):
            if name == "Q2":
                self.save("Q2")
            self._real.protect(f"Help:{name}")
            self._small.protect(name)
        self._real.unprotect("Help:Q10")
        self._small.protect("Q10")
        self._real.delete("Help:Q2")
        self._small.delete("Q2")

    def save(self, name: str) -> tuple[int, int]:
        """Write a page on both wikis and return the ids of the revisions."""
        count = len(self._small.journal)
        if name in self._small.restorable:
            self._real.undelete(f"Help:{name}")
            self._small.restore(name)
        real = self._real.edit(f"Help:{name}", f"text {count}")
        return real, self._small.save(Item(id=name, labels={"en": f"text {count}"})).revision.rev_id

    def ask_real(self, params: dict[str, str]) -> dict[str, Any]:
        """Return the response of the real wiki to an anonymous user."""
        body = urllib.parse.urlencode(BASE | params).encode()
        with urllib.request.urlopen(urllib.request.Request(self._real.api_url, data=body)) as response:
            document: dict[str, Any] = orjson.loads(response.read())
        return document

    def ask(self, params: dict[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the responses of the real wiki, as to an anonymous user, and of the test wiki."""
        return self.ask_real(params), orjson.loads(join_plain(self._api.handle_api(self.wiki, BASE | params).pieces))


@pytest.fixture(scope="module")
def twins(mediawiki: RealMediaWiki) -> Twins:
    """Return the two wikis."""
    return Twins(mediawiki)


def shape(value: Any) -> Any:
    """Return the types in place of the values."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return sorted({str(shape(inner)) for inner in value})
    return type(value).__name__


def bare(title: str) -> str:
    """Return the title without the namespace, whose name differs between the wikis."""
    return title.partition(":")[2]


def shapes(rows: list[dict[str, Any]]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield the kind of each row, and its fields."""
    for row in rows:
        kind = (row["type"], row.get("logtype", ""), row.get("logaction") or row.get("action", ""))
        yield kind, shape(row)


@pytest.mark.parametrize(("limit", "parts"), [("max", 1), ("2", 3)])
def test_pages_are_generated_in_the_same_parts(twins: Twins, limit: str, parts: int) -> None:
    """Each part has the same titles, the same continuation and the same fields; a redirect is marked as such."""
    asked = {"generator": "allpages", "gapnamespace": str(NAMESPACE), "prop": "info", "gaplimit": limit}
    more: dict[str, str] = {}
    for number in range(1, parts + 1):
        real, small = twins.ask(asked | more)
        assert small.get("continue") == real.get("continue")
        assert small.keys() == real.keys()
        expected, actual = (
            sorted(each["query"]["pages"], key=lambda page: bare(page["title"])) for each in (real, small)
        )
        assert [bare(page["title"]) for page in actual] == [bare(page["title"]) for page in expected]
        assert [shape(page) for page in actual] == [shape(page) for page in expected]
        assert ("continue" in real) == (number < parts)
        more = {name: str(value) for name, value in real.get("continue", {}).items()}


@pytest.mark.parametrize("start", ["Q1", "Q10", "Q101", "Q2", "Q2x", "Q9"])
def test_list_starts_at_the_same_title(twins: Twins, start: str) -> None:
    """The title need not exist; behind the last title there is no result."""
    asked = {"generator": "allpages", "gapnamespace": str(NAMESPACE), "prop": "info", "gapfrom": start, "gaplimit": "9"}
    real, small = twins.ask(asked)
    expected, actual = (
        sorted(bare(page["title"]) for page in each.get("query", {}).get("pages", ())) for each in (real, small)
    )
    assert actual == expected
    assert small.keys() == real.keys()


def test_all_pages_are_listed_in_the_same_way(twins: Twins) -> None:
    """The list has no generator and two pages in each part."""
    real, small = twins.ask({"list": "allpages", "apnamespace": str(NAMESPACE), "aplimit": "2"})
    assert small["continue"] == real["continue"]
    assert shape(small) == shape(real)


def test_recent_changes_have_the_same_rows(twins: Twins) -> None:
    """The rows are in the same order: edits, new pages, a deletion, an undeletion and a hidden revision."""
    asked = queries.recent_changes(START, None) | {"rcnamespace": str(NAMESPACE)}
    real, small = (each["query"]["recentchanges"] for each in twins.ask(asked))
    assert [(row["type"], bare(row["title"])) for row in small] == [(row["type"], bare(row["title"])) for row in real]
    assert list(shapes(small)) == list(shapes(real))


def test_protection_has_a_null_revision_and_no_row_of_an_edit(twins: Twins) -> None:
    """The log row names the revision, which is the current one of the page, also when the page is deleted since."""
    asked = queries.recent_changes(START, None) | {"rcnamespace": str(NAMESPACE)}
    current: list[int] = []
    for document in twins.ask(asked):
        rows = document["query"]["recentchanges"]
        protections = [row for row in rows if row.get("logtype") == "protect"]
        assert [(row["logaction"], bare(row["title"])) for row in protections] == [
            ("protect", "Q10"),
            ("protect", "Q2"),
            ("unprotect", "Q10"),
        ]
        assert all(row["revid"] > 0 and row["old_revid"] == 0 and row["pageid"] > 0 for row in protections)
        edited = {row["revid"] for row in rows if row["type"] != "log"}
        assert not edited & {row["revid"] for row in protections}
        named = {row["logaction"]: row["revid"] for row in protections if bare(row["title"]) == "Q10"}
        current.append(named["unprotect"])
    for document, revision in zip(twins.ask(queries.all_pages(NAMESPACE)), current, strict=True):
        (page,) = [page for page in document["query"]["pages"] if bare(page["title"]) == "Q10"]
        assert page["revisions"][0]["revid"] == revision


def test_rows_of_edits_vanish_with_their_page(twins: Twins) -> None:
    """Log rows stay with the page id; the row of the deletion names no revision."""
    asked = queries.recent_changes(START, None) | {"rcnamespace": str(NAMESPACE)}
    for document in twins.ask(asked):
        rows = [row for row in document["query"]["recentchanges"] if bare(row["title"]) == "Q2"]
        assert {row["type"] for row in rows} == {"log"}
        assert len({row["pageid"] for row in rows} - {0}) == 1
        deletions = [row for row in rows if row["logaction"] == "delete"]
        assert deletions
        assert all(row["revid"] == 0 and row["pageid"] > 0 for row in deletions)


@pytest.mark.parametrize(("limit", "parts"), [("max", 1), ("2", 3)])
def test_pages_are_listed_with_their_current_revisions(twins: Twins, limit: str, parts: int) -> None:
    """The list of a namespace has the ids and times of the current revisions, in parts as the list of pages."""
    asked = queries.all_pages(NAMESPACE) | {"gaplimit": limit}
    more: dict[str, str] = {}
    for number in range(1, parts + 1):
        real, small = twins.ask(asked | more)
        assert small.get("continue") == real.get("continue")
        expected, actual = (
            sorted(each["query"]["pages"], key=lambda page: bare(page["title"])) for each in (real, small)
        )
        assert [bare(page["title"]) for page in actual] == [bare(page["title"]) for page in expected]
        assert [shape(page) for page in actual] == [shape(page) for page in expected]
        assert all(len(page["revisions"]) == 1 for page in actual)
        assert ("continue" in real) == (number < parts)
        more = {name: str(value) for name, value in real.get("continue", {}).items()}


def test_deleted_revisions_are_refused_to_an_anonymous_reader(twins: Twins) -> None:
    """So its deletions have the revision that is known from before."""
    assert twins.ask_real(queries.deleted_revision("Help:Q2", START))["error"]["code"] == "permissiondenied"


def test_recent_changes_are_continued_in_the_same_way(twins: Twins) -> None:
    """The continuation has a time and the number of a row."""
    asked = queries.recent_changes(START, None) | {"rcnamespace": str(NAMESPACE), "rclimit": "2"}
    real, small = twins.ask(asked)
    for document in (real, small):
        time, _, number = document["continue"].pop("rccontinue").partition("|")
        assert len(time) == 14
        assert number.isdecimal()
    assert shape(small) == shape(real)
    assert small["continue"] == real["continue"]


def test_log_has_the_same_entries(twins: Twins) -> None:
    """Entries delete pages, restore them and hide them, with the same parameters."""
    asked = queries.log_entries(START, None) | {"lenamespace": str(NAMESPACE)}
    answered = (each["query"]["logevents"] for each in twins.ask(asked))
    # Real wikis log the creation of a page, too, which is not used here.
    real, small = ([row for row in rows if row["type"] != "create"] for rows in answered)
    assert [(row["action"], bare(row["title"]), row["pageid"] == 0) for row in small] == [
        (row["action"], bare(row["title"]), row["pageid"] == 0) for row in real
    ]
    assert list(shapes(small)) == list(shapes(real))
    assert [row["params"].get("count") for row in small] == [row["params"].get("count") for row in real]
    hidden, expected = ([row["params"] for row in rows if row["action"] == "revision"] for rows in (small, real))
    assert [(each["type"], each["old"], each["new"]) for each in hidden] == [
        (each["type"], each["old"], each["new"]) for each in expected
    ]


def test_siteinfo_has_the_same_fields(twins: Twins) -> None:
    """The test wiki has all requested fields of the real one; a Wikibase adds its own."""
    real, small = twins.ask({"meta": "siteinfo", "siprop": "general|namespaces|extensions", "curtimestamp": "1"})
    for name in ("wikiid", "server", "servername", "articlepath"):
        assert type(small["query"]["general"][name]) is type(real["query"]["general"][name])
    expected = real["query"]["namespaces"][str(NAMESPACE)]
    actual = small["query"]["namespaces"][str(NAMESPACE)]
    assert {name: type(value) for name, value in actual.items() if name in expected} == {
        name: type(expected[name]) for name in ("id", "name", "content")
    }
    assert len(small["curtimestamp"]) == len(real["curtimestamp"])
    assert {"$1"} == {each["query"]["general"]["articlepath"][-2:] for each in (real, small)}
