"""The fake wiki: an HTTP server with the Action API and configurable faults."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qsl

import orjson
from aiohttp import web

from wikistate.errors import InputError
from wikistate.testing.faults import FaultRules, ReplicaLag, Rule, decode_rules, encode_rules
from wikistate.testing.wiki import responses
from wikistate.testing.wiki.api import STREAMS, ActionApi
from wikistate.testing.wiki.cached_bodies import join_gzipped, join_plain
from wikistate.testing.wiki.fault_injection import apply_fault
from wikistate.testing.wiki.request_log import RequestLog
from wikistate.testing.wiki.special_pages import ENTITY_DATA, find_redirect, find_special_page, find_title, script_url

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from types import TracebackType

    from wikistate.demo.pages import Wiki
    from wikistate.testing.wiki.accounts import Accounts
    from wikistate.testing.wiki.datasets import Dataset
    from wikistate.testing.wiki.query import Limits
    from wikistate.testing.wiki.responses import WikiResponse
    from wikistate.testing.wiki.special_pages import SpecialPage

LOCAL_HOSTS = frozenset({"127.0.0.1", "localhost", "::1"})
"""Host names without a wiki: the first wiki of the dataset is the default."""


class FakeWiki:
    """Fake wikis on one local address; the Host header selects the wiki.

    ::

        async with FakeWiki(dataset) as wiki:
            wiki.set_faults([Rule(HttpStatus(503), times=2)])
            ...
            assert wiki.request_log.count_requests(1234) == 3

    Beside ``/w/api.php``, ``/w/index.php`` and special pages there are control paths for a wiki in another process:
    ``GET`` and ``DELETE /_control/stats``, ``GET`` and ``POST /_control/faults``.

    Args:
        dataset: Data of the wikis.
        port: The port; 0 takes a free one.
        limits: Limits of the wikis.
        streams: Stream configuration that the wikis return.
        count_each_revision: Whether `request_log` counts each revision separately, which takes memory for each.
        api: Extended API behind ``/w/api.php``; then it has the limits and the streams.

    Attributes:
        url: Address without a slash at the end; empty before the start.
        request_log: Counts of the requests.
        lag: Replica lag in seconds; requests with a smaller ``maxlag`` are refused.
        token: Bearer token that is required to read; empty for public wikis.
        accounts: Accounts with which the wiki can be read; None for public wikis.
    """

    def __init__(
        self,
        dataset: Dataset,
        *,
        port: int = 0,
        limits: Limits | None = None,
        streams: Mapping[str, Any] = STREAMS,
        count_each_revision: bool = True,
        api: ActionApi | None = None,
    ) -> None:
        self.dataset = dataset
        self.request_log = RequestLog(count_each_revision=count_each_revision)
        self.lag = 0.0
        self.url = ""
        self.token = ""
        self.accounts: Accounts | None = None
        self._api = api or ActionApi(dataset, limits=limits, streams=streams)
        self._faults = FaultRules()
        self._waiters: list[asyncio.Future[None]] = []
        self._port = port
        self._default_wiki = next(iter(dataset.wikis.values()))

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
        """Replace all rules; an empty list removes all faults."""
        self._faults.replace(rules, now=self._loop.time())

    async def wait_for_in_flight(self, number: int) -> None:
        """Wait until exactly so many requests are in progress; tests use it instead of a sleep.

        Use it for requests that do not end at once (`Hang`, `Delay`), or for zero. It may miss a number that holds only
        for a moment.
        """
        while self.request_log.concurrent != number:
            turn = self._loop.create_future()
            self._waiters.append(turn)
            await turn

    def _notify_waiters(self) -> None:
        """Resume the callers of `wait_for_in_flight`, which compare the number again."""
        turns, self._waiters = self._waiters, []
        for turn in turns:
            if not turn.done():
                turn.set_result(None)

    async def _serve(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.path.startswith("/_control/"):
            return await self._handle_control(request)
        self.request_log.start_request(host=request.host, user_agent=request.headers.get("User-Agent", ""))
        self._notify_waiters()
        try:
            return await self._answer(request)
        finally:
            self.request_log.finish_request()
            self._notify_waiters()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method not in {"GET", "POST"}:
            return await self._send(request, responses.make_html("Method not allowed", status=405))
        wiki = self._find_wiki(request.host)
        if wiki is None:
            return await self._send(request, responses.make_html("Domain not configured", status=404))
        if self.token and request.headers.get("Authorization") != f"Bearer {self.token}":
            return await self._send(request, responses.make_login_required(wiki.domain, request.path))
        params = await _read_parameters(request)
        is_other_api = request.path.endswith("/api.php") and request.path != f"{wiki.script_path}/api.php"
        if self.accounts is not None and not is_other_api:  # a wiki has no script there
            answer = self.accounts.respond(request.path, params, request.cookies, domain=wiki.domain)
            if answer is not None:
                return await self._send(request, answer)
        asked = _parse_revisions(params)
        self.request_log.record_revisions(wiki.wiki_id, asked)
        decision = self._faults.decide(
            wiki={wiki.wiki_id, wiki.domain}, revisions=asked, now=self._loop.time(), path=request.path
        )
        lag = decision.action.seconds if isinstance(decision.action, ReplicaLag) else self.lag
        reply = self._build_response(request.path, wiki, params, hidden=decision.hidden_revisions, lag=lag)
        if decision.action is None:
            return await self._send(request, reply)
        return await apply_fault(decision.action, request, reply, lambda changed: self._send(request, changed))

    def _find_wiki(self, host: str) -> Wiki | None:
        name = host.rpartition(":")[0] if host[-1:].isdigit() and ":" in host else host
        return self._default_wiki if name in LOCAL_HOSTS else self.dataset.wikis.get(name)

    def _build_response(
        self, path: str, wiki: Wiki, params: Mapping[str, str], *, hidden: frozenset[int], lag: float
    ) -> WikiResponse:
        if path == f"{wiki.script_path}/api.php":
            return self._api.handle_api(wiki, params, hidden=hidden, lag=lag)
        page = find_special_page(wiki, find_title(wiki, path, params))
        if page is not None:
            redirect = find_redirect(wiki, page, params)
            if redirect is None:
                return self._build_special_page(page, wiki, params, hidden)
            return responses.make_redirect(redirect[1], status=redirect[0])
        if path == script_url(wiki):
            return self._api.handle_raw(wiki, params)
        return responses.make_html("<!DOCTYPE html><title>Not found</title>", status=404)

    def _build_special_page(
        self, page: SpecialPage, wiki: Wiki, params: Mapping[str, str], hidden: frozenset[int]
    ) -> WikiResponse:
        """Return the response of a special page under its local name."""
        del wiki, params, hidden
        if page.name == ENTITY_DATA:  # a wiki without entities does not have this page
            return responses.make_html("<!DOCTYPE html><title>No such special page</title>", status=404)
        return responses.make_html(f"<!DOCTYPE html><title>{page.name}</title>")

    async def _send(self, request: web.BaseRequest, reply: WikiResponse) -> web.StreamResponse:
        """Send the response, compressed with gzip if the client accepts that, as the front end of Wikimedia does."""
        self.request_log.responses[reply.status] += 1
        headers = {"Content-Type": reply.content_type, "Vary": "Accept-Encoding", **reply.headers}
        if "gzip" in request.headers.get("Accept-Encoding", "") and reply.pieces:
            return web.Response(
                body=join_gzipped(reply.pieces), status=reply.status, headers={**headers, "Content-Encoding": "gzip"}
            )
        return web.Response(body=join_plain(reply.pieces), status=reply.status, headers=headers)

    async def _handle_control(self, request: web.BaseRequest) -> web.StreamResponse:
        match request.method, request.path.removeprefix("/_control/"):
            case "GET", "stats":
                return _json_response(orjson.dumps(self.request_log.report()))
            case "DELETE", "stats":
                self.request_log.clear()
                return web.Response(status=204)
            case "GET", "faults":
                return _json_response(encode_rules(self._faults.rules))
            case "POST", "faults":
                return self._receive_faults(await request.read())
            case _:
                return web.Response(status=404, text="Unknown control path; the control paths are stats and faults.\n")

    def _receive_faults(self, document: bytes) -> web.StreamResponse:
        try:
            self.set_faults(decode_rules(document))
        except InputError as error:
            return web.Response(status=400, text=f"{error}\n")
        return web.Response(status=204)


async def _read_parameters(request: web.BaseRequest) -> dict[str, str]:
    """Return the parameters of query and form; the form has precedence, as in MediaWiki."""
    params = dict(parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True))
    if request.method == "POST":
        form = await request.post()
        params |= {name: value for name, value in form.items() if isinstance(value, str)}
    return params


def _parse_revisions(params: Mapping[str, str]) -> set[int]:
    text = params.get("revids") or params.get("oldid") or params.get("revision") or ""
    return {int(value) for value in text.split("|") if value.isdecimal()}


def _json_response(body: bytes) -> web.Response:
    return web.Response(body=body, content_type="application/json")
