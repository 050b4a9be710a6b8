"""Discovery of the Action API from any address of a wiki."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import BaseTestServer, TestServer

from wikistate.adapters.http.client import HttpClient, HttpSettings
from wikistate.adapters.mediawiki.discovery import find_api
from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PAGE = """<html><head><link rel="stylesheet" href="/load.php">
<link rel="EditURI" type="application/rsd+xml" href="//127.0.0.1:{port}/odd/place/api.php?action=rsd&amp;x=1"></head></html>"""


async def _page(request: web.Request) -> web.Response:
    return web.Response(text=PAGE.format(port=request.url.port), content_type="text/html")


async def _to_page(_: web.Request) -> web.Response:
    raise web.HTTPFound("/wiki/Main_Page")


async def _api(_: web.Request) -> web.Response:
    return web.json_response({"query": {}})


async def _secret(_: web.Request) -> web.Response:
    return web.json_response({"error": {"code": "readapidenied", "info": "You need read permission."}})


async def _endless(_: web.Request) -> web.Response:
    raise web.HTTPFound("/endless")


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    """Yield an HTTP client."""
    client = HttpClient(HttpSettings(user_agent="tests"))
    await client.open()
    yield client
    await client.close()


@pytest.fixture
async def server() -> AsyncIterator[BaseTestServer]:
    """Yield a wiki whose API is at an unusual address, beside a private one."""
    application = web.Application()
    application.add_routes(
        [
            web.get("/", _to_page),
            web.get("/wiki/Main_Page", _page),
            web.get("/odd/place/api.php", _api),
            web.get("/members/api.php", _secret),
            web.get("/endless", _endless),
        ]
    )
    async with TestServer(application) as server:
        yield server


@pytest.mark.parametrize("path", ["/", "/wiki/Main_Page", "/odd/place/api.php", "/odd/place/api.php?format=json"])
async def test_api_is_found_by_the_links_of_pages(http: HttpClient, server: BaseTestServer, path: str) -> None:
    """It is found over the redirect from the host to the main page, and at its own address."""
    assert await find_api(http, str(server.make_url(path))) == str(server.make_url("/odd/place/api.php"))


async def test_api_that_needs_a_login_is_accepted(http: HttpClient, server: BaseTestServer) -> None:
    """The credential is another setting."""
    address = str(server.make_url("/members/api.php"))
    assert await find_api(http, address) == address


@pytest.mark.parametrize("path", ["/endless", "/nowhere", "/wiki/api.php"])
async def test_error_lists_the_addresses_that_were_tried(http: HttpClient, server: BaseTestServer, path: str) -> None:
    """Each address has its status."""
    with pytest.raises(ConfigError, match=r"api\.php \(404\)"):
        await find_api(http, str(server.make_url(path)))


@pytest.mark.parametrize("address", ["my.wiki", "ftp://my.wiki", "https://"])
async def test_invalid_address_is_rejected(http: HttpClient, address: str) -> None:
    """The hint has a valid example."""
    with pytest.raises(ConfigError, match="not the address of a wiki") as error:
        await find_api(http, address)
    assert "https://my.wiki" in error.value.hint
