from __future__ import annotations

import pytest

from wikistate.core.rdf.uris import Uris
from wikistate.errors import ConfigError

OTHERS = {"https://www.wikidata.org/entity/Q1", "http://www.wikidata.org/entity/statement/Q1", "http://x/entity/Q1"}


def test_uris_of_wikidata() -> None:
    """All IRIs follow from the concept base; documents use https whatever the base has."""
    uris = Uris.for_wikibase("http://www.wikidata.org/")
    assert uris.root == "http://www.wikidata.org"
    assert uris.entity_iri("Q1") == "http://www.wikidata.org/entity/Q1"
    assert uris.entity_data == "http://www.wikidata.org/wiki/Special:EntityData/"
    assert uris.entity_data_https == "https://www.wikidata.org/wiki/Special:EntityData/"
    assert uris.statement == "http://www.wikidata.org/entity/statement/"
    assert (uris.value, uris.reference) == ("http://www.wikidata.org/value/", "http://www.wikidata.org/reference/")
    assert (uris.prop, uris.novalue) == ("http://www.wikidata.org/prop/", "http://www.wikidata.org/prop/novalue/")
    assert uris.genid == "http://www.wikidata.org/.well-known/genid/"


def test_https_concept_base_stays_https() -> None:
    """A concept base with https is not written with http.

    Its port and path count; names of blank nodes have no path.
    """
    uris = Uris.for_wikibase("https://my.wiki:8443/base//")
    assert uris.entity_iri("Q1") == "https://my.wiki:8443/base/entity/Q1"
    assert uris.entity_data == uris.entity_data_https == "https://my.wiki:8443/base/wiki/Special:EntityData/"
    assert uris.prop == "https://my.wiki:8443/base/prop/"
    assert uris.genid == "https://my.wiki:8443/.well-known/genid/"


def test_uris_of_federated_properties() -> None:
    """Media belong to Commons, items and properties to Wikidata; statements, values and references are on Commons."""
    uris = Uris.for_federated("https://commons.wikimedia.org", "http://www.wikidata.org")
    assert uris.entity_iri("M1") == "https://commons.wikimedia.org/entity/M1"
    assert uris.entity_iri("Q1") == "http://www.wikidata.org/entity/Q1"
    assert uris.prop == "http://www.wikidata.org/prop/"
    assert uris.statement == "https://commons.wikimedia.org/entity/statement/"
    assert uris.genid == "https://commons.wikimedia.org/.well-known/genid/"


@pytest.mark.parametrize("entity_id", ["Q1", "P31", "L7", "L7-F1", "M9"])
def test_entity_id_is_read_from_its_iri(entity_id: str) -> None:
    """An entity's id is read from its IRI, under either scheme."""
    for uris in (Uris.for_wikibase("http://www.wikidata.org"), Uris.for_federated("https://commons.wikimedia.org")):
        assert uris.entity_id(uris.entity_iri(entity_id)) == entity_id


@pytest.mark.parametrize("iri", sorted(OTHERS))
def test_other_iris_have_no_entity_id(iri: str) -> None:
    """An IRI with another scheme, of a statement, or of another wiki is not that of an entity of the wiki."""
    assert Uris.for_wikibase("http://www.wikidata.org").entity_id(iri) is None


def test_iri_of_a_medium_on_the_other_wiki_has_no_id() -> None:
    """An id with M belongs only to the own wiki, and an item only to the other one."""
    uris = Uris.for_federated("https://commons.wikimedia.org", "http://www.wikidata.org")
    assert uris.entity_id("http://www.wikidata.org/entity/M1") is None
    assert uris.entity_id("https://commons.wikimedia.org/entity/Q1") is None


@pytest.mark.parametrize("concept_uri", ["", "www.wikidata.org", "ftp://x", "http://", "http://x/?a=b"])
def test_invalid_concept_base_is_rejected(concept_uri: str) -> None:
    """A text that cannot begin an entity's IRI is rejected, and the message has a valid example."""
    with pytest.raises(ConfigError, match=r"http://www\.wikidata\.org"):
        Uris.for_wikibase(concept_uri)
