"""Queries to one wiki that are retried until they succeed, unless a retry is useless."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from tests.unit.adapters.http.http_server import serving

from wikistate.adapters.http.client import HttpSettings
from wikistate.adapters.http.outages import OUTAGES
from wikistate.adapters.mediawiki import query_client
from wikistate.adapters.mediawiki.credentials import BearerToken
from wikistate.adapters.mediawiki.query_client import QueryClient
from wikistate.core.enrichment.retry import RetryPolicy
from wikistate.errors import WikiError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

LONG = {"titles": "|".join("Ä" * 200 for _ in range(50))}


class Wiki:
    """Wiki with scripted responses, which records its requests."""

    def __init__(self, *answers: web.Response) -> None:
        self._answers = list(answers)
        self.asked: list[Mapping[str, Any]] = []
        self.headers: list[Mapping[str, str]] = []

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """Return the next response."""
        self.asked.append(await request.post())
        self.headers.append(request.headers)
        return self._answers.pop(0)

    @asynccontextmanager
    async def client(self, **options: Any) -> AsyncIterator[QueryClient]:
        """Yield a client of this wiki."""
        async with serving(self.respond) as origin:
            client = QueryClient(f"{origin}/w/api.php", HttpSettings(), **options)
            await client.open()
            yield client
            await client.close()


def answer(**document: Any) -> web.Response:
    """Return a good response."""
    return web.json_response(document)


async def test_query_has_credential_and_maxlag() -> None:
    """The query is posted because fifty long titles do not fit into a URL; a header marks it as a read."""
    wiki = Wiki(answer(query={"ok": True}))
    async with wiki.client(credential=BearerToken("t"), maxlag=3) as client:
        assert await client.query(LONG) == {"query": {"ok": True}}
    (asked,), (headers,) = wiki.asked, wiki.headers
    assert asked["titles"] == LONG["titles"]
    assert (asked["action"], asked["formatversion"], asked["maxlag"]) == ("query", "2", "3")
    assert headers["Authorization"] == "Bearer t"
    assert headers["Promise-Non-Write-API-Action"] == "true"


async def test_temporary_failure_is_waited_for() -> None:
    """Lag and overload last as long as the wiki's header says."""
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
async def test_final_failure_is_an_error_at_once(response: web.Response, failure: str) -> None:
    """The error has the kind of the failure table."""
    wiki = Wiki(response)
    async with wiki.client() as client:
        with pytest.raises(WikiError) as caught:
            await client.query({})
    assert caught.value.ids["failure"] == failure


async def test_attempts_are_counted_if_they_are_bounded() -> None:
    """At the start of a job a wiki that is down is not waited for."""
    wiki = Wiki(web.Response(status=503))
    async with wiki.client() as client:
        with pytest.raises(WikiError, match="503"):
            await client.query({}, tries=1)


@pytest.mark.parametrize(
    "odd",
    [
        web.Response(status=404),
        web.Response(status=403),
        web.Response(status=302, headers={"Location": "/login"}),
        web.Response(text="<!DOCTYPE html>", content_type="text/html"),
        web.Response(),
        web.json_response({"error": {"code": "readapidenied", "info": "You may not"}}),
    ],
    ids=["404", "403", "login page", "page", "empty", "private"],
)
async def test_odd_answer_is_waited_out_once_the_wiki_has_answered_well(
    odd: web.Response, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy may answer instead of the wiki for a while; the outage is known meanwhile."""
    monkeypatch.setattr(query_client, "_RETRY_POLICY", RetryPolicy(base_delay=0.001, max_delay=0.001))
    wiki = Wiki(answer(query={}), odd, answer(query={"late": True}))
    async with wiki.client() as client:
        await client.query({}, tries=1)
        assert await client.query({}) == {"query": {"late": True}}
    assert OUTAGES.counts()["wiki"] == 0


async def test_outage_ends_after_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error is the last answer."""
    monkeypatch.setattr(query_client, "_RETRY_POLICY", RetryPolicy(base_delay=0.05, max_delay=0.05))
    wiki = Wiki(answer(query={}), *(web.Response(status=404) for _ in range(50)))
    async with wiki.client(outage_limit=0.01) as client:
        await client.query({}, tries=1)
        with pytest.raises(WikiError, match="404"):
            await client.query({})
