"""Wiring of the wikis: farms, limits and credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from wikistate.adapters.http.client import HttpClient, HttpSettings
from wikistate.adapters.http.documents import DocumentReader
from wikistate.adapters.mediawiki.limits import FarmSettings
from wikistate.adapters.mediawiki.sessions import ANONYMOUS
from wikistate.config.layers import Layer
from wikistate.config.load import load
from wikistate.errors import ConfigError
from wikistate.telemetry.meter import RecordingMeter
from wikistate.wiring.wikis import (
    build_allowed_wikis,
    build_http_settings,
    build_revision_client,
    build_wiki_session,
    resolve_farm_settings,
)

if TYPE_CHECKING:
    from wikistate.config.model import Configuration

MY_WIKI = {"my.wiki.example": {"api": "https://api.my.wiki.example/w/api.php"}}


def configured(**values: Any) -> Configuration:
    """Return a configuration with these sections."""
    return load([Layer(values=values, strict=True)]).configuration


def test_limits_of_a_farm_without_a_wiki_are_an_error() -> None:
    """The limits would silently have no effect; the error lists the farms of the configuration."""
    with pytest.raises(ConfigError, match=r"farms\.my\.wiki\.example: no wiki belongs") as caught:
        build_allowed_wikis(configured(wikis=MY_WIKI, farms={"my.wiki.example": {"rate": 1}}))
    assert "api.my.wiki.example" in caught.value.hint
    build_allowed_wikis(configured(wikis=MY_WIKI, farms={"api.my.wiki.example": {"rate": 1}}))


def test_limits_of_a_farm_come_from_its_settings_then_from_workers_then_from_defaults() -> None:
    """The defaults are lower for Wikimedia than for your own wikis; workers are a setting of the public jobs."""
    defaults = configured()
    assert resolve_farm_settings(defaults, "wikimedia") == FarmSettings(max_concurrency=3, rate=5.0)
    assert resolve_farm_settings(defaults, "own") == FarmSettings(max_concurrency=16)
    workers = configured(stream_manager={"process_max_workers_default": 2})
    assert resolve_farm_settings(workers, "wikimedia").max_concurrency == 2
    limited = configured(
        stream_manager={"process_max_workers_default": 2}, farms={"wikimedia": {"concurrency": 8, "rate": 5}}
    )
    assert resolve_farm_settings(limited, "wikimedia") == FarmSettings(max_concurrency=8, rate=5)
    rated = configured(enrich={"rate": 2, "latency_bound": 9}, farms={"own": {"rate": 7}})
    assert resolve_farm_settings(rated, "wikimedia") == FarmSettings(max_concurrency=3, rate=2, latency_bound=9)
    assert resolve_farm_settings(rated, "own").rate == 7
    sequential = configured(stream_manager={"process_async_enabled_default": False})
    assert resolve_farm_settings(sequential, "own").max_concurrency == 1


def test_wikimedia_domains_are_rejected_if_they_are_not_allowed() -> None:
    """The configured wiki alone is allowed."""
    wikis = build_allowed_wikis(configured(wikis=MY_WIKI, allow_wikimedia=False))
    assert "WikiNotAllowed" in repr(wikis.lookup("en.wikipedia.org"))
    assert "https://api.my.wiki.example/w/api.php" in repr(wikis.lookup("my.wiki.example"))


@pytest.mark.parametrize(
    ("credentials", "expected"),
    [
        ({"token_env": "WIKISTATE_TEST_NO_SUCH"}, "WIKISTATE_TEST_NO_SUCH"),
        ({"token_file": "/no/such/file"}, "/no/such/file"),
        ({"bot_name": "Me@job"}, r"bot_name is set, but there is no password"),
    ],
)
def test_missing_credential_is_an_error_before_the_first_request(credentials: Any, expected: str) -> None:
    """The error names the variable, the file or the setting."""
    wikis = {"w.example": {"api": "https://w.example/api.php", "credentials": credentials}}
    with pytest.raises(ConfigError, match=expected):
        build_revision_client(configured(wikis=wikis), RecordingMeter())


def test_secret_is_not_sent_over_plain_http(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback addresses are the exception."""
    monkeypatch.setenv("WIKISTATE_TEST_TOKEN", "secret")

    def wikis(host: str) -> Any:
        credentials = {"token_env": "WIKISTATE_TEST_TOKEN"}
        return {"w.example": {"api": f"http://{host}/w/api.php", "credentials": credentials}}

    for host in ("127.0.0.1:8080", "localhost", "[::1]"):
        build_revision_client(configured(wikis=wikis(host)), RecordingMeter())
    with pytest.raises(ConfigError, match=r"a secret would go to w\.example unencrypted") as caught:
        build_revision_client(configured(wikis=wikis("w.example")), RecordingMeter())
    assert "secret" not in repr(caught.value.ids)


def test_route_is_a_part_of_the_way_of_a_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """A route to http on another machine takes the encryption away; to a proxy on this machine it does not."""
    monkeypatch.setenv("WIKISTATE_TEST_TOKEN", "secret")
    credentials = {"token_env": "WIKISTATE_TEST_TOKEN"}

    def configure(target: str, **more: object) -> Configuration:
        wiki = {"api": "https://w.example/w/api.php", "credentials": {**credentials, **more}}
        routes = {"https://w.example": target}
        return configured(wikis={"w.example": wiki}, stream_manager={"http_client_routes": routes})

    build_revision_client(configure("http://localhost:6500"), RecordingMeter())
    with pytest.raises(ConfigError, match=r"a secret would go to mesh\.example unencrypted") as caught:
        build_revision_client(configure("http://mesh.example:6500"), RecordingMeter())
    assert "allow_unencrypted" in caught.value.hint
    build_revision_client(configure("http://mesh.example:6500", allow_unencrypted=True), RecordingMeter())


def test_credential_of_documents_belongs_to_one_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Schemas and stream configurations of other servers are requested without it."""
    monkeypatch.setenv("WIKISTATE_TEST_TOKEN", "secret")
    stated = {"https://a.example/path": {"token_env": "WIKISTATE_TEST_TOKEN"}}
    settings = build_http_settings(configured(stream_manager={"authentication": stated}))
    assert list(settings.credentials) == ["https://a.example"]
    assert "secret" not in repr(settings)
    for uri, sent in (
        ("https://a.example/x?y=1", {"Authorization": "Bearer secret"}),
        ("https://a.example:443/x", {"Authorization": "Bearer secret"}),
        ("http://a.example/x", {}),
        ("https://a.example:444/x", {}),
        ("https://a.example.evil.example/x", {}),
    ):
        assert DocumentReader(settings)._authorize(uri) == sent
    with pytest.raises(ConfigError, match="not an origin"):
        build_http_settings(configured(stream_manager={"authentication": {"a.example": {}}}))


async def test_secret_is_sent_to_the_server_of_its_wiki_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """This holds for requests outside the Action API, too. The session of a wiki without credentials is anonymous."""
    monkeypatch.setenv("WIKISTATE_TEST_TOKEN", "secret")
    wiki = {"api": "https://w.example/w/api.php", "credentials": {"token_env": "WIKISTATE_TEST_TOKEN"}}
    configuration, http = configured(wikis={"w.example": wiki, **MY_WIKI}), HttpClient(HttpSettings())
    session = build_wiki_session(
        configuration, "w.example", http=http, url="https://w.example/wiki/Special:EntityData/"
    )
    assert await session.headers() == {"Authorization": "Bearer secret"}
    for domain in ("my.wiki.example", "other.example"):
        assert build_wiki_session(configuration, domain, http=http, url="https://elsewhere.example/") is ANONYMOUS
    with pytest.raises(ConfigError, match=r"would go to https://elsewhere\.example"):
        build_wiki_session(configuration, "w.example", http=http, url="https://elsewhere.example/wiki/")
