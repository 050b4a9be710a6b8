"""Arbitrary answers of a wiki: each reader returns a result or its documented error, and nothing else leaves it."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wikistate.adapters.mediawiki.action_api import ParsedResponse, parse_revisions
from wikistate.adapters.mediawiki.entity_pages import list_entities
from wikistate.adapters.mediawiki.page_info import PageInfoClient
from wikistate.adapters.mediawiki.redirects import REVISIONS_WITH_PAGES, PageName, read_redirects, read_targets
from wikistate.adapters.mediawiki.revision_lookup import RedirectRevision, RevisionLookup, RevisionState
from wikistate.adapters.mediawiki.wikibase_site import fetch_site, parse_site
from wikistate.core.enrichment.failures import Failure
from wikistate.core.enrichment.login_answers import classify_login_result
from wikistate.core.rdf.uris import Uris
from wikistate.core.sparql.entity_query import read_entity_triples
from wikistate.core.sparql.queries import parse_results, read_newest_change, read_state, read_versions
from wikistate.errors import StoreError, WikiError
from wikistate.jobs.rdf_sync.source_progress import retention_of_recent_changes

if TYPE_CHECKING:
    from collections.abc import Mapping

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**64) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
QUICK = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))

SITE: dict[str, Any] = {
    "general": {
        "wikiid": "w",
        "servername": "w.example",
        "server": "//w.example",
        "articlepath": "/wiki/$1",
        "wikibase-conceptbaseuri": "http://w.example/entity/",
    },
    "namespaces": {
        "-1": {"id": -1, "name": "Special"},
        "120": {"id": 120, "name": "Item", "defaultcontentmodel": "wikibase-item"},
    },
    "specialpagealiases": [{"realname": "EntityData", "aliases": ["EntityData"]}],
    "extensions": [{"name": "WikibaseRepository"}],
}
PAGE: dict[str, Any] = {
    "pageid": 3,
    "ns": 120,
    "title": "Item:Q3",
    "contentmodel": "wikibase-item",
    "lastrevid": 5,
    "redirect": False,
    "revisions": [
        {
            "revid": 5,
            "timestamp": "2026-01-01T00:00:00Z",
            "roles": ["main"],
            "slots": {"main": {"content": "{}", "sha1": "a" * 40}},
        }
    ],
}
ANSWER: dict[str, Any] = {
    "query": {
        "pages": [PAGE],
        "redirects": [{"from": "A", "to": "B"}],
        "normalized": [{"from": "A", "to": "B"}],
        "badrevids": {},
    },
    "continue": {"gapcontinue": "x"},
    "warnings": {"main": {"warnings": "w"}},
}


class Scripted:
    """A client with one answer."""

    def __init__(self, document: Any) -> None:
        self.document = document

    async def open(self) -> None:
        """See `PageQueries`."""

    async def close(self) -> None:
        """See `PageQueries`."""

    async def query(self, parameters: Mapping[str, str], *, tries: int | None = None) -> dict[str, Any]:
        """See `QueryClient`."""
        del parameters, tries
        found: dict[str, Any] = self.document
        return found


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values of a document."""
    entries = (
        document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    )
    return [place for name, value in entries for place in ((*path, name), *places(value, (*path, name)))]


def replaced(document: Any, path: tuple[Any, ...], value: object) -> Any:
    """Return a copy with another value at a path."""
    copy: Any = orjson.loads(orjson.dumps(document))
    found = copy
    for name in path[:-1]:
        found = found[name]
    found[path[-1]] = value
    return copy


@given(st.sampled_from(places(SITE)), JSON)
@QUICK
async def test_siteinfo_of_any_form(path: tuple[Any, ...], value: object) -> None:
    """The start ends with a message that names the field."""
    with suppress(WikiError):
        assert (await fetch_site(Scripted({"query": replaced(SITE, path, value)}))).entity_data.startswith("http")


@given(st.sampled_from(places(ANSWER)), JSON)
@QUICK
async def test_pages_and_revisions_of_any_form(path: tuple[Any, ...], value: object) -> None:
    """Enrichment, redirects, the list of entities, the current revision, and the lookup of a revision."""
    document = replaced(ANSWER, path, value)
    found = [
        parse_revisions(document, {5}, place="w"),
        REVISIONS_WITH_PAGES.new_parser()(document, {5}, place="w"),
        read_redirects(document, [PageName(3, "A"), PageName(4, "C")], place="w"),
        read_targets(document, ["A", "B"], place="w"),
    ]
    assert all(isinstance(each, ParsedResponse | Failure) for each in found)
    site, queries = parse_site(SITE), Scripted(document)
    with suppress(WikiError):
        async for batch in list_entities(queries, site):
            assert len(batch.pages) + len(batch.unreadable) <= 3
    with suppress(WikiError):
        assert await PageInfoClient(queries, site).current_revision("Q3") in (None, 5, value)
    assert (await PageInfoClient(queries, site).last_touched("Q3")) is None
    for read in (PageInfoClient(queries, site).created_at, PageInfoClient(queries, site).deleted_at):
        assert isinstance(await read("Q3"), int | None)

    async def connect() -> Scripted:
        return queries

    for entity in ("Q3", "M3"):
        assert isinstance(await RevisionLookup(connect).look_up(entity, 5), RevisionState | RedirectRevision)


@pytest.mark.parametrize("field", ["ns", "title", "pageid", "lastrevid", "contentmodel"])
@pytest.mark.parametrize("value", [None, [], 2**63, {"a": 1}])
async def test_page_of_a_list_that_cannot_be_read_is_counted(field: str, value: object) -> None:
    """The other pages of the list are returned, and the reason names the field."""
    good = PAGE | {"title": "Item:Q4", "pageid": 4}
    document = {"query": {"pages": [PAGE | {field: value}, 7, good]}}
    (batch,) = [each async for each in list_entities(Scripted(document), parse_site(SITE))]
    assert [page.entity for page in batch.pages] == ["Q4"]
    unreadable = (
        [] if field == "contentmodel" and value is None else [f"query.pages.{field}"]
    )  # None: another kind of page
    assert [reason.split(" is ")[0] for reason in batch.unreadable] == [*unreadable, "query.pages"]


@pytest.mark.parametrize("rows", [None, [], [{}], [{"rcid": "1"}], [{"rcid": 2, "timestamp": 5}], [5], {"a": 1}, 7])
async def test_oldest_change_of_any_form(rows: object) -> None:
    """The age of the changes is known, or the error says what is missing."""
    with pytest.raises(WikiError, match=r"age of its oldest recent change: .* but must be"):
        await retention_of_recent_changes(Scripted({"query": {"recentchanges": rows}}), overlap=0)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("result", "reason", "wait", "token"), JSON)))
@QUICK
def test_login_answer_of_any_form(login: dict[str, Any]) -> None:
    """A wait is bounded, and anything but a success is a refusal."""
    refusal = classify_login_result(login)
    assert (refusal is None) is (login.get("result") == "Success")
    assert refusal is None or refusal.wait is None or 0 <= refusal.wait <= 3600


CELL = {"type": "literal", "value": "1", "datatype": "http://www.w3.org/2001/XMLSchema#integer"}
RESULTS: dict[str, Any] = {
    "head": {"vars": []},
    "results": {
        "bindings": [
            {
                **dict.fromkeys(("topic", "partition", "offset", "until", "token", "newest", "version"), CELL),
                **{name: {"type": "uri", "value": "http://w.example/entity/Q1"} for name in ("entity", "s", "p", "o")},
            }
        ]
    },
}


@given(st.sampled_from(places(RESULTS)), JSON)
@QUICK
def test_results_of_a_store_of_any_form(path: tuple[Any, ...], value: object) -> None:
    """Each reader raises `StoreError` alone."""
    uris = Uris.for_wikibase("http://w.example")
    with suppress(StoreError):
        rows = parse_results(replaced(RESULTS, path, value))
        for read in (
            read_state,
            read_newest_change,
            lambda rows: read_versions(rows, uris),
            lambda rows: read_entity_triples(rows, "Q1", uris),
        ):
            with suppress(StoreError):
                read(rows)
        assert all(isinstance(name, str) for row in rows for name in row)
