"""A proxy before a served store that kills the store at chosen updates and brings it back in another state."""

from __future__ import annotations

import asyncio
import urllib.request
from contextlib import asynccontextmanager, suppress
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

import aiohttp
from aiohttp import web
from pyoxigraph import QueryResultsFormat, QuerySolutions, RdfFormat, Triple, parse_query_results, serialize

from wikistate.core.sparql.terms import serialize_triples

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from tests.support.stores import StoreProcess

_EVERYTHING = b"SELECT ?s ?p ?o WHERE { ?s ?p ?o }"
_CLEARED = "DELETE { ?s ?p ?o } WHERE { ?s ?p ?o }"
_BOOKKEEPING = "<urn:wikistate:"
_TIMEOUT = 120.0  # seconds
_CUT_SECONDS = 0.005
"""Time that the store has for an update before it is killed in the middle of it."""


class KillMoment(StrEnum):
    """Moment of a kill, relative to an update."""

    BEFORE = "before the update"
    DURING = "during the update"
    AFTER = "after the update and before its response"
    BETWEEN = "after the response and before the next request"


class StoreVersion(StrEnum):
    """Version of the store that is there after the restart."""

    KEPT = "what it has kept itself"
    OLDER = "as it was one update ago"
    MUCH_OLDER = "as it was four updates ago"
    EMPTY = "empty"


class Kill(NamedTuple):
    """A kill and the restart after it."""

    moment: KillMoment
    version: StoreVersion


_UPDATES_AGO = {StoreVersion.OLDER: 1, StoreVersion.MUCH_OLDER: 4}


class KillingProxy:
    """Proxy on a port of the loopback interface.

    The store is killed by SIGKILL. No request reaches it before it is back in the chosen version.

    Args:
        process: The store, running; it is running at the end, too.
        kills: The kills by the number of the update, from 0.

    Attributes:
        url: URL of the proxy; ``/update`` and ``/query`` lead to those of the store.
        killed: Number of kills until now.
    """

    def __init__(self, process: StoreProcess, kills: Mapping[int, Kill]) -> None:
        self._process = process
        self._kills = kills
        self._updates = 0
        self._backups: list[frozenset[Triple]] = [frozenset()]
        self._lock = asyncio.Lock()
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=_TIMEOUT))
        self.url = ""
        self.killed = 0

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[KillingProxy]:
        """Serve during the block."""
        served = web.Application(client_max_size=1 << 30)
        served.add_routes([web.post("/update", self._update), web.post("/query", self._query)])
        runner = web.AppRunner(served, shutdown_timeout=0.1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield self
        finally:
            await runner.cleanup()
            await self._session.close()

    @asynccontextmanager
    async def pause_after(self, updates: int) -> AsyncIterator[None]:
        """Wait for so many updates, and let no request through during the block."""
        while self._updates < updates:  # noqa: ASYNC110  (the updates come from another process)
            await asyncio.sleep(0.002)
        async with self._lock:
            yield

    async def _query(self, request: web.Request) -> web.Response:
        body = await request.read()
        async with self._lock:
            return await self._forward(self._process.query_url, request, body)

    async def _update(self, request: web.Request) -> web.Response:
        body = await request.read()
        async with self._lock:
            kill = self._kills.get(self._updates)
            self._updates += 1
            if kill is not None and kill.moment is KillMoment.BEFORE:
                return await self._kill(kill, request)
            if kill is not None and kill.moment is KillMoment.DURING:
                sent = asyncio.create_task(self._forward(self._process.update_url, request, body))
                await asyncio.wait({sent}, timeout=_CUT_SECONDS)
                response = await self._kill(kill, request)
                with suppress(aiohttp.ClientError):
                    await sent
                return response
            response = await self._forward(self._process.update_url, request, body)
            self._backups.append(await asyncio.to_thread(read_everything, self._process))
            if kill is not None and kill.moment is KillMoment.AFTER:
                return await self._kill(kill, request)
        if kill is not None:
            await self._lock.acquire()  # the next request waits for it
            task = asyncio.create_task(self._restart_and_release(kill))
            task.add_done_callback(lambda done: done.result())
        return response

    async def _forward(self, url: str, request: web.Request, body: bytes) -> web.Response:
        headers = {name: request.headers[name] for name in ("Content-Type", "Accept")}
        async with self._session.post(url, data=body, headers=headers) as answer:
            kind = answer.headers.get("Content-Type", "text/plain")
            return web.Response(status=answer.status, body=await answer.read(), headers={"Content-Type": kind})

    async def _kill(self, kill: Kill, request: web.Request) -> web.Response:
        await self._restart(kill)
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=502)

    async def _restart_and_release(self, kill: Kill) -> None:
        try:
            await self._restart(kill)
        finally:
            self._lock.release()

    async def _restart(self, kill: Kill) -> None:
        self._process.kill()
        self.killed += 1
        await asyncio.to_thread(self._process.start)
        if kill.version is StoreVersion.KEPT:
            return
        ago = _UPDATES_AGO.get(kill.version, len(self._backups))
        self._backups = self._backups[: max(1, len(self._backups) - ago)]
        await asyncio.to_thread(restore, self._process, self._backups[-1])


def read_everything(process: StoreProcess) -> frozenset[Triple]:
    """Return all triples of a store, with those of the bookkeeping."""
    headers = {"Content-Type": "application/sparql-query", "Accept": "application/sparql-results+json"}
    request = urllib.request.Request(process.query_url, _EVERYTHING, headers)
    with urllib.request.urlopen(request, timeout=_TIMEOUT) as response:
        rows = parse_query_results(response.read(), QueryResultsFormat.JSON)
    assert isinstance(rows, QuerySolutions)
    return frozenset(Triple(row["s"], row["p"], row["o"]) for row in rows)


def restore(process: StoreProcess, triples: frozenset[Triple]) -> None:
    """Replace the content of a store."""
    process.update(_CLEARED)
    books = frozenset(each for each in triples if str(each.subject).startswith(_BOOKKEEPING))
    lines = serialize_triples(triples - books) + (serialize(books, format=RdfFormat.N_TRIPLES) or b"")
    if lines:
        process.update(f"INSERT DATA {{\n{lines.decode()}}}")
