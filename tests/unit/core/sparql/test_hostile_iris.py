"""Concept bases, graphs and prefixes of strangers: checked where they enter, and written by the serialiser of terms."""

from __future__ import annotations

import ast
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from pyoxigraph import NamedNode, RdfFormat, Store, parse

import wikistate
from wikistate.adapters.mediawiki.wikibase_site import parse_site
from wikistate.config.store import StoreSettings
from wikistate.core.rdf.uris import Uris, is_concept_base
from wikistate.core.sparql.concept_base import build_contents_query, read_concept_bases
from wikistate.core.sparql.entity_query import build_entity_query
from wikistate.core.sparql.orphans import mark_all
from wikistate.core.sparql.patterns import filter_shared, match_predicates, match_restrictions, match_statements
from wikistate.core.sparql.queries import (
    build_counts_query,
    select_entities,
    select_largest_number,
    select_newest_change,
)
from wikistate.core.sparql.terms import UnwritableError, starts_with
from wikistate.core.sparql.update_target import UpdateTarget
from wikistate.errors import ConfigError, WikiError
from wikistate.wiring.stores import build_update_target

if TYPE_CHECKING:
    from collections.abc import Iterator

SOURCE = Path(wikistate.__file__).parent
INJECTION = 'http://w.example/"))} ; DROP ALL ; INSERT DATA { <urn:a'

HOSTILE = [
    INJECTION,
    "http://w.example/ a",
    "http://w.example/<x>",
    'http://w.example/"',
    "http://w.example/{x}",
    "http://w.example/|",
    "http://w.example/^",
    "http://w.example/`",
    "http://w.example/\\u003e",
    "http://w.example/\\",
    "http://w.example/\n",
    "http://w.example/\t",
    "http://w.exam\nple",
    "http://w.example/\x00",
    "http://w.example/%zz",
    "http://w.example/a?b",
    "http://w.example/a#b",
    "http://w.example?",
    "http://",
    "http://:80",
    "urn:w",
    "ftp://w.example",
    "w.example",
    "",
]


@pytest.mark.parametrize(
    "root", ["http://w.example", "https://w.example/base", "http://127.0.0.1:8080", "http://w.example/é"]
)
def test_concept_base_is_an_absolute_iri(root: str) -> None:
    """Hosts, ports, paths and letters outside ASCII are allowed."""
    assert is_concept_base(root)
    assert Uris.for_wikibase(f"{root}/").root == root


@pytest.mark.parametrize("text", HOSTILE)
def test_concept_base_of_the_settings_is_checked(text: str) -> None:
    """Each setting with a concept base is refused before a query is built."""
    for build in (Uris.for_wikibase, Uris.for_federated, lambda base: Uris.for_federated("http://w.example", base)):
        with pytest.raises(ConfigError, match="is not a concept base"):
            build(text)
    with pytest.raises(ConfigError, match="is not a concept base"):
        build_update_target(StoreSettings(location="store", concept_base=text))


@pytest.mark.parametrize("text", HOSTILE)
def test_concept_base_of_siteinfo_is_checked(text: str) -> None:
    """The message says that the wiki states it, and what would be allowed."""
    with pytest.raises(WikiError, match="states the concept base") as error:
        parse_site(siteinfo(f"{text}/entity/"))
    assert "absolute IRI" in error.value.message


def test_concept_base_of_a_store_is_checked() -> None:
    """A node that is not an IRI is not a sample of the concept base."""
    nodes = [
        lenient_node(f"{text}/entity/Q1")
        for text in ('http://w.example/")}', "http://w.example/{x}", "http://w.example/|")
    ]
    rows = [{"node": node} for node in [*nodes, *nodes, NamedNode("http://w.example/entity/Q1")]]
    assert read_concept_bases(rows) == ["http://w.example"]
    assert read_concept_bases([{"node": lenient_node('http://w.example"{}')}]) == []


@pytest.mark.parametrize("graph", [INJECTION, "http://w.example/ graph", "graph", "http://w.example/>"])
def test_graph_of_the_settings_is_checked(graph: str) -> None:
    """The message names the setting."""
    with pytest.raises(ConfigError, match=r"store\.graph is not an absolute IRI"):
        build_update_target(StoreSettings(location="store", graph=graph))


@pytest.mark.parametrize("text", [INJECTION, 'http://w.example/"', "http://w.example/\\", "x"])
def test_arguments_of_queries_are_serialised(text: str) -> None:
    """A prefix, a root and a graph that are not IRIs do not become part of a query."""
    for build in (select_entities, select_largest_number, select_newest_change):
        with pytest.raises(UnwritableError, match="not an absolute IRI"):
            build(text)
        with pytest.raises(UnwritableError, match="not an absolute IRI"):
            build("http://w.example/entity/Q", graph=text)


def test_hostile_prefixes_stay_texts_in_every_pattern() -> None:
    """Also IRIs that passed no check cannot end their place: the serialiser escapes them, or refuses them."""
    root = 'http://w.example/") || true || STRSTARTS("'
    checked = Uris.for_wikibase("http://w.example")
    fields = {name: f"{root}{name}" for name in ("entity", "statement", "value", "reference", "prop", "genid")}
    uris = Uris(
        **fields, root=root, entity_data=root, entity_data_https=root, foreign_entity=f"{root}entity", own_ids=""
    )
    listed = "VALUES ?entity { <http://w.example/entity/P1> }"
    patterns = [
        match_statements(listed, uris),
        match_predicates(listed, uris),
        match_restrictions(listed, uris),
        f"?node ?p ?o {filter_shared('?node', uris)}",
    ]
    store = Store()
    for pattern in patterns:
        assert 'example/") || true' not in pattern
        store.query(f"SELECT * WHERE {{ {pattern} }}")  # the text is valid SPARQL
    for operation in mark_all(uris):
        store.update(operation)
    assert 'example/") || true' not in build_counts_query(UpdateTarget(uris))
    with pytest.raises(UnwritableError):
        build_entity_query("P1", UpdateTarget(uris))
    with pytest.raises(UnwritableError):
        build_contents_query(UpdateTarget(checked, more_freshness_subjects=(root,)))


def test_prefix_with_an_escape_is_compared_as_it_is() -> None:
    """A backslash before a "u" survives stores that replace escapes twice."""
    assert starts_with("?a", "x\\u0041") == 'STRSTARTS(STR(?a), "x\\\\\\u00750041")'


def test_only_the_serialiser_writes_iris_and_texts() -> None:
    """No f-string of SPARQL has a value behind a raw "<" or between raw quotation marks."""
    found = [place for path in sorted(SOURCE.rglob("*.py")) for place in raw_values(path)]
    assert found == []


@pytest.mark.parametrize(
    "line",
    [
        """f"VALUES ?a {{ <{root}> }}\"""",
        """f'FILTER(STRSTARTS(STR(?a), "{root}"))'""",
        """f"SELECT ?a FROM <{graph}> WHERE {{}}\"""",
    ],
)
def test_walk_finds_raw_values(line: str, tmp_path: Path) -> None:
    """An IRI, a text and a graph."""
    (tmp_path / "query.py").write_text(f"query = {line}\nother = 'SELECT ?a WHERE {{ ?a ?b ?c }}'\n")
    assert len(list(raw_values(tmp_path / "query.py"))) == 1


SPARQL_WORDS = (
    "SELECT ",
    "WHERE {",
    "INSERT ",
    "DELETE ",
    "VALUES ",
    "FILTER(",
    "STRSTARTS(",
    "GRAPH ",
    "?node",
    "ASK ",
)
NO_STORE = ("testing", "demo")


def raw_values(path: Path) -> Iterator[str]:
    """Yield the places of f-strings with a raw value in a module that has SPARQL."""
    text = path.read_text()
    is_serialiser = path == SOURCE / "core" / "sparql" / "terms.py"
    if is_serialiser or any(part in NO_STORE for part in path.parts) or not any(word in text for word in SPARQL_WORDS):
        return
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.JoinedStr):
            continue
        constants = "".join(str(part.value) for part in node.values if isinstance(part, ast.Constant))
        in_query = "core/sparql" in str(path) or any(word in constants for word in SPARQL_WORDS)
        for before, value in pairwise(node.values):
            is_raw = isinstance(before, ast.Constant) and str(before.value).endswith(("<", '"'))
            if in_query and is_raw and isinstance(value, ast.FormattedValue):
                yield f"{path}:{node.lineno}"


def siteinfo(concept_base: str) -> dict[str, object]:
    """Return the siteinfo of a wiki with this concept base."""
    return {
        "general": {
            "servername": "w.example",
            "wikiid": "wwiki",
            "server": "http://w.example",
            "articlepath": "/wiki/$1",
            "wikibase-conceptbaseuri": concept_base,
        },
        "namespaces": {},
    }


def lenient_node(iri: str) -> NamedNode:
    """Return a node as a store may answer it that checks no IRI."""
    node: NamedNode = next(iter(parse(f"<{iri}> <{iri}> <{iri}> .", RdfFormat.N_TRIPLES, lenient=True))).predicate
    assert node.value == iri
    return node
