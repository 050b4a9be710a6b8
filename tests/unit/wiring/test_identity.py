"""Identity of wikis: from the settings, never from the answer of another wiki."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from tests.unit.adapters.http.http_server import serving

from wikistate.adapters.connectors.recent_changes.wiki import RecentChangesWiki
from wikistate.cli.settings import CliSettings, load_configuration
from wikistate.errors import ConfigError, SourceError, WikiError
from wikistate.testing.wikibase import FakeWikibase, Repository, make_wikibase_wiki
from wikistate.wiring.feeds import ConfiguredSource, allow_source_wiki
from wikistate.wiring.identity import Identity, check_concept_base_owner, resolve_identity
from wikistate.wiring.wikibase import discover_wikibase

if TYPE_CHECKING:
    from wikistate.config.model import Configuration

API = "https://followed.wiki/w/api.php"
MEMBERS = "https://members.example/w/api.php"


def configure(
    *assignments: str, source: str = f"recentchanges:{API}", job: str = "page-content-change"
) -> Configuration:
    """Return the configuration of a job that follows a wiki beside a configured one."""
    settings = (f"wikis.members.example.api={MEMBERS}", "wikis.members.example.wiki_id=memberswiki", *assignments)
    return load_configuration(job, CliSettings(source=source, assignments=settings)).configuration


@pytest.mark.parametrize("stated", ["followed.wiki", "www.followed.wiki", "localhost", "127.0.0.1", "[::1]"])
def test_wiki_without_settings_has_the_domain_that_it_states(stated: str) -> None:
    """One small wiki needs no settings."""
    assert resolve_identity(configure(), API, stated=Identity(stated, "w")) == Identity(stated, "w")


@pytest.mark.parametrize(
    "stated",
    [
        "members.example",
        "MEMBERS.example",
        "members.example.",
        "\uff4dembers.example",
        "www.wikidata.org",
        "de.Wikipedia.org.",
    ],
)
def test_domain_of_another_wiki_is_refused(stated: str) -> None:
    """The message has what was named, what the wiki says, and which setting confirms it."""
    with pytest.raises(ConfigError, match=r"calls itself .*the domain of another wiki") as error:
        resolve_identity(configure(), API, stated=Identity(stated, "w"))
    assert API in error.value.message
    assert stated in error.value.message
    assert f".api to {API}" in error.value.hint


@pytest.mark.parametrize(
    "stated", ["", "a b", "a/b", "a@b", "a?b", "a#b", "a\n", "\x1b[31m", "x" * 300, "canary", "a\\b"]
)
def test_domain_is_the_name_of_a_server(stated: str) -> None:
    """Other texts would reach file names, events and logs."""
    with pytest.raises(WikiError, match="not the name of a server"):
        resolve_identity(configure(), API, stated=Identity(stated, "w"))


def test_settings_confirm_a_domain() -> None:
    """A wiki that is listed has the domain of the settings, whatever it states."""
    listed = configure(f"wikis.my.wiki.api={API}", "wikis.my.wiki.wiki_id=mywiki")
    assert resolve_identity(listed, API, stated=Identity("members.example", "memberswiki")) == Identity(
        "my.wiki", "mywiki"
    )
    confirmed = configure(f"wikis.members.example.api={API}")
    assert (
        resolve_identity(confirmed, API, stated=Identity("members.example", "memberswiki")).domain == "members.example"
    )
    public = configure(f"wikis.www.wikidata.org.api={API}")
    assert resolve_identity(public, API, stated=Identity("www.wikidata.org", "w")).domain == "www.wikidata.org"
    assert resolve_identity(configure("rdf.hostname=my.wiki"), API, stated=Identity("x", "w")).domain == "my.wiki"


def test_wiki_in_the_address_is_accepted() -> None:
    """A public wiki may be asked at another path than the default."""
    api = "https://www.wikidata.org/other/api.php"
    assert resolve_identity(configure(), api, stated=Identity("www.wikidata.org", "w")).domain == "www.wikidata.org"


def test_copy_of_a_public_wiki_may_fill_a_store() -> None:
    """rdf-sync reads one wiki, so that only the wikis of the settings count."""
    stated = Identity("www.wikidata.org", "w")
    assert resolve_identity(configure(), API, stated=stated, reads_one_wiki=True) == stated
    with pytest.raises(ConfigError, match="calls itself"):
        resolve_identity(configure(), API, stated=Identity("members.example", "w"), reads_one_wiki=True)


def test_database_of_another_wiki_is_refused() -> None:
    """Consumers distinguish wikis by it, and Kafka messages have it as key."""
    with pytest.raises(ConfigError, match="states the database name 'memberswiki'"):
        resolve_identity(configure(), API, stated=Identity("followed.wiki", "memberswiki"))
    with pytest.raises(ConfigError, match="states the database name 'memberswiki'"):
        resolve_identity(configure(f"wikis.my.wiki.api={API}"), API, stated=Identity("followed.wiki", "memberswiki"))


@pytest.mark.parametrize(
    "base", ["http://members.example", "https://MEMBERS.example/base", "http://members.example:81"]
)
def test_concept_base_of_another_wiki_is_refused(base: str) -> None:
    """Its entities would be written in place of those of the other wiki; a setting confirms it."""
    with pytest.raises(ConfigError, match="domain of another wiki of the settings") as error:
        check_concept_base_owner(configure(), API, base)
    assert f"set rdf.concept_base to {base}" in error.value.hint
    check_concept_base_owner(configure(f"rdf.concept_base={base}"), API, base)
    check_concept_base_owner(configure(), MEMBERS, base)
    check_concept_base_owner(configure(), API, "http://wb.example")


def test_events_are_not_read_for_a_domain_that_they_do_not_have() -> None:
    """Otherwise all of them would be filtered."""
    configuration = configure(f"wikis.internal.api={API}", source="file:events.ndjson", job="rdf-sync")
    with pytest.raises(ConfigError, match=r"listed as internal and calls itself 'my\.wiki'") as error:
        resolve_identity(configuration, API, stated=Identity("my.wiki", "w"))
    assert "rdf.hostname" in error.value.hint


async def test_followed_wiki_does_not_take_the_place_of_another() -> None:
    """Its changes are not published under the domain of the configured wiki, and the API of that wiki stays."""

    async def respond(_: web.Request) -> web.Response:
        return web.json_response({"query": {"general": {"servername": "members.example"}}})

    async with serving(respond) as origin:
        configuration = configure(source=f"recentchanges:{origin}/w/api.php")
        with pytest.raises(ConfigError, match=r"calls itself members\.example"):
            await asyncio.to_thread(allow_source_wiki, configuration)


async def test_recent_changes_have_the_database_of_the_settings() -> None:
    """The siteinfo of each start is read with the names of the settings, and another wiki's name is an error."""
    general = {"wikiid": "memberswiki", "servername": "members.example", "server": "//x.example", "articlepath": "/$1"}
    listed = configure(f"wikis.my.wiki.api={API}", "wikis.my.wiki.wiki_id=mywiki")
    named, unnamed = ConfiguredSource(listed, []).find_wiki(API), ConfiguredSource(configure(), []).find_wiki(API)
    facts, _ = await RecentChangesWiki(Answers(general), API).open(
        named.domain, wiki_id=named.wiki_id, other_wiki_ids=named.other_wiki_ids
    )
    assert (facts.domain, facts.wiki_id) == ("my.wiki", "mywiki")
    with pytest.raises(SourceError, match="states the database name 'memberswiki'"):
        await RecentChangesWiki(Answers(general), API).open(
            "", wiki_id=unnamed.wiki_id, other_wiki_ids=unnamed.other_wiki_ids
        )


class Answers:
    """Action API with one siteinfo."""

    def __init__(self, general: dict[str, Any]) -> None:
        self._general = general

    async def open(self) -> None:
        """Do nothing."""

    async def query(self, parameters: object, *, tries: int | None = None) -> dict[str, Any]:
        """Return the siteinfo."""
        del parameters, tries
        return {"query": {"general": self._general, "namespaces": {}}, "curtimestamp": "2026-01-01T00:00:00Z"}

    async def close(self) -> None:
        """Do nothing."""


async def test_wikibase_that_calls_itself_another_gets_none_of_its_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the server nor the domain that it states is used, so that the token of the other wiki stays at home."""
    monkeypatch.setenv("TOKEN", "secret")
    seen: list[str] = []

    async def respond(request: web.Request) -> web.Response:
        seen.append(f"{request.path} {request.headers.get('Authorization', '')}")
        return web.json_response({})

    async with serving(respond) as members, FakeWikibase(Repository(make_wikibase_wiki("members.example"))) as wikibase:
        settings = (
            f"wikis.members.example.api={members}/w/api.php",
            "wikis.members.example.credentials.token_env=TOKEN",
            "store.location=store",
        )
        flags = CliSettings(assignments=(*settings, f"rdf.wikibase={wikibase.url}"))
        configuration = load_configuration("rdf-sync", flags).configuration
        with pytest.raises(ConfigError, match=r"calls itself members\.example"):
            await discover_wikibase(configuration)
        confirmed = load_configuration(
            "rdf-sync",
            CliSettings(
                assignments=(*settings, f"rdf.wikibase={wikibase.url}", f"wikis.my.wiki.api={wikibase.url}/w/api.php")
            ),
        ).configuration
        found = await discover_wikibase(confirmed)
    assert found.site.domain == found.configuration.rdf.hostname == "my.wiki"
    assert found.site.entity_data.startswith(wikibase.url)
    assert seen == []
