"""Credentials of several wikis: each is sent to the origin that it was given for, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from tests.unit.adapters.http.http_server import Respond, serving

from wikistate.adapters.http.client import HttpClient
from wikistate.adapters.mediawiki.wikis import Wiki
from wikistate.cli.settings import CliSettings, load_configuration
from wikistate.errors import ConfigError
from wikistate.telemetry.meter import RecordingMeter
from wikistate.wiring.rdf_updater import build_entity_client
from wikistate.wiring.wikis import (
    build_allowed_wikis,
    build_http_settings,
    build_query_client,
    build_revision_client,
    build_wiki_session,
)

if TYPE_CHECKING:
    from wikistate.adapters.mediawiki.entity_data import EntityDataClient
    from wikistate.config.model import Configuration


class Headers:
    """Server that records the credentials of its requests."""

    def __init__(self, location: str = "") -> None:
        self.seen: list[str] = []
        self.location = location

    @property
    def respond(self) -> Respond:
        """Handler of all requests: an empty result, or a redirect."""

        async def respond(request: web.Request) -> web.StreamResponse:
            self.seen.append(request.headers.get("Authorization", "") + request.headers.get("Cookie", ""))
            if self.location:
                return web.Response(status=302, headers={"Location": self.location + request.path_qs})
            return web.json_response({"batchcomplete": True, "query": {"pages": []}})

        return respond


def configure(*assignments: str, job: str = "page-content-change") -> Configuration:
    """Return the configuration of a job."""
    return load_configuration(job, CliSettings(source="-", assignments=assignments)).configuration


@pytest.fixture(autouse=True)
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the token of the members' wiki."""
    monkeypatch.setenv("TOKEN", "secret")


async def test_farm_with_the_name_of_a_wiki_shares_no_credential() -> None:
    """A farm shares limits; the wikis of it at other origins are asked without a credential."""
    members, other = Headers(), Headers()
    async with serving(members.respond) as home, serving(other.respond) as elsewhere:
        configuration = configure(
            f"wikis.members.example.api={home}/w/api.php",
            "wikis.members.example.credentials.token_env=TOKEN",
            f"wikis.other.example.api={elsewhere}/w/api.php",
            "wikis.other.example.farm=members.example",
        )
        client, wikis = build_revision_client(configuration, RecordingMeter()), build_allowed_wikis(configuration)
        await client.open()
        for domain in ("members.example", "other.example"):
            wiki = wikis.lookup(domain)
            assert isinstance(wiki, Wiki)
            await client.fetch_async(wiki, 7)
        await client.close()
    assert set(members.seen) == {"Bearer secret"}
    assert set(other.seen) == {""}


async def test_queries_of_another_api_have_no_credential() -> None:
    """The credential belongs to the Action API of the settings, and not to a domain that an answer states."""
    other = Headers()
    async with serving(other.respond) as elsewhere:
        configuration = configure(
            "wikis.members.example.api=https://members.example/w/api.php",
            "wikis.members.example.credentials.token_env=TOKEN",
            f"stream_manager.source.options.url={elsewhere}/w/api.php",
        )
        client = build_query_client(configuration, f"{elsewhere}/w/api.php")
        await client.open()
        await client.query({"meta": "siteinfo"})
        await client.close()
    assert set(other.seen) == {""}


def test_session_for_another_origin_is_refused() -> None:
    """The message has both origins and the setting."""
    configuration = configure(
        "wikis.members.example.api=https://members.example/w/api.php",
        "wikis.members.example.credentials.token_env=TOKEN",
    )
    http = HttpClient(build_http_settings(configuration))
    for url in ("https://evil.example/wiki/", "http://members.example/wiki/", "https://members.example:8443/wiki/"):
        with pytest.raises(ConfigError, match=r"secret of https://members\.example would go to"):
            build_wiki_session(configuration, "members.example", http=http, url=url)


@pytest.mark.parametrize("way", ["server", "scheme", "user"])
async def test_redirect_of_entity_data_carries_no_credential(way: str) -> None:
    """Another server, another scheme and a user in the address are not followed."""
    target = Headers()
    async with serving(target.respond) as elsewhere:
        members = Headers(location=elsewhere)
        async with serving(members.respond) as home:
            if way == "scheme":
                members.location = home.replace("http:", "https:")
            if way == "user":
                members.location = home.replace("//", "//user:password@")
            client = entity_client(home)
            await client.open()
            answer = await client.request("Q1", 7)
            await client.close()
    assert target.seen == []
    assert members.seen == ["Bearer secret"]
    assert "redirecting to" in str(answer)


def entity_client(home: str) -> EntityDataClient:
    """Return the client of the entities of a private wiki."""
    configuration = configure(
        f"wikis.members.example.api={home}/w/api.php",
        "wikis.members.example.credentials.token_env=TOKEN",
        "rdf.hostname=members.example",
        f"rdf.entity_data={home}/wiki/Special:EntityData/",
        job="rdf-updater",
    )
    return build_entity_client(configuration, RecordingMeter())
