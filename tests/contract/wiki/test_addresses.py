"""The test wiki has the addresses of a real MediaWiki: article path, content language, redirects of special pages.

Both wikis serve the same requests. Special pages of MediaWiki itself stand for those of Wikibase.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp
import orjson
import pytest
from tests.support.mediawiki import RealMediaWiki

from wikistate.testing.wiki.accounts import Accounts
from wikistate.testing.wikibase import FakeWikibase, Repository, make_wikibase_wiki

if TYPE_CHECKING:
    from collections.abc import Iterator

SITEINFO = "?action=query&meta=siteinfo&siprop=general|namespaces|specialpagealiases&format=json&formatversion=2"
SHAPES = [("/index.php/$1", "de"), ("/index.php?title=$1", "fr"), ("/index.php/$1", "en")]
SPECIAL = ["Special:Version", "Special:Specialpages", "special:specialpages/a", "Special:Version/b"]
LOCAL = {"de": ["Spezial:Version", "Spezial:Spezialseiten", "Spezial:Specialpages", "Special:Spezialseiten"]}
PRIVATE = "$wgGroupPermissions['*']['read'] = false;"


class Twins:
    """Both wikis, with the same article path and content language."""

    def __init__(self, real: RealMediaWiki, article_path: str, language: str) -> None:
        self.real = real
        self.small = FakeWikibase(Repository(make_wikibase_wiki(article_path=article_path, language=language)))
        self.article_path = article_path
        self.language = language

    async def ask(self, path: str) -> list[tuple[int, str, bytes]]:
        """Return the status, the target of a redirect and the body of both, without the name of the server."""
        found = []
        async with aiohttp.ClientSession() as session:
            for server in (self.real.server, self.small.url):
                async with session.get(server + path, allow_redirects=False) as response:
                    target = response.headers.get("Location", "").replace(server, "")
                    found.append((response.status, target, await response.read()))
        return found


@pytest.fixture(scope="module", params=SHAPES, ids=str)
def twins(request: pytest.FixtureRequest, mediawiki: RealMediaWiki, tmp_path_factory: Any) -> Iterator[Twins]:
    """Return the two wikis. The shared wiki shows that a real one can be served here."""
    assert mediawiki.server
    article_path, language = request.param
    settings = f"$wgLanguageCode = '{language}'; $wgArticlePath = '{article_path}';"
    with RealMediaWiki(tmp_path_factory.mktemp("wiki") / "w", settings=settings) as real:
        yield Twins(real, article_path, language)


async def test_siteinfo_has_the_same_names(twins: Twins) -> None:
    """Article path, script and the names of special pages are equal."""
    async with twins.small:
        real, small = (orjson.loads(body)["query"] for _, _, body in await twins.ask(f"/api.php{SITEINFO}"))
    for name in ("articlepath", "scriptpath", "script", "lang"):
        assert small["general"][name] == real["general"][name]
    assert small["namespaces"]["-1"] == real["namespaces"]["-1"]
    known = {each["realname"]: each["aliases"] for each in real["specialpagealiases"]}
    for each in small["specialpagealiases"]:
        if each["realname"] in known:
            assert each["aliases"] == known[each["realname"]]
    assert {"Version", "Specialpages"} <= known.keys()


@pytest.mark.parametrize("query", ["", "flavor=dump&revision=24"])
async def test_special_pages_redirect_to_the_same_address(twins: Twins, query: str) -> None:
    """A name of another language redirects to the local one and keeps the query."""
    begin = twins.article_path.replace("$1", "")
    mark = "&" if "?" in begin else "?"
    redirected = 0
    async with twins.small:
        for title in (*SPECIAL, *LOCAL.get(twins.language, ())):
            real, small = await twins.ask(f"{begin}{title}{mark}{query}" if query else begin + title)
            assert small[:2] == real[:2], title
            redirected += bool(real[1])
    assert redirected or twins.language == "en"


async def test_private_wikis_refuse_in_the_same_way(tmp_path: Any, mediawiki: RealMediaWiki) -> None:
    """The API has an error code, and pages have a web page with the status 200."""
    assert mediawiki.server
    with RealMediaWiki(tmp_path / "w", settings=PRIVATE) as wiki:
        twins = Twins(wiki, "/index.php/$1", "en")
        async with twins.small:
            twins.small.accounts = Accounts({"Bot@reading": "secret"})
            for more in ("", "&assert=user"):
                real, small = (
                    orjson.loads(body)["error"] for _, _, body in await twins.ask(f"/api.php{SITEINFO}{more}")
                )
                assert (small["code"], small["info"]) == (real["code"], real["info"])
            for title in ("Special:Version", "Main_Page"):
                (status, target, page), answered = await twins.ask(f"/index.php/{title}?x=1")
                assert answered[:2] == (status, target) == (200, "")
                assert b"<html" in page
            real, small = (orjson.loads(body) for _, _, body in await twins.ask(f"/api.php{LOGIN_TOKEN}"))
            assert small["query"]["tokens"].keys() == real["query"]["tokens"].keys()


LOGIN_TOKEN = "?action=query&meta=tokens&type=login&format=json&formatversion=2"
