"""Hostile continuations of the Action API: parameters that would change the query. No client sends them back."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web
from tests.unit.adapters.http.http_server import serving

from wikistate.adapters.http.client import HttpClient, HttpSettings
from wikistate.adapters.mediawiki.query_client import QueryClient
from wikistate.adapters.mediawiki.revisions import RevisionClient
from wikistate.adapters.mediawiki.wikis import Wiki
from wikistate.core.enrichment.retry import Fail, RetryPolicy
from wikistate.errors import WikiError
from wikistate.telemetry.meter import RecordingMeter

ODD: list[Any] = [{"action": "login"}, {"titles": "Main", "continue": "-||"}, {"rvcontinue": {"a": 1}}, [], "x"]


class HostileWiki:
    """Action API that continues each answer, and records its requests."""

    def __init__(self, found: object) -> None:
        self.requests: list[dict[str, Any]] = []
        self._found = found

    async def respond(self, request: web.Request) -> web.StreamResponse:
        """Return a page without its revisions, and the field."""
        self.requests.append({**request.query, **await request.post()})
        return web.json_response({"continue": self._found, "query": {"pages": []}})


@pytest.mark.parametrize("found", ODD)
async def test_query_ends_with_the_parameter(found: object) -> None:
    """Sources and tools report the parameter, and send one request."""
    wiki = HostileWiki(found)
    async with serving(wiki.respond) as origin:
        client = QueryClient(f"{origin}/api.php", HttpSettings())
        await client.open()
        with pytest.raises(WikiError, match="its field continue"):
            await client.query({"list": "recentchanges"}, tries=1)
        await client.close()
    assert [each["action"] for each in wiki.requests] == ["query"]


@pytest.mark.parametrize("found", [*ODD[:2], {"format": "xml"}, {"rvprop": "ids"}])
async def test_content_fails_with_the_parameter(found: object) -> None:
    """Each request asks for the revision, and none has the parameter of the wiki."""
    wiki = HostileWiki(found)
    async with serving(wiki.respond) as origin:
        policy = RetryPolicy(max_attempts=2, base_delay=0.001)
        client = RevisionClient(HttpClient(HttpSettings()), RecordingMeter(), policy=policy)
        await client.open()
        answer = await client.fetch_async(Wiki("w.example", f"{origin}/api.php", None, "farm"), 7)
        await client.close()
    assert isinstance(answer, Fail)
    assert "its field continue" in answer.message
    assert {each["action"] for each in wiki.requests} == {"query"}
    assert not any("titles" in each for each in wiki.requests)
