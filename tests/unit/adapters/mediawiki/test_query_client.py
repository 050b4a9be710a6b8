"""Questions to one wiki that are asked until they are answered, unless asking again does not help."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from tests.unit.adapters.http.http_server import serving

from wikistate.adapters.http.client import HttpSettings
from wikistate.adapters.mediawiki.credentials import BearerToken
from wikistate.adapters.mediawiki.query_client import QueryClient
from wikistate.errors import WikiError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

LONG = {"titles": "|".join("Ä" * 200 for _ in range(50))}


class Wiki:
    """Answers one after the other, and keeps what it was asked."""

    def __init__(self, *answers: web.Response) -> None:
        self._answers = list(answers)
        self.asked: list[Mapping[str, Any]] = []
        self.headers: list[Mapping[str, str]] = []

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """The next answer."""
        self.asked.append(await request.post())
        self.headers.append(request.headers)
        return self._answers.pop(0)

    @asynccontextmanager
    async def client(self, **options: Any) -> AsyncIterator[QueryClient]:
        """Asks this wiki."""
        async with serving(self.respond) as origin:
            client = QueryClient(f"{origin}/w/api.php", HttpSettings(), **options)
            await client.open()
            yield client
            await client.close()


def answer(**document: Any) -> web.Response:
    """A good answer."""
    return web.json_response(document)


async def test_a_question_says_who_asks_and_how_politely() -> None:
    """Posted, because fifty long titles do not fit into a URL; a read all the same."""
    wiki = Wiki(answer(query={"ok": True}))
    async with wiki.client(credential=BearerToken("t"), maxlag=3) as client:
        assert await client.query(LONG) == {"query": {"ok": True}}
    (asked,), (headers,) = wiki.asked, wiki.headers
    assert asked["titles"] == LONG["titles"]
    assert (asked["action"], asked["formatversion"], asked["maxlag"]) == ("query", "2", "3")
    assert headers["Authorization"] == "Bearer t"
    assert headers["Promise-Non-Write-API-Action"] == "true"


async def test_what_passes_by_itself_is_waited_for() -> None:
    """Lag and overload, for as long as the wiki asks."""
    lagged = web.json_response({"error": {"code": "maxlag", "info": "5 s"}}, headers={"Retry-After": "0"})
    wiki = Wiki(lagged, web.Response(status=503, headers={"Retry-After": "0"}), answer(query={}))
    async with wiki.client() as client:
        assert await client.query({}) == {"query": {}}
    assert len(wiki.asked) == 3


@pytest.mark.parametrize(
    ("response", "failure"),
    [
        (web.Response(status=404), "ClientError"),
        (web.Response(status=302, headers={"Location": "/"}), "Redirect"),
        (web.json_response({"error": {"code": "readapidenied", "info": "You may not"}}), "ApiError"),
    ],
)
async def test_what_does_not_pass_is_an_error_at_once(response: web.Response, failure: str) -> None:
    """With the kind of the failure table."""
    wiki = Wiki(response)
    async with wiki.client() as client:
        with pytest.raises(WikiError) as caught:
            await client.query({})
    assert caught.value.ids["failure"] == failure


async def test_tries_are_counted_where_they_are_bounded() -> None:
    """At the start of a job nobody waits for a wiki that is down."""
    wiki = Wiki(web.Response(status=503))
    async with wiki.client() as client:
        with pytest.raises(WikiError, match="503"):
            await client.query({}, tries=1)
