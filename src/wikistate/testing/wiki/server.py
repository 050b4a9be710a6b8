"""The small wiki itself: an HTTP server that speaks the Action API and can be told to go wrong."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl

import orjson
from aiohttp import web

from wikistate.errors import InputError
from wikistate.testing.faults import Faults, Lagged, Rule, decode_rules, encode_rules
from wikistate.testing.wiki import replies
from wikistate.testing.wiki.api import STREAMS, ActionApi
from wikistate.testing.wiki.breakage import go_wrong
from wikistate.testing.wiki.pieces import gzipped, plain
from wikistate.testing.wiki.tally import Tally

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from wikistate.testing.pages import Wiki
    from wikistate.testing.wiki.query import Limits
    from wikistate.testing.wiki.replies import Reply
    from wikistate.testing.wiki.worlds import World

LOCAL = frozenset({"127.0.0.1", "localhost", "::1"})
"""Host names that name no wiki: the first wiki of the world answers."""


class FakeWiki:
    """Wikis on one local address, told apart by the Host header.

    ::

        async with FakeWiki(world) as wiki:
            wiki.set_faults([Rule(Status(503), times=2)])
            ...
            assert wiki.tally.asks(1234) == 3

    Beside ``/w/api.php`` and ``/w/index.php`` there is a control path for when the wiki runs in another process:
    ``GET`` and ``DELETE /_control/stats``, ``GET`` and ``POST /_control/faults``.

    Args:
        world: What the wikis know.
        port: The port; 0 takes a free one.
        limits: What the wikis allow.
        streams: The stream configuration that they hand out.
        each_revision: Whether `tally` counts each revision apart, which takes memory for each.
        api: What answers ``/w/api.php``, where the wiki has more to it; then limits and streams are its own.

    Attributes:
        url: Its address, without a slash at the end; empty until it runs.
        tally: What it was asked.
        lag: Seconds that its replicas lag behind; requests with a smaller ``maxlag`` are refused.
        token: The bearer token of those who may read it; empty for everybody.
    """

    def __init__(
        self,
        world: World,
        *,
        port: int = 0,
        limits: Limits | None = None,
        streams: Mapping[str, Any] = STREAMS,
        each_revision: bool = True,
        api: ActionApi | None = None,
    ) -> None:
        self.world = world
        self.tally = Tally(each_revision=each_revision)
        self.lag = 0.0
        self.url = ""
        self.token = ""
        self._api = api or ActionApi(world, limits=limits, streams=streams)
        self._faults = Faults()
        self._turns: list[asyncio.Future[None]] = []
        self._port = port
        self._first = next(iter(world.wikis.values()))

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        server = web.Server(self._serve, handler_cancellation=True, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    def set_faults(self, rules: Iterable[Rule]) -> None:
        """Put these rules in the place of all before; an empty list ends all trouble."""
        self._faults.set(rules, now=self._loop.time())

    async def in_flight(self, number: int) -> None:
        """Return when exactly so many requests are being answered: what a test waits for instead of sleeping.

        Meant for requests that stay (`Hang`, `Delay`) or for none; a moment between two others may be missed.
        """
        while self.tally.concurrent != number:
            turn = self._loop.create_future()
            self._turns.append(turn)
            await turn

    def _tell(self) -> None:
        """Let those look again who wait for `in_flight`."""
        turns, self._turns = self._turns, []
        for turn in turns:
            if not turn.done():
                turn.set_result(None)

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path.startswith("/_control/"):
            return await self._control(request)
        self.tally.begin(host=request.host, user_agent=request.headers.get("User-Agent", ""))
        self._tell()
        try:
            return await self._answer(request)
        finally:
            self.tally.end()
            self._tell()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method not in {"GET", "POST"}:
            return await self._send(request, replies.page("Method not allowed", status=405))
        wiki = self._wiki(request.host)
        if wiki is None:
            return await self._send(request, replies.page("Domain not configured", status=404))
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return await self._send(request, replies.members_only(wiki.domain, request.path))
        params = await _parameters(request)
        asked = _revisions(params)
        self.tally.ask(wiki.wiki_id, asked)
        verdict = self._faults.judge(
            wiki={wiki.wiki_id, wiki.domain}, revisions=asked, now=self._loop.time(), path=request.path
        )
        lag = verdict.action.seconds if isinstance(verdict.action, Lagged) else self.lag
        reply = self._reply(request.path, wiki, params, hidden=verdict.hidden, lag=lag)
        if verdict.action is None:
            return await self._send(request, reply)
        return await go_wrong(verdict.action, request, reply, lambda changed: self._send(request, changed))

    def _wiki(self, host: str) -> Wiki | None:
        name = host.rpartition(":")[0] if host[-1:].isdigit() and ":" in host else host
        return self._first if name in LOCAL else self.world.wikis.get(name)

    def _reply(self, path: str, wiki: Wiki, params: Mapping[str, str], *, hidden: frozenset[int], lag: float) -> Reply:
        match path:
            case "/w/api.php":
                return self._api.api(wiki, params, hidden=hidden, lag=lag)
            case "/w/index.php":
                return self._api.raw(wiki, params)
            case _:
                return replies.page("<!DOCTYPE html><title>Not found</title>", status=404)

    async def _send(self, request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
        """Gzipped if the client takes that, as Wikimedia's front end does."""
        self.tally.answers[reply.status] += 1
        headers = {"Content-Type": reply.content_type, "Vary": "Accept-Encoding", **reply.headers}
        if "gzip" in request.headers.get("Accept-Encoding", "") and reply.pieces:
            return web.Response(
                body=gzipped(reply.pieces), status=reply.status, headers={**headers, "Content-Encoding": "gzip"}
            )
        return web.Response(body=plain(reply.pieces), status=reply.status, headers=headers)

    async def _control(self, request: web.BaseRequest) -> web.StreamResponse:
        match request.method, request.path.removeprefix("/_control/"):
            case "GET", "stats":
                return _json(orjson.dumps(self.tally.report()))
            case "DELETE", "stats":
                self.tally.clear()
                return web.Response(status=204)
            case "GET", "faults":
                return _json(encode_rules(self._faults.rules))
            case "POST", "faults":
                return self._receive_faults(await request.read())
            case _:
                return web.Response(status=404, text="There are stats and faults here.\n")

    def _receive_faults(self, document: bytes) -> web.StreamResponse:
        try:
            self.set_faults(decode_rules(document))
        except InputError as error:
            return web.Response(status=400, text=f"{error}\n")
        return web.Response(status=204)


async def _parameters(request: web.BaseRequest) -> dict[str, str]:
    """Query and form; a parameter of both is taken from the form, as MediaWiki does."""
    params = dict(parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True))
    if request.method == "POST":
        form = await request.post()
        params |= {name: value for name, value in form.items() if isinstance(value, str)}
    return params


def _revisions(params: Mapping[str, str]) -> set[int]:
    text = params.get("revids") or params.get("oldid") or params.get("revision") or ""
    return {int(value) for value in text.split("|") if value.isdecimal()}


def _json(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")
