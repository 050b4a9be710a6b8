"""All entities of a Wikibase are listed in parts, from any position on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from wikistate.adapters.http.client import HttpSettings
from wikistate.adapters.mediawiki.entity_pages import EntityPage, ListPosition, list_entities
from wikistate.adapters.mediawiki.query_client import QueryClient
from wikistate.adapters.mediawiki.wikibase_site import fetch_site
from wikistate.core.events.continuation import MAX_EMPTY_PARTS
from wikistate.demo.pages import Page, make_revision
from wikistate.errors import WikiError
from wikistate.testing.wikibase import EditSimulator, FakeWikibase, Repository

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from wikistate.adapters.mediawiki.wikibase_site import WikibaseSite


class CountingWikibase:
    """Wikibase after three hundred changes, with responses of seven pages, and a client that counts its queries."""

    def __init__(self) -> None:
        self.repository = Repository()
        editors = EditSimulator(self.repository, seed=3, triples=40)
        editors.create_initial()
        editors.simulate(300)
        self.queries = 0
        self.site: WikibaseSite

    async def query(self, parameters: Any, *, tries: int | None = None) -> dict[str, Any]:
        """Count the query and send it."""
        self.queries += 1
        return await self._client.query(parameters, tries=tries)

    async def start(self, url: str) -> None:
        """Open the client."""
        self._client = QueryClient(f"{url}/w/api.php", HttpSettings())
        await self._client.open()
        self.site = await fetch_site(self._client)

    async def stop(self) -> None:
        """Close the client."""
        await self._client.close()


@pytest.fixture
async def asked() -> AsyncIterator[CountingWikibase]:
    """Yield the Wikibase and its client."""
    made = CountingWikibase()
    async with FakeWikibase(made.repository, max_rows=7) as wikibase:
        await made.start(wikibase.url)
        yield made
        await made.stop()


async def test_every_entity_is_listed_once_with_its_current_revision(asked: CountingWikibase) -> None:
    """The list has items, properties, lexemes, files and redirects, and no deleted page."""
    found: list[EntityPage] = []
    async for part in list_entities(asked, asked.site):
        found += part.pages
    assert sorted((page.entity, page.revision) for page in found) == sorted(asked.repository.current_revisions.items())
    assert {page.entity[0] for page in found} == set("QPLM")
    merged = {page.entity for page in found if page.is_redirect}
    assert merged
    assert all(asked.repository.document(entity) for entity in merged)
    assert asked.queries >= len(found) / 7


async def test_list_resumes_from_any_position_where_it_was_stopped(asked: CountingWikibase) -> None:
    """The pages before and after a position are all pages, and none twice."""
    parts = [part async for part in list_entities(asked, asked.site)]
    everything = [page for part in parts for page in part.pages]
    assert len(parts) >= 8
    for number, part in enumerate(parts[:-1], start=1):
        done = [page for earlier in parts[:number] for page in earlier.pages]
        assert part.next is not None
        rest = [page async for later in list_entities(asked, asked.site, start=part.next) for page in later.pages]
        assert done + rest == everything
    assert parts[-1].next is None


async def test_position_of_a_deleted_page_is_still_valid(asked: CountingWikibase) -> None:
    """Titles are compared, not looked up."""
    rest = [
        page async for part in list_entities(asked, asked.site, start=ListPosition(120, "Q1x")) for page in part.pages
    ]
    assert rest
    assert "Q1" not in {page.entity for page in rest}


async def test_pages_that_are_not_entities_are_skipped(asked: CountingWikibase) -> None:
    """The cases are a help page among the items, another content model and a title that is not an id."""

    class Odd:
        async def query(self, parameters: Any, *, tries: int | None = None) -> dict[str, Any]:
            del tries
            if parameters["gapnamespace"] != "120":
                return {"batchcomplete": True}
            rows = [
                {"pageid": 1, "ns": 120, "title": "Item:Q1", "contentmodel": "wikibase-item", "lastrevid": 11},
                {"pageid": 2, "ns": 120, "title": "Item:Help", "contentmodel": "wikibase-item", "lastrevid": 12},
                {"pageid": 3, "ns": 120, "title": "Item:Q3", "contentmodel": "wikitext", "lastrevid": 13},
                {"pageid": 4, "ns": 120, "title": "Item:Q4", "contentmodel": "wikibase-item", "missing": True},
            ]
            return {"batchcomplete": True, "query": {"pages": rows}}

    found = [page async for part in list_entities(Odd(), asked.site) for page in part.pages]
    assert found == [EntityPage("Q1", 11, 1, 120, is_redirect=False)]


async def test_list_that_does_not_advance_is_an_error(asked: CountingWikibase) -> None:
    """The list is not requested for ever."""

    class Stuck:
        async def query(self, parameters: Any, *, tries: int | None = None) -> dict[str, Any]:
            del parameters, tries
            return {"continue": {"gapcontinue": "Q7"}, "query": {"pages": []}}

    with pytest.raises(WikiError, match="does not advance at 'Q7'"):
        [part async for part in list_entities(Stuck(), asked.site)]


@pytest.mark.parametrize("cycle", [2, 3000])
async def test_list_that_comes_back_or_has_no_rows_is_an_error(asked: CountingWikibase, cycle: int) -> None:
    """Each part names another one than the part before."""
    queries = 0

    class Circle:
        async def query(self, parameters: Any, *, tries: int | None = None) -> dict[str, Any]:
            nonlocal queries
            del parameters, tries
            queries += 1
            return {"continue": {"gapcontinue": f"Q{queries % cycle}"}, "query": {"pages": []}}

    with pytest.raises(WikiError, match=rf"The list of pages of {asked.site.domain} cannot be read: it.*"):
        [part async for part in list_entities(Circle(), asked.site)]
    assert queries <= MAX_EMPTY_PARTS + 1


async def test_titles_may_be_the_same_in_two_namespaces(asked: CountingWikibase) -> None:
    """Each namespace is a list of its own."""
    seen: set[str] = set()

    class Same:
        async def query(self, parameters: Any, *, tries: int | None = None) -> dict[str, Any]:
            del tries
            namespace = parameters["gapnamespace"]
            if namespace in seen:
                return {"batchcomplete": True}
            seen.add(namespace)
            return {"continue": {"gapcontinue": "Help"}, "query": {"pages": []}}

    parts = [part async for part in list_entities(Same(), asked.site)]
    assert len(parts) == 2 * len(seen) > 2


async def test_action_api_shows_what_the_lists_name(asked: CountingWikibase) -> None:
    """The test Wikibase is one wiki: its lists, its revisions and its pages agree."""
    entity, rev_id = next(iter(asked.repository.current_revisions.items()))
    document = await asked.query({"prop": "revisions|info", "revids": str(rev_id), "rvprop": "ids", "rvslots": "*"})
    (page,) = document["query"]["pages"]
    assert page["title"].endswith(f":{entity}")
    assert page["lastrevid"] == rev_id
    asked.repository.dataset.put(asked.repository.wiki, Page(9999, "Talk:Q1", 1), make_revision(9999))
    assert 9999 not in {page.revision async for part in list_entities(asked, asked.site) for page in part.pages}
