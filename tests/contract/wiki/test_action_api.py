"""The test wiki and a real MediaWiki have the same responses to the same queries about the same pages.

A real wiki is filled, the test wiki gets the same content, and whole documents are compared. Natural differences are
removed first: the pointer to the documentation and the names of servers.
"""

from __future__ import annotations

import urllib.parse
import urllib.request
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from wikistate.demo.pages import Page, RedirectLink, Revision, User, Visibility, Wiki, make_slot
from wikistate.testing.wiki import MemoryDataset
from wikistate.testing.wiki.api import ActionApi
from wikistate.testing.wiki.cached_bodies import join_plain

if TYPE_CHECKING:
    from tests.support.mediawiki import RealMediaWiki

WIKI = Wiki("wiki", "127.0.0.1")
BASE = {"action": "query", "format": "json", "formatversion": "2"}
PROPS = "ids|timestamp|flags|size|sha1|slotsize|slotsha1|contentmodel|roles|content|user|userid|comment|tags"
REVISIONS = BASE | {"prop": "revisions", "rvslots": "*", "rvprop": PROPS}
REDIRECTS = {
    "to a page": RedirectLink("Twins/A"),
    "to a section": RedirectLink("Twins/A", fragment="A section"),
    "to another wiki": RedirectLink("SoftSecurity", interwiki="meatball", fragment="Here"),
    "to nothing": RedirectLink("Twins/Nothing at all"),
    "to a special page": RedirectLink("Special:RecentChanges", namespace=-1),
    "to a redirect": RedirectLink("Twins/to a page"),
    "to itself": RedirectLink("Twins/to itself"),
    "there": RedirectLink("Twins/and back"),
    "and back": RedirectLink("Twins/there"),
}
LARGE = 1_900_000
"""Size in bytes; four of them fit into a response, five do not."""


@dataclass(frozen=True)
class Twins:
    """The two wikis, and the ids of special revisions by name."""

    real: RealMediaWiki
    small: ActionApi
    numbers: dict[str, int]

    def fill(self, template: str) -> str:
        """Return the template with ids for names: ``first|bad`` becomes ``12|999999``."""
        return "|".join(str(self.numbers.get(name, name)) for name in template.split("|"))

    def ask(self, params: dict[str, str]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the responses of the real wiki and of the test wiki."""
        reply = self.small.handle_api(WIKI, params)
        return ask_real(self.real, params), comparable(orjson.loads(join_plain(reply.pieces)))


def ask_real(wiki: RealMediaWiki, params: dict[str, str]) -> dict[str, Any]:
    """Send a query as an anonymous user."""
    body = urllib.parse.urlencode(params).encode()
    with urllib.request.urlopen(urllib.request.Request(wiki.api_url, data=body)) as response:
        return comparable(orjson.loads(response.read()))


def comparable(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document without its natural differences."""
    document.pop("servedby", None)
    document.pop("docref", None)
    document.get("error", {}).pop("docref", None)
    # The API announces its own changes to users of deprecated features.
    if "mediawiki-api-announce" in document.get("warnings", {}).get("main", {}).get("warnings", ""):
        del document["warnings"]["main"]
    return document


@pytest.fixture(scope="module")
def twins(mediawiki: RealMediaWiki) -> Twins:
    """Return two wikis with the same pages."""
    texts = {
        name: f"{name} text with ünïcödé \U0001d518 & <b>tags</b>" for name in ("first", "second", "third", "other")
    }
    texts |= {"hidden": "secret", "suppressed": "more secret", "empty": "", "redirect": "#REDIRECT [[Twins/A]]"}
    texts |= {f"large {number}": f"{number}" * LARGE for number in range(5)}
    titles = {"first": "Twins/A", "second": "Twins/A", "third": "Twins/A", "redirect": "Twins/R"}
    numbers = {
        name: mediawiki.edit(titles.get(name, f"Twins/{name}"), text, f"saves the {name} one")
        for name, text in texts.items()
        if text
    }
    numbers["gone"] = mediawiki.edit("Twins/Gone", "soon gone")
    world = MemoryDataset(WIKI)
    for name, rev_id in numbers.items():
        if name != "gone":
            world.put(WIKI, *copy_of(mediawiki, rev_id, texts[name]))
    hide(mediawiki, world, numbers["hidden"], Visibility(content=False))
    hide(
        mediawiki, world, numbers["suppressed"], Visibility(content=False, comment=False, editor=False, suppressed=True)
    )
    mediawiki.delete("Twins/Gone")
    for name, link in REDIRECTS.items():
        prefix, fragment = f"{link.interwiki}:" if link.interwiki else "", f"#{link.fragment}" if link.fragment else ""
        text = f"#REDIRECT [[{prefix}{link.title}{fragment}]]"
        page, saved = copy_of(mediawiki, mediawiki.edit(f"Twins/{name}", text), text)
        world.put(WIKI, replace(page, redirect=link), saved)
        numbers[name] = page.page_id
    numbers["no redirect"] = copy_of(mediawiki, numbers["other"], texts["other"])[0].page_id
    return Twins(mediawiki, ActionApi(world), numbers | {"bad": 999_999})


def copy_of(wiki: RealMediaWiki, rev_id: int, text: str) -> tuple[Page, Revision]:
    """Return a page and a revision for the test wiki; all except content, size and hash is that of the real one."""
    asked = REVISIONS | {"rvprop": "ids|timestamp|flags|user|userid|comment|tags", "revids": str(rev_id)}
    (page,) = ask_real(wiki, asked)["query"]["pages"]
    (shown,) = page["revisions"]
    saved = Revision(
        rev_id=rev_id,
        slots=(make_slot(text),),
        parent_id=shown["parentid"],
        dt=shown["timestamp"],
        editor=User(shown["user"], shown["userid"]),
        comment=shown["comment"],
        minor=shown["minor"],
        tags=tuple(shown["tags"]),
    )
    return Page(page["pageid"], page["title"], page["ns"]), saved


def hide(real: RealMediaWiki, small: MemoryDataset, rev_id: int, visibility: Visibility) -> None:
    """Hide a revision on both. The current revision cannot be hidden, so the page gets another one first."""
    found = small.find_revision(WIKI, rev_id)
    assert found is not None
    page, saved = found
    real.edit(page.title, "nothing to see")
    parts = "|".join(
        name
        for name, visible in (
            ("content", visibility.content),
            ("comment", visibility.comment),
            ("user", visibility.editor),
        )
        if not visible
    )
    real.hide_revision(rev_id, hide=parts, suppress=visibility.suppressed)
    small.put(WIKI, page, replace(saved, visibility=visibility))


@pytest.mark.parametrize(
    "params",
    [
        {"revids": "first"},
        {"revids": "third|other|first|second"},
        {"revids": "first|bad|gone|0|-5"},
        {"revids": "bad|gone"},
        {"revids": ""},
        {"revids": "hidden|suppressed|other"},
        {"revids": "first|first|first"},
        {"revids": "first", "rvprop": "ids"},
        {"revids": "first|hidden", "rvprop": "ids|content"},
        {"revids": "first", "rvprop": "ids|mood|weather"},
        {"revids": "first", "hat": "on", "shoes": "off"},
        {"revids": "first", "prop": "revisions|horoscope"},
        {"revids": "first", "rvcontinue": "nonsense"},
        {"revids": "first", "maxlag": "5"},
        {"titles": "Twins/A|Twins/Nowhere"},
        {"titles": "Twins/R|Twins/R"},
    ],
    ids=lambda params: ",".join(f"{name}={value}" for name, value in params.items()),
)
def test_queries_for_revisions_have_the_same_response(twins: Twins, params: dict[str, str]) -> None:
    """Whole documents are equal: fields, flags, bad ids, warnings, order of pages."""
    asked = REVISIONS | params
    if "revids" in asked:
        asked["revids"] = twins.fill(asked["revids"])
    real, small = twins.ask(asked)
    assert small == real


@pytest.mark.parametrize(
    "asked",
    [*({"pageids": name, "redirects": "1"} for name in REDIRECTS), {"pageids": "|".join(REDIRECTS)}]
    + [{"pageids": "|".join([*REDIRECTS, "no redirect", "999999"]), "redirects": "1"}]
    + [{"titles": "|".join(f"Twins/{name}" for name in REDIRECTS)} | more for more in ({}, {"redirects": "1"})],
    ids=lambda asked: ",".join(f"{name}={value:.30}" for name, value in asked.items()),
)
def test_redirects_are_resolved_in_the_same_way(twins: Twins, asked: dict[str, str]) -> None:
    """Steps and targets are equal, and for pages number, namespace, title and kind."""
    asked = {name: twins.fill(value) if name == "pageids" else value for name, value in asked.items()}
    real, small = (described(document["query"]) for document in twins.ask(BASE | {"prop": "info"} | asked))
    assert small == real


def described(query: dict[str, Any]) -> dict[str, Any]:
    """Return redirects and kinds of pages; the test wiki leaves out most other facts of pages."""
    compared = ("pageid", "ns", "title", "missing", "special", "redirect", "lastrevid")
    pages = [{name: page[name] for name in compared if name in page} for page in query.get("pages", ())]
    lists = {
        name: sorted(query.get(name, ()), key=str) if len(pages) > 1 else query.get(name)
        for name in ("redirects", "interwiki")
    }
    return lists | {"pages": sorted(pages, key=str)}


@pytest.mark.parametrize(
    "params",
    [
        BASE | {"action": "frobnicate"},
        BASE,
        REVISIONS | {"revids": "|".join(map(str, range(1, 60)))},
        REVISIONS | {"revids": "1|x"},
        REVISIONS | {"revids": "1", "titles": "A"},
    ],
    ids=["unknown action", "no query", "too many", "not a number", "two sources"],
)
def test_errors_have_the_same_text(twins: Twins, params: dict[str, str]) -> None:
    """Code, text, and the limits in it are equal."""
    real, small = twins.ask(params)
    assert small == real


@pytest.mark.parametrize("params", [{"rvlimit": "5"}, {"rvdir": "newer"}, {"rvdiffto": "prev"}])
def test_parameters_that_do_not_mix_are_rejected_with_the_same_code(twins: Twins, params: dict[str, str]) -> None:
    """The code is the same; the text of the real wiki lists more parameters than the test wiki knows."""
    real, small = twins.ask(REVISIONS | {"revids": "1"} | params)
    assert small["error"]["code"] == real["error"]["code"] == "invalidparammix"


def test_legacy_form_without_rvslots_is_the_same(twins: Twins) -> None:
    """The warning is the same, too."""
    asked = REVISIONS | {"revids": twins.fill("first|hidden")}
    del asked["rvslots"]
    real, small = twins.ask(asked)
    assert small == real


def test_large_result_is_continued_in_the_same_way(twins: Twins) -> None:
    """Each response has the same revisions, listed pages, continuation and warnings, up to the end."""
    asked = REVISIONS | {"revids": twins.fill("|".join(["first", *(f"large {number}" for number in range(5)), "bad"]))}
    resume: dict[str, str] = {}
    answers = 0
    while answers < 5:
        real, small = twins.ask(asked | resume)
        assert small == real
        answers += 1
        if "continue" not in real:
            break
        resume = {name: str(value) for name, value in real["continue"].items()}
    assert answers == 2


def test_continued_response_describes_its_pages_once(twins: Twins) -> None:
    """The first response has the facts of ``prop=info`` for all pages, and a continued one has none."""
    asked = REVISIONS | {"prop": "revisions|info"}
    asked["revids"] = twins.fill("|".join(f"large {number}" for number in range(5)))
    first, small_first = twins.ask(asked)
    resume = {name: str(value) for name, value in first["continue"].items()}
    assert small_first["continue"] == first["continue"]
    second, small_second = twins.ask(asked | resume)
    for document in (first, small_first):
        assert all("lastrevid" in page for page in document["query"]["pages"])
    for document in (second, small_second):
        assert not any("lastrevid" in page for page in document["query"]["pages"])
        assert [page["title"] for page in document["query"]["pages"] if "revisions" in page] == ["Twins/large 4"]
