"""What the settings say of sources that arrive by themselves, and what is said when they are wrong."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from tests.unit.adapters.http.http_server import serving

from wikistate.cli.settings import CliSettings, load_configuration
from wikistate.core.events.stream_config import StreamConfig
from wikistate.errors import ConfigError
from wikistate.wiring.endpoints import EventStreamsEndpoint, RecentChangesEndpoint, resolve_endpoints
from wikistate.wiring.feeds import ConfiguredWiki, allow_source_wiki, resolve_state_file

if TYPE_CHECKING:
    from wikistate.config.model import Configuration

API = "https://my.wiki/w/api.php"


def configured(source: str, *assignments: str, state: str = "") -> Configuration:
    """The configuration of the main job with this source."""
    flags = CliSettings(source=source, assignments=assignments, state=state)
    return load_configuration("page-content-change", flags).configuration


def resolve_event_streams(configuration: Configuration, stream: str) -> EventStreamsEndpoint:
    """Return the endpoint of a source of the connector `eventstreams`."""
    config = StreamConfig(stream=stream, schema_title="", topics=(), topic_prefixes=(), message_key_fields={})
    endpoint = resolve_endpoints(configuration, sources=[config], sink="", error="").source
    assert isinstance(endpoint, EventStreamsEndpoint)
    return endpoint


def resolve_recent_changes(configuration: Configuration) -> tuple[RecentChangesEndpoint, ConfiguredWiki]:
    """Return the endpoint of a source of the connector `recentchanges`, and its access to the wiki."""
    endpoint = resolve_endpoints(configuration, sources=[], sink="", error="").source
    assert isinstance(endpoint, RecentChangesEndpoint)
    assert isinstance(endpoint.wiki, ConfiguredWiki)
    return endpoint, endpoint.wiki


def test_a_stream_is_wikimedias_unless_said_otherwise() -> None:
    """The source's own stream, from the public service; a base need not end in a slash."""
    public = resolve_event_streams(configured("", "stream_manager.source.connector=eventstreams"), "the.stream")
    assert (public.base, public.streams) == ("https://stream.wikimedia.org/v2/stream/", ("the.stream",))
    own = resolve_event_streams(configured("eventstreams:a,b?base=http://localhost/s&since=2026-01-31T12:00:00Z"), "x")
    assert (own.base, own.streams) == ("http://localhost/s/", ("a", "b"))
    assert own.since == "2026-01-31T12:00:00.000+00:00"


def test_the_position_is_kept_where_such_things_belong(monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder that was named, or that of the XDG specification, by the job's name."""
    assert resolve_state_file(configured("-", state="here")) == Path("here/positions.sqlite")
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert resolve_state_file(configured("-")) == Path("/state/wikistate/page-content-change/positions.sqlite")
    named = configured("-", "stream_manager.job_name=../a b")
    assert resolve_state_file(named) == Path("/state/wikistate/..%2Fa b/positions.sqlite")
    monkeypatch.delenv("XDG_STATE_HOME")
    monkeypatch.setenv("HOME", "/home/me")
    assert resolve_state_file(configured("-")).is_relative_to("/home/me/.local/state/wikistate")


def test_a_listed_wiki_lends_its_domain_and_its_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is not asked who it is: it may be one that answers nobody without a login."""
    monkeypatch.setenv("TOKEN", "secret")
    configuration = configured(
        f"recentchanges:{API}", f"wikis.my.wiki.api={API}", "wikis.my.wiki.credentials.token_env=TOKEN"
    )
    assert allow_source_wiki(configuration) is configuration
    endpoint, wiki = resolve_recent_changes(configuration)
    assert wiki.domain == "my.wiki"
    assert wiki.credential is not None
    assert "secret" not in repr(endpoint)
    assert "secret" not in repr(wiki)


def test_another_source_follows_no_wiki() -> None:
    """Nothing is asked, nothing is added."""
    configuration = configured("file:changes.ndjson")
    assert allow_source_wiki(configuration) is configuration


@pytest.mark.parametrize("url", ["my.wiki", "ftp://my.wiki/w/api.php"])
def test_a_url_that_is_none_is_named_with_its_key(url: str) -> None:
    """As it may stand in a file."""
    settings = ("stream_manager.source.connector=recentchanges", f"stream_manager.source.options.url={url}")
    with pytest.raises(ConfigError, match=r"stream_manager\.source\.options\.url is"):
        resolve_recent_changes(configured("", *settings))


async def test_a_wiki_is_asked_for_its_domain_and_then_allowed() -> None:
    """By its canonical name, which need not be the host that it is reached at."""

    async def respond(request: web.Request) -> web.Response:
        assert request.query["meta"] == "siteinfo"
        return web.json_response({"query": {"general": {"servername": "canonical.example"}}})

    async with serving(respond) as origin:
        configuration = configured(f"recentchanges:{origin}/w/api.php")
        followed = await asyncio.to_thread(allow_source_wiki, configuration)
    assert {domain: wiki.api for domain, wiki in followed.wikis.items()} == {"canonical.example": f"{origin}/w/api.php"}
    assert resolve_recent_changes(followed)[1].domain == "canonical.example"


@pytest.mark.parametrize("body", ["<html>", '{"error": {"code": "readapidenied"}}', '{"query": {"general": {}}}'])
async def test_what_is_no_public_wiki_says_what_to_do(body: str) -> None:
    """A page, a private wiki, something else: shows what came."""

    async def respond(_: web.Request) -> web.Response:
        return web.Response(text=body)

    async with serving(respond) as origin:
        configuration = configured(f"recentchanges:{origin}/index.php")
        with pytest.raises(ConfigError, match="credentials") as caught:
            await asyncio.to_thread(allow_source_wiki, configuration)
    assert body[:10] in caught.value.message


def test_they_are_no_sinks() -> None:
    """The message says what a sink is."""
    for url in ("eventstreams:a", f"recentchanges:{API}"):
        with pytest.raises(ConfigError, match=r"--sink: \w+ is a source"):
            load_configuration("page-content-change", CliSettings(source="-", sink=url))
