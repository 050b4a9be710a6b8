"""A hostile wiki, stream, schema repository and store at one address, with one of the behaviours in `hostile_answers`."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Self
from urllib.parse import unquote_plus

import aiohttp
from aiohttp import web
from tests.support.hostile_answers import Answer, Visit

from wikistate.core.events.bundled import SCHEMAS, read_bundled

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.support.hostile_answers import Behaviour, Targets

_PASSED_HEADERS = ("Accept", "Authorization", "Content-Type", "Cookie")
_RETURNED_HEADERS = ("Content-Type", "Location", "Set-Cookie")
_PAUSE = 0.02
"""Seconds between two parts of a stream that never ends: a client on the same machine must have its turn."""


class HostileServer:
    """Server in front of an honest wiki and an honest store. An asynchronous context manager.

    Args:
        wiki: Origin of the honest wiki.
        store: Origin of the honest store.
        streams: The messages of each stream by its name.
        behaviour: Function from the honest answer to its answer.

    Attributes:
        targets: The other servers; set before the first request.
        requests: Number of requests.
        answering: Number of requests that are not answered yet, except of streams.
    """

    targets: Targets

    def __init__(self, wiki: str, store: str, streams: dict[str, Sequence[bytes]], behaviour: Behaviour) -> None:
        self.requests = self.answering = 0
        self._wiki = wiki
        self._store = store
        self._streams = streams
        self._behaviour = behaviour
        self._runner = web.ServerRunner(web.Server(self._serve, access_log=None), shutdown_timeout=0.1)

    @property
    def origin(self) -> str:
        """Origin of its HTTP URLs."""
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()
        await self._session.close()

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        self.answering += 1
        try:
            answer = await self._decide(request)
        finally:
            self.answering -= 1
        headers = {name: value for name, value in answer.headers.items() if value.isprintable()}
        if not answer.repeats and answer.headers.get("Content-Type") != "text/event-stream":
            return web.Response(status=answer.status, body=answer.body, headers=headers)
        response = web.StreamResponse(status=answer.status, headers=headers)
        with suppress(ConnectionError):
            await response.prepare(request)
            await response.write(answer.body)
            while request.transport is not None and not request.transport.is_closing():
                await asyncio.sleep(_PAUSE)
                if answer.repeats:
                    await response.write(answer.body)
        return response

    async def _decide(self, request: web.BaseRequest) -> Answer:
        body = await request.read()
        query = unquote_plus(f"{request.query_string}&{body.decode(errors='replace')}")
        number, self.requests = self.requests, self.requests + 1
        honest = await self._answer_honestly(request, body)
        return self._behaviour(Visit(number, request.path, query, honest, self.targets))

    async def _answer_honestly(self, request: web.BaseRequest, body: bytes) -> Answer:
        if request.path.startswith("/v2/stream/"):
            return self._answer_stream(request.path.rpartition("/")[2])
        if request.path.startswith("/schemas/"):
            document = read_bundled(SCHEMAS + request.path.removeprefix("/schemas"))
            return Answer(404 if document is None else 200, document or b"", {"Content-Type": "text/yaml"})
        origin = self._store if request.path in ("/update", "/query") else self._wiki
        headers = {name: request.headers[name] for name in _PASSED_HEADERS if name in request.headers}
        async with self._session.request(
            request.method,
            f"{origin}{request.path_qs}",
            data=body or None,
            headers=headers | {"Accept-Encoding": "identity"},
            allow_redirects=False,
        ) as answer:
            returned = {
                name: answer.headers[name].replace(self._wiki, self.targets.own)
                for name in _RETURNED_HEADERS
                if name in answer.headers
            }
            content = (await answer.read()).replace(self._wiki.encode(), self.targets.own.encode())
            return Answer(answer.status, content, returned)

    def _answer_stream(self, name: str) -> Answer:
        ids = (f'[{{"topic":"eqiad.{name}","partition":0,"offset":{number}}}]' for number in range(1 << 30))
        lines = [
            b"event: message\nid: " + given.encode() + b"\ndata: " + message + b"\n\n"
            for given, message in zip(ids, self._streams.get(name, ()), strict=False)
        ]
        return Answer(200, b":ok\n\n" + b"".join(lines), {"Content-Type": "text/event-stream"})
