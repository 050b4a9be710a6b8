from __future__ import annotations

import pytest

from wikistate.adapters.http.routes import Endpoint, Routes
from wikistate.errors import ConfigError

ROUTES = Routes({"https://meta.wikimedia.org/w/api.php": "http://localhost:6500"})


def test_a_route_changes_the_origin_and_keeps_the_host() -> None:
    """Scheme, host and port are replaced; path stays; the first host goes out as `Host`."""
    resolved = ROUTES.resolve("https://meta.wikimedia.org/w/index.php")
    assert resolved == Endpoint("http://localhost:6500/w/index.php", "meta.wikimedia.org")


@pytest.mark.parametrize(
    "url",
    ["https://en.wikipedia.org/w/api.php", "http://meta.wikimedia.org/w/api.php", "https://meta.wikimedia.org:8443/w/"],
)
def test_other_origins_are_not_routed(url: str) -> None:
    """Another host, another scheme and another port are each another origin."""
    assert ROUTES.resolve(url) == Endpoint(url, None)


def test_a_host_that_is_given_is_kept() -> None:
    """Where one endpoint serves many wikis, their names win over the endpoint's."""
    assert ROUTES.resolve("https://meta.wikimedia.org/w/api.php", "de.wikipedia.org").host == "de.wikipedia.org"
    assert ROUTES.resolve("http://localhost:1/w/api.php", "de.wikipedia.org").host == "de.wikipedia.org"


@pytest.mark.parametrize("bad", ["localhost:6500", "ftp://x.example", "", "https://", "http://[::1"])
def test_what_is_no_url_is_the_operators_mistake(bad: str) -> None:
    """The error names the setting and shows how a route is written."""
    with pytest.raises(ConfigError) as caught:
        Routes({"https://meta.wikimedia.org": bad})
    assert caught.value.ids["key"] == "http_client_routes"
    assert "http://localhost:6500" in str(caught.value)
