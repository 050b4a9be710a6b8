"""Discovery of the Action API from any address of a wiki."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import BaseTestServer, TestServer
from tests.unit.adapters.http.http_server import serving

from wikistate.adapters.http.client import HttpClient, HttpSettings
from wikistate.adapters.http.origins import Origins, parse_origin
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


ELSEWHERE = [
    "http://169.254.169.254/latest/meta-data",
    "http://127.0.0.1:9/w/api.php",
    "http://localhost:{port}/odd/place/api.php",
    "https://127.0.0.1:{port}/odd/place/api.php",
    "http://127.1:{port}/odd/place/api.php",
    "http://2130706433:{port}/odd/place/api.php",
    "http://[::ffff:127.0.0.1]:{port}/odd/place/api.php",
    "//other.wiki/w/api.php",
    "http://127.0.0.1:{port}@other.wiki/w/api.php",
    "http://user:secret@127.0.0.1:{port}/odd/place/api.php",
    "http://other.wiki\\@127.0.0.1:{port}/odd/place/api.php",
    "ftp://127.0.0.1:{port}/odd/place/api.php",
    "file:///etc/passwd",
    "http://127.0.0.1.:{port}/odd/place/api.php",
]


@pytest.mark.parametrize("stated", ELSEWHERE)
@pytest.mark.parametrize("way", ["link", "redirect"])
async def test_wiki_does_not_send_requests_elsewhere(http: HttpClient, way: str, stated: str) -> None:
    """The link of a page and a redirect are followed on the server of the address only; the message says what to confirm."""
    requests: list[str] = []

    async def respond(request: web.Request) -> web.StreamResponse:
        requests.append(f"{request.host} {request.path}")
        place = stated.replace("{port}", str(request.url.port))
        if request.path == "/" and way == "redirect":
            return web.Response(status=302, headers={"Location": place})
        if request.path == "/":
            return web.Response(text=f'<link rel="EditURI" href="{place}?action=rsd">', content_type="text/html")
        return web.Response(status=404)

    async with serving(respond) as origin:
        with pytest.raises(ConfigError, match="No Action API was found") as error:
            await find_api(http, f"{origin}/")
        host = origin.removeprefix("http://")
        assert requests == [f"{host} /w/api.php", f"{host} /api.php", f"{host} /"]
        assert "secret" not in str(error.value)
        if parse_or_none(stated.replace("{port}", "1")):
            assert f"not the server of {origin}, which the settings name; to confirm it, add" in error.value.message


async def test_confirmed_server_is_followed(server: BaseTestServer) -> None:
    """The setting `allowed_origins` confirms it, for a link and for a redirect."""
    target = str(server.make_url("/odd/place/api.php"))

    async def respond(request: web.Request) -> web.StreamResponse:
        if request.path == "/moved":
            return web.Response(status=302, headers={"Location": str(server.make_url("/"))})
        if request.path == "/linked":
            return web.Response(text=f'<link rel="EditURI" href="{target}">', content_type="text/html")
        return web.Response(status=404)

    async with serving(respond) as origin:
        origins = Origins(named=frozenset({origin}), confirmed=frozenset({str(server.make_url("/"))}))
        client = HttpClient(HttpSettings(user_agent="tests", origins=origins))
        await client.open()
        assert [await find_api(client, f"{origin}{path}") for path in ("/moved", "/linked")] == [target, target]
        await client.close()


def parse_or_none(url: str) -> str | None:
    """Return the origin of a URL, or None if it has none."""
    try:
        return parse_origin(f"http:{url}" if url.startswith("//") else url)
    except ValueError:
        return None
