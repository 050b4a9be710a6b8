"""Settings on the command line: dots separate keys unless they belong to a name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wikistate.config.layers import Layer, parse_assignment
from wikistate.config.load import load, resolve_key
from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from wikistate.config.model import Configuration


def load_assignments(*assignments: str) -> Configuration:
    """Return the configuration of these assignments."""
    layer = Layer(strict=True)
    for assignment in assignments:
        path, value = parse_assignment(assignment)
        layer.put(resolve_key(path, value), value, "--set")
    return load([layer]).configuration


def test_name_of_kafka_property_keeps_its_dots() -> None:
    """It is one key of the properties."""
    options = load_assignments(
        "stream_manager.sink.options.properties.max.request.size=10485760",
        "stream_manager.sink.options.properties.acks=all",
    ).stream_manager.sink.options
    assert options.properties == {"max.request.size": "10485760", "acks": "all"}


def test_route_keeps_dots_of_its_origin() -> None:
    """Its name is a URL."""
    manager = load_assignments(
        "stream_manager.http_client_routes.https://meta.wikimedia.org=http://localhost:6500"
    ).stream_manager
    assert manager.http_client_routes == {"https://meta.wikimedia.org": "http://localhost:6500"}


@pytest.mark.parametrize("domain", ["wiki", "my.wiki", "api.my.api.example"])
def test_wiki_keeps_dots_of_its_domain(domain: str) -> None:
    """The keys after the domain are settings of the wiki, also nested ones."""
    wiki = load_assignments(
        f"wikis.{domain}.api=http://a/w/api.php", f"wikis.{domain}.credentials.token_env=TOKEN"
    ).wikis[domain]
    assert (wiki.api, wiki.credentials.token_env) == ("http://a/w/api.php", "TOKEN")


def test_mapping_is_a_whole_entry() -> None:
    """All remaining parts are then its name."""
    assert load_assignments("wikis.my.wiki={api: 'http://a/w/api.php'}").wikis["my.wiki"].api == "http://a/w/api.php"


def test_error_of_unknown_setting_of_wiki_names_whole_domain() -> None:
    """The message names the key as the operator wrote it."""
    with pytest.raises(
        ConfigError, match=r"wikis\.my\.wiki\.apii: there is no such key; did you mean wikis\.my\.wiki\.api\?"
    ):
        load_assignments("wikis.my.wiki={api: u}", "wikis.my.wiki.apii=u")


@given(
    st.lists(
        st.sampled_from(["enrich", "wikis", "api", "x", "stream_manager", "sink", "options", "properties"]), min_size=1
    )
)
def test_no_word_is_lost_or_moved(words: list[str]) -> None:
    """For each path, only the meaning of dots changes."""
    path = tuple(words)
    assert ".".join(resolve_key(path, 1)) == ".".join(path)
