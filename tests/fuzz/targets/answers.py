"""Readers of answers without a connection: of a wiki's lists and pages, of a store, of a server's headers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson
from multidict import CIMultiDict, CIMultiDictProxy
from tests.fuzz.target import Kind, Target, require
from tests.fuzz.virtual_time import LONGEST_WAIT, run_virtually
from yarl import URL

from wikistate.adapters.connectors.recent_changes.settings import RecentChangesSettings
from wikistate.adapters.connectors.recent_changes.source import RecentChangesFeed
from wikistate.adapters.http.answers import quote_answer
from wikistate.adapters.http.body import find_encoding
from wikistate.adapters.http.client import HttpResponse, parse_retry_after
from wikistate.adapters.mediawiki.action_api import parse_json, parse_revisions
from wikistate.adapters.mediawiki.entity_pages import list_entities
from wikistate.adapters.mediawiki.entity_responses import (
    EntityDataSettings,
    explain_redirect,
    find_prefix,
    is_about_entity,
    parse_response,
    resolve_redirect,
)
from wikistate.adapters.mediawiki.page_info import PageInfoClient
from wikistate.adapters.mediawiki.redirects import REDIRECT_TARGETS, REDIRECTS, REVISIONS_WITH_PAGES, PageName
from wikistate.adapters.mediawiki.wikibase_site import fetch_site
from wikistate.adapters.triplestore.responses import classify, format_message, parse_change_count
from wikistate.core.enrichment.content import Content, with_content
from wikistate.core.enrichment.failures import Failure
from wikistate.core.enrichment.login_answers import classify_login_result
from wikistate.core.enrichment.retry import RetryPolicy, compute_retry_delay
from wikistate.core.events.bundled import SCHEMAS, read_bundled
from wikistate.core.events.repository import SchemaRepository
from wikistate.core.rdf.uris import Uris
from wikistate.core.sparql import concept_base, entity_query, queries
from wikistate.errors import ConfigError, InputError, SourceError, StateError, StoreError, WikiError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_NOW = 1_800_000_000.0
_URIS = Uris.for_wikibase("http://www.wikidata.org")
_SITE = "https://www.wikidata.org/w/api.php"
_MAX_RECORDS = 200
_MAX_ROUNDS = 4


def _response(body: bytes, status: int = 200, **headers: str) -> HttpResponse:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return HttpResponse(status, CIMultiDictProxy(CIMultiDict(named)), body)


def read_revisions(data: bytes, _: Path) -> None:
    """Read the answer to a query of revisions, and fold their content into events."""
    document = parse_json(_response(data), place="w", now=_NOW)
    if isinstance(document, Failure):
        return
    found = parse_revisions(document, {1, 2, 3}, place="w")
    if not isinstance(found, Failure):
        for content in found.results.values():
            if isinstance(content, Content):
                with_content(_event(), content, max_content_size=1_000_000)
    for query, subjects in (
        (REVISIONS_WITH_PAGES, [1, 2, 3]),
        (REDIRECTS, [PageName(1, "A"), PageName(2, "B")]),
        (REDIRECTS, [PageName(1, "A")]),
        (REDIRECT_TARGETS, ["A", "B"]),
    ):
        query.new_parser()(document, subjects, place="w")


def _event() -> dict[str, Any]:
    return {"revision": {"rev_id": 1, "content_slots": {"main": {"slot_role": "main"}}}}


class _Answers:
    """Client of a wiki that gives the answers of an input, one after the other; see `WikiQueries`."""

    def __init__(self, documents: Iterable[Any]) -> None:
        self._documents = list(documents)
        self._next = 0

    async def open(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""

    async def query(self, _: Mapping[str, str], *, tries: int | None = None) -> dict[str, Any]:  # noqa: ARG002
        """Return the next answer as `QueryClient` does; at the end, raise as for a wiki that is gone."""
        if self._next >= len(self._documents):
            raise WikiError("The wiki is gone.", failure="client_error")
        document = self._documents[self._next]
        self._next += 1
        return document  # type: ignore[no-any-return]  # JSON

    @classmethod
    def parse(cls, data: bytes) -> _Answers:
        """Return the answers in lines of JSON, without those that `QueryClient` refuses."""
        documents = (parse_json(_response(line), place="w", now=_NOW) for line in data.split(b"\n"))
        return cls(document for document in documents if not isinstance(document, Failure))


class _Metadata:
    """Metadata of a feed, in memory."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    async def load_metadata(self, names: Iterable[str]) -> dict[str, str]:
        """Return the values with these names."""
        return {name: self._values[name] for name in names if name in self._values}

    async def save_metadata(self, values: Mapping[str, str]) -> None:
        """Store values."""
        self._values.update(values)


def read_recent_changes(data: bytes, _: Path) -> None:
    """Follow the recent changes in answers, a line each: siteinfo, then lists as they are requested."""
    run_virtually(_follow(_Answers.parse(data)))


async def _follow(answers: _Answers) -> None:
    settings = RecentChangesSettings(api=_SITE, inventory_pages=1000, since=None)
    feed, metadata = RecentChangesFeed(settings, answers), _Metadata()
    schema = SchemaRepository([SCHEMAS], read_bundled).get("mediawiki/page/change", "1.7.0")
    await feed.open({}, metadata)
    for _ in range(_MAX_ROUNDS):
        found = await feed.receive()
        for each in (found or [])[:_MAX_RECORDS]:
            event = orjson.loads(each.record.value or b"")
            require(schema.is_valid(event), f"an event is not valid: {schema.describe_violations(event)}")
            feed.token_after(each.record.partition, [each.token])
    await feed.close()


def read_site(data: bytes, _: Path) -> None:
    """Read siteinfo, and after it lists of entities and a page."""
    asyncio.run(_read_site(_Answers.parse(data)))


async def _read_site(answers: _Answers) -> None:
    site = await fetch_site(answers, api=_SITE)
    Uris.for_wikibase(site.concept_uri)
    EntityDataSettings(prefix=site.entity_data).build_url("Q1", 1, now_ms=0)
    batches = 0
    async for _ in list_entities(answers, site):
        batches += 1
        if batches == _MAX_ROUNDS:
            break
    pages = PageInfoClient(answers, site)
    await pages.current_revision("Q1")
    await pages.last_touched("Q1")


def read_store_rows(data: bytes, _folder: Path) -> None:
    """Read the answer to a query of a store by each reader of rows."""
    rows = queries.parse_results(orjson.loads(data))
    for read in (
        queries.read_state,
        queries.read_counts,
        queries.read_largest_number,
        queries.read_newest_change,
        concept_base.read_concept_bases,
        concept_base.read_contents,
        lambda found: queries.read_form(found, _URIS),
        lambda found: queries.read_versions(found, _URIS),
        lambda found: queries.read_entities(found, _URIS),
        lambda found: entity_query.read_entity_triples(found, "Q1", _URIS),
    ):
        try:
            read(rows)
        except StoreError:
            continue


def read_store_errors(data: bytes, _: Path) -> None:
    """Classify answers of a store with each status, and read the count in one that is."""
    for status in (200, 400, 401, 404, 413, 429, 500, 503, 301):
        classify(_response(data, status, Content_Type="text/html", Location="x"), url="http://s/", now=_NOW)
    format_message(data)
    count = parse_change_count(data)
    require(count is None or 0 <= count < 2**63, "a count is out of bounds")


def read_page(data: bytes, _: Path) -> None:
    """Read the first words of a web page. `http-discovery` reads the links in its head."""
    quote_answer(_response(data, 404, Content_Type="text/html"))


def read_entity_answer(data: bytes, _: Path) -> None:
    """Read an answer of EntityData whose status and headers are the first lines of the input."""
    head, _found, body = data.partition(b"\n\n")
    settings = EntityDataSettings(prefix="https://my.wiki/wiki/Special:EntityData/")
    address = settings.build_url("Q1", 5, now_ms=0)
    answer = _parse_head(head, body)
    parse_response(answer, address, now=_NOW)
    explain_redirect(answer, address)
    is_about_entity(answer, address)
    target = resolve_redirect(answer, address)
    if target is not None:
        found = find_prefix(target, settings)
        require(URL(target.url).origin() == URL(address.url).origin(), "a redirect to another server is followed")
        require(not found or URL(found).origin() == URL(address.url).origin(), "requests would be sent elsewhere")


def read_headers(data: bytes, _: Path) -> None:
    """Read the headers that decide about waits and encodings."""
    answer = _parse_head(data, b"")
    find_encoding(answer.headers)
    wait = parse_retry_after(answer.headers, _NOW)
    require(wait is None or wait >= 0, "a negative wait")
    policy = RetryPolicy()
    document = parse_json(HttpResponse(429, answer.headers, b"x"), place="w", now=_NOW)
    require(isinstance(document, Failure), "a refusal is taken for an answer")
    if isinstance(document, Failure):
        require(
            0 <= compute_retry_delay(document, attempt=1, policy=policy) <= LONGEST_WAIT, "a wait beyond all bounds"
        )


def _parse_head(head: bytes, body: bytes) -> HttpResponse:
    lines = head.decode("utf-8", "replace").split("\n")
    headers: CIMultiDict[str] = CIMultiDict()
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers.add(name.strip(), value.strip())
    status = int(lines[0]) if lines[0].isascii() and lines[0].isdecimal() and len(lines[0]) == 3 else 302
    return HttpResponse(status, CIMultiDictProxy(headers), body)


def read_login(data: bytes, _: Path) -> None:
    """Read the answer to a login."""
    document = parse_json(_response(data), place="w", now=_NOW)
    if not isinstance(document, Failure) and isinstance(document.get("login"), dict):
        refusal = classify_login_result(document["login"])
        require(
            refusal is None or refusal.wait is None or 0 <= refusal.wait <= LONGEST_WAIT, "a wait beyond all bounds"
        )


_HEADER_TOKENS = (
    *("Retry-After: 99999999999\n", "Retry-After: Fri, 31 Dec 9999 23:59:59 GMT\n", "Location: //evil.invalid/x\n"),
    *(
        "Location: ",
        "Retry-After: ",
        "Content-Encoding: gzip\n",
        "Content-Type: text/html\n",
        "\n\n",
        "301",
        "?title=",
        "Q1.ttl",
    ),
    *("Mon, 01 Jan 0001 00:00:00 +2359", "Fri, 31 Dec 99999 23:59:59 -9999", "flavor=dump&revision=5"),
)
_HTML_TOKENS = (
    *(
        '<link rel="EditURI" href="//x/api.php?action=rsd">',
        "<link ",
        'rel="EditURI"',
        'href="',
        "<!--",
        "-->",
        "<script>",
        "<head>",
    ),
    *(
        "<title>",
        "</title>",
        "&#x110000;",
        "&#99999999999;",
        "&amp",
        "<style",
        "<html",
        "<body ",
        "&nbsp;",
        "mutationCount=9",
    ),
)
TARGETS = (
    Target(name="revisions", kind=Kind.JSON, run=read_revisions),
    Target(
        name="recent-changes",
        kind=Kind.JSON_LINES,
        run=read_recent_changes,
        errors=(SourceError, StateError),
    ),
    Target(name="site", kind=Kind.JSON_LINES, run=read_site, errors=(WikiError, ConfigError, InputError)),
    Target(name="store-rows", kind=Kind.JSON, run=read_store_rows, errors=(StoreError, orjson.JSONDecodeError)),
    Target(name="store-errors", kind=Kind.TEXT, run=read_store_errors, tokens=_HTML_TOKENS),
    Target(name="page", kind=Kind.TEXT, run=read_page, tokens=_HTML_TOKENS),
    Target(name="entity-answer", kind=Kind.TEXT, run=read_entity_answer, tokens=_HEADER_TOKENS),
    Target(name="headers", kind=Kind.TEXT, run=read_headers, tokens=_HEADER_TOKENS),
    Target(name="login", kind=Kind.JSON, run=read_login),
)
