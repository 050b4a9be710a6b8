"""The text of a query that a user wrote: its prefixes, and the services that it asks."""

from __future__ import annotations

import pytest

from wikistate.core.rdf.uris import Uris
from wikistate.core.sparql.query_text import asks_other_services, build_prefixes, declare, find_undeclared

PREFIXES = build_prefixes(Uris.for_wikibase("https://my.wiki"))


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("SELECT * { ?s wdt:P1 wd:Q2 ; rdfs:label ?l }", {"wdt", "wd", "rdfs"}),
        ("PREFIX wd: <urn:mine:> SELECT * { ?s wdt:P1 wd:Q2 }", {"wdt"}),
        ("prefix\n wd:<urn:mine:> ASK { wd:Q1 ?p ?o }", set()),
        ("SELECT * { ?s ?p 'wd:Q1', \"p:P1\", <http://a/wdt:x> } # ps:P1", set()),
        ("SELECT * { ?s <urn:p>/wdt:P1|^p:P2 ?o }", {"wdt", "p"}),
        ("SELECT * { ?s foo:bar ?o }", set()),
    ],
)
def test_prefixes_that_a_query_uses_are_declared(query: str, names: set[str]) -> None:
    """A second declaration is an error in some stores, so that only missing ones are added."""
    found = find_undeclared(query, PREFIXES)
    assert set(found) == names
    declared = declare(query, found)
    assert declared.endswith(query)
    assert declared.count("PREFIX ") == len(names) + query.count("PREFIX ")


def test_prefixes_are_those_of_the_wiki() -> None:
    """They follow the concept base; properties of a federated wiki are those of the other one."""
    assert PREFIXES["wd"] == "https://my.wiki/entity/"
    assert PREFIXES["wdt"] == "https://my.wiki/prop/direct/"
    commons = build_prefixes(Uris.for_federated("https://commons.wikimedia.org"))
    assert commons["wd"] == "http://www.wikidata.org/entity/"
    assert commons["sdc"] == "https://commons.wikimedia.org/entity/"


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * { SERVICE <http://a> { ?s ?p ?o } }",
        "SELECT * {service\nSILENT ?g { ?s ?p ?o } }",
        "SELECT * { FILTER(?a<?b)SERVICE<http://a>{ ?s ?p ?o } }",
        "SELECT * { ?s ?p '#' . SERVICE ex:a { } } # '",
        'SELECT * { ?s ?p """a" \' """ . SERVICE ex:a { } }',
        "SELECT * { \\u0053ERVICE <http://a> { } }",
        "SELECT * { \\U00000053ERVICE <http://a> { } }",
    ],
)
def test_service_is_found_in_each_form(query: str) -> None:
    """Otherwise the process would send requests to an address in the text of a query."""
    assert asks_other_services(query)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT ?service { ?service ex:service <http://a/SERVICE> }",
        "SELECT * { ?s ?p 'SERVICE <http://a> {}' } # SERVICE",
        "SELECT * { ?s service:p ?o }",
    ],
)
def test_other_uses_of_the_word_are_allowed(query: str) -> None:
    """Names of variables, prefixes and texts are not a clause."""
    assert not asks_other_services(query)
