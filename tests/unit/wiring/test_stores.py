"""Settings of a store become the form of its queries and updates."""

from __future__ import annotations

import pytest

from wikistate.config.store import StoreSettings
from wikistate.errors import ConfigError
from wikistate.wiring.stores import build_update_target

COMMONS, WIKIDATA = "https://commons.wikimedia.org", "http://www.wikidata.org"


@pytest.mark.parametrize(
    ("settings", "subjects"),
    [
        ({}, (WIKIDATA,)),
        ({"concept_base": COMMONS, "federated_concept_base": WIKIDATA}, (COMMONS, WIKIDATA)),
        ({"concept_base": "https://a.test/", "freshness_subjects": [WIKIDATA]}, ("https://a.test", WIKIDATA)),
    ],
    ids=["wikidata", "commons", "another wiki whose query interface asks Wikidata"],
)
def test_freshness_has_the_subjects_that_query_services_ask(
    settings: dict[str, object], subjects: tuple[str, ...]
) -> None:
    """The concept base comes first."""
    assert build_update_target(StoreSettings.model_validate(settings)).freshness_subjects == subjects


@pytest.mark.parametrize("text", ["", "www.wikidata.org", "http://a b", "http://a.test/> ; DROP ALL"])
def test_subject_of_the_freshness_must_be_an_iri(text: str) -> None:
    """It becomes a part of updates."""
    with pytest.raises(ConfigError, match="not an absolute IRI") as caught:
        build_update_target(StoreSettings(freshness_subjects=[text]))
    assert caught.value.ids["key"] == "store.freshness_subjects"
