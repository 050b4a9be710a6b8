"""A SPARQL endpoint with an embedded Oxigraph: ``python -m tests.support.oxigraph_server --port 7878``.

It has the part of the SPARQL 1.1 Protocol that a writer needs: updates and queries as the body of a POST, and queries as
a form.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
from typing import TYPE_CHECKING

from aiohttp import web
from pyoxigraph import QueryResultsFormat, QueryTriples, RdfFormat, Store

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler


class SparqlEndpoint:
    """SPARQL endpoint of a store.

    Args:
        store: Store that is updated and queried outside the thread of the event loop.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    async def update(self, request: web.Request) -> web.Response:
        """Apply an update: status 204, or 400 with the message of the parser."""
        text = await request.text()
        try:
            await asyncio.to_thread(self._store.update, text)
        except SyntaxError as error:
            return web.Response(status=400, text=str(error))
        return web.Response(status=204)

    async def query(self, request: web.Request) -> web.Response:
        """Run a query: results as JSON, triples as N-Triples."""
        posted = await request.post() if request.content_type == "application/x-www-form-urlencoded" else {}
        text = str(posted["query"]) if "query" in posted else await request.text()
        try:
            body, kind = await asyncio.to_thread(self._run_query, text)
        except SyntaxError as error:
            return web.Response(status=400, text=str(error))
        return web.Response(body=body, content_type=kind)

    def _run_query(self, query: str) -> tuple[bytes, str]:
        results = self._store.query(query)
        if isinstance(results, QueryTriples):
            return results.serialize(format=RdfFormat.N_TRIPLES) or b"", "application/n-triples"
        return results.serialize(format=QueryResultsFormat.JSON) or b"", "application/sparql-results+json"


def build_application(store: Store, *, password: str = "") -> web.Application:
    """Build the endpoint with ``/update`` and ``/query``; with a password, other requests get status 401."""

    @web.middleware
    async def authenticate(request: web.Request, handler: Handler) -> web.StreamResponse:
        kind, _, given = request.headers.get("Authorization", "").partition(" ")
        if kind == "Basic":
            given = base64.b64decode(given).decode().partition(":")[2]
        return web.Response(status=401, text="Authentication required") if given != password else await handler(request)

    served = web.Application(client_max_size=1 << 30, middlewares=[authenticate] if password else [])
    endpoint = SparqlEndpoint(store)
    served.add_routes([web.post("/update", endpoint.update), web.post("/query", endpoint.query)])
    return served


def main() -> None:
    """Serve until the process ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--data", help="folder of the store; memory when missing")
    parser.add_argument("--password", default="")
    asked = parser.parse_args()
    store = Store(asked.data) if asked.data else Store()
    served = build_application(store, password=asked.password)
    web.run_app(served, host="127.0.0.1", port=asked.port, print=None)


if __name__ == "__main__":
    main()
