"""Discovery of a Wikibase's own settings.

Configured settings that contradict them are reported with the right value.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest

from wikistate.adapters.http.client import HttpSettings
from wikistate.adapters.http.origins import Origins
from wikistate.adapters.mediawiki.query_client import QueryClient
from wikistate.adapters.mediawiki.wikibase_site import (
    WikibaseSite,
    check_concept_uri,
    check_namespaces,
    fetch_site,
    find_concept_uri,
    parse_site,
    wikibase_root,
)
from wikistate.demo.pages import Wiki
from wikistate.errors import ConfigError, InputError, WikiError
from wikistate.testing.wiki import FakeWiki, MemoryDataset
from wikistate.testing.wikibase import (
    COMMONS,
    WIKIDATA,
    EntityKind,
    FakeWikibase,
    Item,
    Repository,
    Vocabulary,
    make_wikibase_wiki,
)
from wikistate.testing.wikibase.documents import RevisionStamp, describe, serialize_triples

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

SUITE = make_wikibase_wiki("wiki.example", concept_base="https://wiki.example")
LIKE_WIKIDATA = make_wikibase_wiki(
    "www.wikidata.example",
    concept_base=WIKIDATA,
    namespaces={EntityKind.ITEM: 0, EntityKind.PROPERTY: 120, EntityKind.LEXEME: 146},
)
LIKE_COMMONS = make_wikibase_wiki("commons.example", concept_base=COMMONS, namespaces={EntityKind.MEDIA: 6})


@asynccontextmanager
async def queries(url: str) -> AsyncIterator[QueryClient]:
    """Yield a client of the wiki at this address."""
    client = QueryClient(f"{url}/w/api.php", HttpSettings())
    await client.open()
    try:
        yield client
    finally:
        await client.close()


async def test_site_has_the_places_of_its_entities() -> None:
    """The site has concept base, namespaces with their models and names, and the address of entity data."""
    async with FakeWikibase(Repository(SUITE)) as wikibase, queries(wikibase.url) as client:
        site = await fetch_site(client)
    assert (site.domain, site.wiki_id, site.concept_uri) == ("wiki.example", "wikiwiki", "https://wiki.example")
    assert site.entity_data == f"{wikibase.url}/wiki/Special:EntityData/"
    assert site.models == {120: "wikibase-item", 122: "wikibase-property", 146: "wikibase-lexeme"}
    assert site.pages.prefixes == ("Item:", "Property:", "Lexeme:")
    assert site.pages.mediainfo_namespaces == {6}


async def test_namespaces_differ_from_wiki_to_wiki() -> None:
    """Items may be in the main namespace or absent; the wiki's siteinfo decides."""
    async with FakeWikibase(Repository(LIKE_WIKIDATA)) as wikibase, queries(wikibase.url) as client:
        site = await fetch_site(client)
        assert site.models == {0: "wikibase-item", 120: "wikibase-property", 146: "wikibase-lexeme"}
        assert (site.pages.prefixes, site.pages.mediainfo_namespaces) == (("Property:", "Lexeme:"), frozenset())
        assert str(site.pages.parse_entity(0, page_id=9, title="Q42")) == "Q42"
    async with FakeWikibase(Repository(LIKE_COMMONS)) as wikibase, queries(wikibase.url) as client:
        site = await fetch_site(client)
        assert site.models == {}
        assert site.pages.mediainfo_namespaces == {6}
        assert str(site.pages.parse_entity(6, page_id=9, title="File:A.jpg")) == "M9"


async def test_wiki_that_is_not_a_wikibase_is_rejected() -> None:
    """The message says which wiki to use instead."""
    async with FakeWiki(MemoryDataset(Wiki("enwiki", "en.wiki.example"))) as wiki, queries(wiki.url) as client:
        with pytest.raises(WikiError, match=r"en\.wiki\.example is not a Wikibase.* the wiki that has the entities"):
            await fetch_site(client)


@pytest.mark.parametrize("query", [{}, {"general": None}, {"general": {"wikibase-conceptbaseuri": 3}}])
async def test_unusable_siteinfo_is_an_error(query: dict[str, Any]) -> None:
    """The error is not a traceback."""

    class Scripted:
        async def query(self, parameters: object, *, tries: int | None = None) -> dict[str, Any]:
            del parameters, tries
            return {"query": query}

    with pytest.raises(WikiError, match="siteinfo of the wiki cannot be read"):
        await fetch_site(Scripted())


def test_server_without_a_scheme_is_requested_over_https() -> None:
    """An article path with the title in the query is kept.

    The name of a namespace is known with spaces and with underscores.
    """
    general = {
        "wikiid": "w",
        "servername": "w.example",
        "server": "//w.example",
        "articlepath": "/index.php?title=$1",
        "wikibase-conceptbaseuri": "http://w.example/entity/",
    }
    named = {"id": 120, "name": "Our items", "defaultcontentmodel": "wikibase-item"}
    site = parse_site({"general": general, "namespaces": {"120": named}, "extensions": []})
    assert site.pages.prefixes == ("Our items:", "Our_items:")
    assert site.entity_data == "https://w.example/index.php?title=Special:EntityData/"


@pytest.mark.parametrize(
    ("article_path", "language", "path"),
    [
        ("/wiki/$1", "en", "/wiki/Special:EntityData/"),
        ("/index.php/$1", "en", "/index.php/Special:EntityData/"),
        ("/index.php?title=$1", "de", "/index.php?title=Spezial:Objektdaten/"),
        ("/view/$1", "fr", "/view/Sp%C3%A9cial:EntityData/"),
    ],
)
async def test_address_of_entity_data_has_the_local_name_of_the_page(
    article_path: str, language: str, path: str
) -> None:
    """A request there is not redirected."""
    wiki = make_wikibase_wiki("wiki.example", article_path=article_path, language=language)
    async with FakeWikibase(Repository(wiki)) as wikibase:
        client = QueryClient(f"{wikibase.url}{wiki.script_path}/api.php", HttpSettings())
        await client.open()
        site = await fetch_site(client)
        await client.close()
    assert site.entity_data == f"{wikibase.url}{path}"


@pytest.mark.parametrize(
    ("api", "scheme"), [("", "https"), ("http://w.example/api.php", "http"), ("https://w.example/api.php", "https")]
)
def test_server_without_a_scheme_has_that_of_the_api(api: str, scheme: str) -> None:
    """A wiki without special page names in its siteinfo has the English ones."""
    general = {
        "wikiid": "w",
        "servername": "w.example",
        "server": "//w.example",
        "articlepath": "/wiki/$1",
        "wikibase-conceptbaseuri": "http://w.example/entity/",
    }
    site = parse_site({"general": general, "namespaces": {}, "extensions": []}, api=api)
    assert site.entity_data == f"{scheme}://w.example/wiki/Special:EntityData/"


def test_concept_base_of_another_form_is_named() -> None:
    """The IRIs of its entities cannot be derived from a prefix."""
    body = b"<http://w.example/data/Q1> <http://schema.org/about> <http://w.example/id/Q1> ."
    with pytest.raises(InputError, match=r"is about http://w\.example/id/Q1, but IRIs .* must end in /entity/Q1"):
        find_concept_uri(body, entity_id="Q1", base="http://w.example/Q1")


@pytest.mark.parametrize(
    "text", ["http://w.example", "http://w.example/", "http://w.example/entity/", "http://w.example/entity"]
)
def test_concept_base_is_accepted_in_each_usual_form(text: str) -> None:
    """The path ``/entity/`` is optional."""
    assert wikibase_root(text) == "http://w.example"


@pytest.mark.parametrize("form", ["ttl", "nt"])
def test_concept_base_is_found_in_the_rdf_of_an_entity(form: str) -> None:
    """The rule covers a concept base with another host name than the wiki, and the entities of a federated wiki."""
    stamp, mime = RevisionStamp(5, "2026-01-01T00:00:00Z"), {"ttl": "text/turtle", "nt": "application/n-triples"}[form]
    plain = Vocabulary("http://concepts.example/base")
    body = serialize_triples(describe(Item(id="Q1"), stamp, plain), form, plain)
    found = find_concept_uri(body, entity_id="Q1", base="http://w.example/Q1", mime_type=mime)
    assert found == "http://concepts.example/base"


@pytest.mark.parametrize(
    ("body", "reason"), [(b"<html>", "is not text/turtle"), (b"<a:b> <c:d> <e:f> .", "is not about Q1")]
)
def test_body_that_is_not_rdf_of_the_entity_is_an_error(body: bytes, reason: str) -> None:
    """The message has the address."""
    with pytest.raises(InputError, match=f"http://w.example/Q1.* {reason}"):
        find_concept_uri(body, entity_id="Q1", base="http://w.example/Q1")


def test_wrong_concept_base_is_reported_with_the_right_one() -> None:
    """With a wrong concept base nothing would be indexed, without any error."""
    check_concept_uri("", actual="http://w.example")
    check_concept_uri("http://w.example/entity/", actual="http://w.example")
    with pytest.raises(ConfigError, match=r"rdf\.concept_base is https://w\.example.* Set .* to http://w\.example"):
        check_concept_uri("https://w.example", actual="http://w.example")


async def test_wrong_namespace_is_reported_with_the_right_ones() -> None:
    """The configured namespaces are those of Wikidata, on another Wikibase."""
    async with FakeWikibase(Repository(SUITE)) as wikibase, queries(wikibase.url) as client:
        site = await fetch_site(client)
    check_namespaces([], site)
    check_namespaces([120, 6], site)
    with pytest.raises(ConfigError, match=r"names 0, 640, where wiki\.example has no entities.* in 6, 120, 122, 146"):
        check_namespaces([0, 120, 640], site)


def odd_site(server: str, article_path: str, origins: Origins | None = None) -> WikibaseSite:
    """Return the parsed siteinfo of a wiki that is asked at an internal address."""
    general = {
        "wikiid": "w",
        "servername": "w.example",
        "server": server,
        "articlepath": article_path,
        "wikibase-conceptbaseuri": "http://w.example/entity/",
    }
    query = {"general": general, "namespaces": {}, "extensions": []}
    return parse_site(query, api="http://mw.internal:8080/w/api.php", origins=origins)


@pytest.mark.parametrize(
    "server",
    [
        "https://w.example",
        "//w.example",
        "http://mw.internal",
        "http://169.254.169.254",
        "http://localhost:8080",
        "https://members.example",
    ],
)
@pytest.mark.parametrize("path", ["/wiki/$1", "/index.php/$1", "/index.php?title=$1"])
def test_entities_are_requested_from_the_server_that_was_asked(server: str, path: str) -> None:
    """A wiki at an internal address states its public one; a hostile one states that of another server."""
    site = odd_site(server, path)
    assert site.entity_data == "http://mw.internal:8080" + path.replace("$1", "Special:EntityData/")


def test_confirmed_server_of_a_wiki_is_used() -> None:
    """The setting `allowed_origins` names it."""
    confirmed = Origins(confirmed=frozenset({"https://w.example"}))
    assert odd_site("//w.example", "/wiki/$1", confirmed).entity_data.startswith("http://mw.internal:8080/")
    assert (
        odd_site("https://w.example", "/wiki/$1", confirmed).entity_data == "https://w.example/wiki/Special:EntityData/"
    )


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example/$1",
        "https://evil.example/$1",
        "@evil.example/$1",
        ".evil.example/$1",
        ":81/$1",
        "",
        "\\\\evil.example/$1",
    ],
)
def test_article_path_is_a_path(path: str) -> None:
    """It must not become the name of a server."""
    with pytest.raises(WikiError, match=r"states the article path|articlepath is '', but must be a text"):
        odd_site("https://w.example", path)
