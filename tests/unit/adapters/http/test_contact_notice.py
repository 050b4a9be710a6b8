"""Notice of a missing contact: at the first request to a server that requires one, and in no other run."""

from __future__ import annotations

import structlog
from aiohttp import web
from tests.unit.adapters.http.http_server import serving

from wikistate.adapters.http.client import HttpClient, HttpSettings
from wikistate.adapters.http.contact_notice import ContactNotice
from wikistate.adapters.mediawiki.wikis import is_wikimedia
from wikistate.cli.settings import CliSettings, load_configuration
from wikistate.wiring.wikis import CONTACT_NOTICE, build_http_settings


async def count_notices(notice: ContactNotice, *, requests: int) -> int:
    """Return the number of notices after some requests to a server on this machine."""

    async def respond(_request: web.Request) -> web.Response:
        return web.Response(text="{}")

    with structlog.testing.capture_logs() as lines:
        async with serving(respond) as origin:
            client = HttpClient(HttpSettings(contact_notice=notice))
            await client.open()
            for _ in range(requests):
                await client.request(client.endpoint(f"{origin}/w/api.php"), "", headers={}, limit=100)
            await client.close()
    return [line["event"] for line in lines].count("contact_missing")


async def test_notice_comes_once_at_the_first_request() -> None:
    """To open a client sends nothing, and a second request does not repeat the line."""
    notice = ContactNotice(lambda host: host == "127.0.0.1")
    assert await count_notices(notice, requests=0) == 0
    assert await count_notices(notice, requests=3) == 1
    assert await count_notices(notice, requests=1) == 0


async def test_other_servers_get_no_notice() -> None:
    """A run that asks no wiki of Wikimedia has no line about it."""
    assert await count_notices(ContactNotice(is_wikimedia), requests=2) == 0


def test_settings_with_a_contact_have_no_notice() -> None:
    """The user agent names the contact."""

    def settings(*assignments: str) -> HttpSettings:
        flags = CliSettings(assignments=assignments)
        return build_http_settings(load_configuration("page-content-change", flags).configuration)

    assert settings().contact_notice is CONTACT_NOTICE
    assert settings("enrich.contact=me@wiki.example").contact_notice is None
