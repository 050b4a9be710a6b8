"""Service for the queries that users write: an embedded store beside its writer, or a SPARQL endpoint. It only reads."""

from __future__ import annotations

import asyncio
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlencode

import orjson
from pyoxigraph import NamedNode, QueryBoolean, QuerySolutions, QueryTriples, RdfFormat, Store, parse

from wikistate.adapters.http.answers import clean_body, quote_first_line
from wikistate.adapters.http.interruptible import start_call
from wikistate.adapters.triplestore.answer_size import check_answer
from wikistate.adapters.triplestore.endpoint_client import EndpointClient
from wikistate.adapters.triplestore.folder_snapshot import FolderSnapshot
from wikistate.adapters.triplestore.query_answer import QueryAnswer
from wikistate.adapters.triplestore.responses import Rejected, Success
from wikistate.adapters.triplestore.store_failures import STORE_FAILURES, explain_open_failure, explained_failures
from wikistate.core.sparql.queries import parse_results
from wikistate.core.sparql.query_text import asks_other_services, declare
from wikistate.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from wikistate.adapters.triplestore.endpoint_client import EndpointSettings

_ACCEPT = "application/sparql-results+json, application/n-triples;q=0.9"
_MAX_REASON = 300
_BAD_REQUEST = 400


class QueryService(Protocol):
    """Service for queries.

    Protocol: `open` once, then `answer` from one task, `close` once. No call blocks the loop. Cancel a call to stop.
    """

    async def open(self) -> None:
        """Prepare for queries.

        Raises:
            ConfigError: There is no such store.
            StoreError: It cannot be read.
        """

    async def answer(self, query: str, prefixes: Mapping[str, str], *, limit: int) -> QueryAnswer:
        """Return the answer to a query.

        Args:
            query: Text of the query.
            prefixes: IRIs of the prefixes that the query uses and does not declare.
            limit: Largest number of rows or triples.

        Raises:
            ConfigError: The query is not valid.
            StoreError: The store does not answer, or fails.
        """

    async def close(self) -> None:
        """Release the store. May be called when `open` failed, and twice."""


class EmbeddedQueries:
    """See `QueryService`: a snapshot of an embedded store, also while another process writes to it.

    Args:
        folder: Folder of the store.
        graph: IRI of the graph that queries read; empty for the default graph.
    """

    def __init__(self, folder: Path, *, graph: str = "") -> None:
        self._folder = folder
        self._graph = NamedNode(graph) if graph else None
        self._snapshot = FolderSnapshot(folder)
        self._store: Store | None = None

    async def open(self) -> None:
        """See `QueryService`."""
        self._store = await asyncio.wrap_future(start_call(self._open))

    async def answer(self, query: str, prefixes: Mapping[str, str], *, limit: int) -> QueryAnswer:
        """See `QueryService`. A query that asks another service is not valid: this process would send the request."""
        if asks_other_services(query):
            raise ConfigError(
                "The query asks another service (SERVICE); an embedded store answers from its own triples only.",
                hint="Remove the SERVICE clause. Labels are in the store: ?item rdfs:label ?label.",
            )
        return await asyncio.wrap_future(start_call(lambda: self._evaluate(query, prefixes, limit)))

    async def close(self) -> None:
        """See `QueryService`. A query that still runs in its thread keeps the files that it reads."""
        self._store = None
        self._snapshot.remove()

    def _open(self) -> Store:
        try:
            return Store.read_only(str(self._snapshot.create()))
        except STORE_FAILURES as error:
            raise explain_open_failure(self._folder, error) from error

    def _evaluate(self, query: str, prefixes: Mapping[str, str], limit: int) -> QueryAnswer:
        if self._store is None:
            raise StoreError("The store is not open.")
        try:
            with explained_failures():
                found = self._store.query(query, prefixes=dict(prefixes), default_graph=self._graph)
                return _read(found, limit)
        except SyntaxError as error:
            raise invalid_query(str(error)) from error


def _read(found: QuerySolutions | QueryBoolean | QueryTriples, limit: int) -> QueryAnswer:
    match found:
        case QueryBoolean():
            return QueryAnswer(boolean=bool(found))
        case QueryTriples():
            triples = [f"{triple} ." for triple in islice(found, limit + 1)]
            return QueryAnswer(triples=triples[:limit], is_cut=len(triples) > limit)
        case QuerySolutions():
            names = [variable.value for variable in found.variables]
            rows = [{name: row[name] for name in names if row[name] is not None} for row in islice(found, limit + 1)]
            return QueryAnswer(variables=names, rows=rows[:limit], is_cut=len(rows) > limit)


class EndpointQueries:
    """See `QueryService`: one request for each query, which is not sent again.

    Args:
        settings: Settings of the endpoint.
        graph: IRI of the graph that queries read; empty for that of the endpoint.
    """

    def __init__(self, settings: EndpointSettings, *, graph: str = "") -> None:
        self._settings = settings
        self._graph = graph
        self._client = EndpointClient(settings)

    async def open(self) -> None:
        """See `QueryService`."""
        await self._client.open()

    async def answer(self, query: str, prefixes: Mapping[str, str], *, limit: int) -> QueryAnswer:
        """See `QueryService`."""
        url = self._settings.query_url or self._settings.update_url
        form = {"query": declare(query, prefixes)} | ({"default-graph-uri": self._graph} if self._graph else {})
        result = await self._client.send(url, {"Accept": _ACCEPT}, form=urlencode(form))
        if isinstance(result, Success):
            return await asyncio.to_thread(_parse, result.body, url, limit)
        if isinstance(result, Rejected):
            if result.error.ids.get("status") == _BAD_REQUEST:
                raise invalid_query(result.error.message) from result.error
            raise result.error
        raise StoreError(
            f"The store at {url} does not answer: {result.reason}",
            hint="Check store.location and store.query_url, and whether the store runs. `--timeout` is the longest wait.",
        )

    async def close(self) -> None:
        """See `QueryService`."""
        await self._client.close()


def _parse(body: bytes, url: str, limit: int) -> QueryAnswer:
    body = clean_body(body, url)
    check_answer(body, url)
    if body.lstrip()[:1] != b"{":
        return _parse_triples(body, url, limit)
    try:
        document: Any = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise _unreadable(body, url) from error
    match document:
        case {"boolean": bool(value)}:
            return QueryAnswer(boolean=value)
        case {"head": {"vars": [*names]}, "results": {"bindings": [*bindings]}} if all(
            isinstance(n, str) for n in names
        ):
            rows = parse_results({"results": {"bindings": bindings[:limit]}})
            return QueryAnswer(variables=names, rows=rows, is_cut=len(bindings) > limit)
        case _:
            raise _unreadable(body, url)


def _parse_triples(body: bytes, url: str, limit: int) -> QueryAnswer:
    try:
        triples = [f"{quad.triple} ." for quad in islice(parse(body, RdfFormat.N_TRIPLES, lenient=True), limit + 1)]
    except (SyntaxError, ValueError) as error:
        raise _unreadable(body, url) from error
    return QueryAnswer(triples=triples[:limit], is_cut=len(triples) > limit)


def _unreadable(body: bytes, url: str) -> StoreError:
    return StoreError(
        f"{url} answers a query with neither results in JSON nor N-Triples. The answer begins with {quote_first_line(body)}.",
        hint="Check that store.query_url is the URL of SPARQL queries, and that no proxy answers instead of the store.",
        url=url,
    )


def invalid_query(reason: str) -> ConfigError:
    """Return the error of a query that is not valid SPARQL."""
    shown = f"{reason[:_MAX_REASON]} …" if len(reason) > _MAX_REASON else reason
    return ConfigError(
        f"The store cannot parse the query: {shown}",
        hint="Write a SELECT, ASK, CONSTRUCT or DESCRIBE query: updates are not accepted. The prefixes of the wiki, such as wd: and "
        "wdt:, need no declaration.",
    )
