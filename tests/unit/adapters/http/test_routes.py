from __future__ import annotations

import pytest

from wikistate.adapters.http.routes import Endpoint, Routes
from wikistate.errors import ConfigError

ROUTES = Routes({"https://meta.wikimedia.org/w/api.php": "http://localhost:6500"})


def test_route_changes_the_origin_and_keeps_the_host() -> None:
    """Scheme, host and port are replaced; the path stays; the first host is sent as `Host`."""
    resolved = ROUTES.resolve("https://meta.wikimedia.org/w/index.php")
    assert resolved == Endpoint("http://localhost:6500/w/index.php", "meta.wikimedia.org")


@pytest.mark.parametrize(
    "url",
    ["https://en.wikipedia.org/w/api.php", "http://meta.wikimedia.org/w/api.php", "https://meta.wikimedia.org:8443/w/"],
)
def test_other_origins_are_not_routed(url: str) -> None:
    """Another host, another scheme and another port are each another origin."""
    assert ROUTES.resolve(url) == Endpoint(url, None)


def test_given_host_is_kept() -> None:
    """If one endpoint serves many wikis, their names replace that of the endpoint."""
    assert ROUTES.resolve("https://meta.wikimedia.org/w/api.php", "de.wikipedia.org").host == "de.wikipedia.org"
    assert ROUTES.resolve("http://localhost:1/w/api.php", "de.wikipedia.org").host == "de.wikipedia.org"


@pytest.mark.parametrize("bad", ["localhost:6500", "ftp://x.example", "", "https://", "http://[::1"])
def test_invalid_url_is_a_configuration_error(bad: str) -> None:
    """The error names the setting and has a valid example."""
    with pytest.raises(ConfigError) as caught:
        Routes({"https://meta.wikimedia.org": bad})
    assert caught.value.ids["key"] == "http_client_routes"
    assert "http://localhost:6500" in str(caught.value)
