"""A wiki that answers in the old form of the API is named as such by each reader, and is never read as empty."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from wikistate.adapters.connectors.recent_changes import queries
from wikistate.adapters.connectors.recent_changes.wiki import RecentChangesWiki
from wikistate.adapters.http.client import HttpClient, HttpSettings
from wikistate.adapters.mediawiki.discovery import find_api
from wikistate.adapters.mediawiki.entity_pages import list_entities
from wikistate.adapters.mediawiki.format_version import find_old_format
from wikistate.adapters.mediawiki.page_info import PageInfoClient
from wikistate.adapters.mediawiki.query_client import QueryClient
from wikistate.adapters.mediawiki.raw_query import RAW_QUERY, encode_parameters
from wikistate.adapters.mediawiki.redirects import REVISIONS_WITH_PAGES
from wikistate.adapters.mediawiki.revisions import RevisionClient
from wikistate.adapters.mediawiki.wikibase_site import fetch_site
from wikistate.adapters.mediawiki.wikis import Wikis
from wikistate.core.enrichment.retry import Fail
from wikistate.errors import ConfigError, SourceError, WikiError
from wikistate.telemetry.meter import RecordingMeter
from wikistate.testing.faults import OldFormat, Rule
from wikistate.testing.wiki.old_format import to_old_format
from wikistate.testing.wikibase import EditSimulator, FakeWikibase, Repository

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

NEW: dict[str, Any] = {"batchcomplete": True, "query": {"pages": [{"pageid": 1, "redirect": True, "title": ""}]}}


@asynccontextmanager
async def old_wiki() -> AsyncIterator[FakeWikibase]:
    """Yield a Wikibase with entities that ignores ``formatversion``."""
    repository = Repository()
    EditSimulator(repository, seed=3, triples=20).create_initial(6)
    async with FakeWikibase(repository) as wikibase:
        wikibase.set_faults([Rule(OldFormat(), path="api.php")])
        yield wikibase


@asynccontextmanager
async def query_client(wikibase: FakeWikibase) -> AsyncIterator[QueryClient]:
    """Yield a client of the wiki."""
    client = QueryClient(f"{wikibase.url}/w/api.php", HttpSettings())
    await client.open()
    yield client
    await client.close()


@pytest.mark.parametrize(
    ("document", "sign"),
    [
        ({"batchcomplete": "", "query": {"tokens": {}}}, "batchcomplete"),
        ({"query": {"pages": {"1": {"pageid": 1}}}}, "pages is an object"),
        ({"query": {"pages": {}}}, "pages is an object"),
        ({"query": {"namespaces": {"0": {"id": 0, "*": ""}}}}, "namespaces"),
        ({"query": {"recentchanges": [{"type": "edit", "minor": "", "comment": ""}]}}, "minor in recentchanges"),
        ({"query": {"allpages": [{"redirect": ""}]}}, "redirect in allpages"),
        ({"query-continue": {"recentchanges": {"rcstart": "x"}}, "query": {"recentchanges": []}}, "query-continue"),
        ({"warnings": {"main": {"*": "Unrecognized parameter: 'formatversion'"}}, "query": {}}, "warnings"),
    ],
)
def test_each_sign_of_the_old_form_is_recognised(document: dict[str, Any], sign: str) -> None:
    """Not every answer has all of them."""
    found = find_old_format(document)
    assert found is not None
    assert sign in found


@pytest.mark.parametrize(
    "document",
    [
        NEW,
        {"query": {"pages": []}},
        {"query": {"badrevids": {"7": {"revid": 7, "missing": True}}}, "batchcomplete": True},
        {"query": {"namespaces": {"0": {"id": 0, "name": "", "content": True}}}},
        {"query": {"recentchanges": [{"comment": "", "minor": False, "new": True, "user": ""}]}},
        {"warnings": {"main": {"warnings": "text"}}, "batchcomplete": True},
        {"login": {"result": "Success"}},
        {},
    ],
)
def test_new_form_has_no_such_sign(document: dict[str, Any]) -> None:
    """Texts may be empty, and some objects by id belong to the new form."""
    assert find_old_format(document) is None


async def _list_pages(client: QueryClient, _: FakeWikibase) -> None:
    with_site = await _site_of_new_form()
    async for _batch in list_entities(client, with_site):
        pass


async def _page_info(client: QueryClient, _: FakeWikibase) -> None:
    await PageInfoClient(client, await _site_of_new_form()).current_revision("Q1")


async def _site(client: QueryClient, _: FakeWikibase) -> None:
    await fetch_site(client)


async def _recent_changes(client: QueryClient, wikibase: FakeWikibase) -> None:
    wiki = RecentChangesWiki(client, wikibase.url)
    async for _part in wiki.recent_changes(0, None):
        pass


async def _log(client: QueryClient, wikibase: FakeWikibase) -> None:
    await RecentChangesWiki(client, wikibase.url).log_entries(0, None)


async def _revisions(client: QueryClient, _: FakeWikibase) -> None:
    await client.query(queries.revisions([1]))


async def _site_of_new_form() -> Any:
    async with FakeWikibase(Repository()) as wikibase, query_client(wikibase) as client:
        return await fetch_site(client)


@pytest.mark.parametrize("ask", [_site, _list_pages, _page_info, _recent_changes, _log, _revisions])
async def test_each_query_names_the_form_and_the_remedy(
    ask: Callable[[QueryClient, FakeWikibase], Awaitable[None]],
) -> None:
    """An empty list would mean that nothing changed, and a missing page that the entity is deleted."""
    async with old_wiki() as wikibase, query_client(wikibase) as client:
        with pytest.raises((WikiError, SourceError), match="format version 1") as caught:
            await ask(client, wikibase)
    assert "formatversion=2" in caught.value.message
    assert "proxy" in caught.value.message


@pytest.mark.parametrize("with_page", [False, True], ids=["revisions", "revisions with pages"])
async def test_revisions_are_not_reported_as_unknown(*, with_page: bool) -> None:
    """An unknown revision would be asked for again, and then be an error of the event."""
    async with old_wiki() as wikibase:
        client = RevisionClient(HttpClient(HttpSettings()), RecordingMeter())
        await client.open()
        wiki = Wikis(explicit={"wikibase.example": f"{wikibase.url}/w/api.php"}).lookup("wikibase.example")
        assert not isinstance(wiki, Fail)
        ask = client.query_async(wiki, REVISIONS_WITH_PAGES, 1) if with_page else client.fetch_async(wiki, 1)
        found = await ask
        await client.close()
    assert isinstance(found, Fail)
    assert found.error_type == "OldResponseFormat"
    assert "answers in format version 1" in found.message


async def test_function_may_ask_for_the_old_form() -> None:
    """A custom enrichment that wants it gets the document unchanged."""
    async with old_wiki() as wikibase:
        client = RevisionClient(HttpClient(HttpSettings()), RecordingMeter())
        await client.open()
        wiki = Wikis(explicit={"wikibase.example": f"{wikibase.url}/w/api.php"}).lookup("wikibase.example")
        assert not isinstance(wiki, Fail)
        asked = encode_parameters({"meta": "siteinfo", "formatversion": 1})
        wikibase.set_faults([])
        refused = await client.query_async(wiki, RAW_QUERY, asked)
        wikibase.set_faults([Rule(OldFormat(), path="api.php")])
        plain = await client.query_async(wiki, RAW_QUERY, encode_parameters({"meta": "siteinfo"}))
        await client.close()
    assert isinstance(refused, Fail)
    assert refused.error_type == "ApiError", "the small wiki has the new form alone"
    assert isinstance(plain, Fail)
    assert plain.error_type == "OldResponseFormat"


async def test_discovery_names_the_form() -> None:
    """The wiki is there, so 'no API was found' with a status would mislead."""
    async with old_wiki() as wikibase:
        http = HttpClient(HttpSettings(user_agent="tests"))
        await http.open()
        with pytest.raises(ConfigError, match="format version 1"):
            await find_api(http, wikibase.url)
        await http.close()


def test_small_wiki_answers_as_an_old_one() -> None:
    """Pages by id, empty texts as flags, ``*`` for contents and names; a flag that is not set is absent."""
    page = {"pageid": 5, "redirect": True, "new": False, "revisions": [{"slots": {"main": {"content": "text"}}}]}
    namespaces = {"0": {"id": 0, "name": "", "content": True}}
    assert to_old_format({"batchcomplete": True, "query": {"pages": [page], "namespaces": namespaces}}) == {
        "batchcomplete": "",
        "query": {
            "pages": {"5": {"pageid": 5, "redirect": "", "revisions": [{"slots": {"main": {"*": "text"}}}]}},
            "namespaces": {"0": {"id": 0, "*": "", "content": ""}},
        },
    }
