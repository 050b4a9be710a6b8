"""A store that is reached over HTTP, by the SPARQL 1.1 Protocol."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, assert_never
from urllib.parse import urlencode

import orjson
from pyoxigraph import Literal

from wikistate.adapters.http.client import HttpClient, HttpSettings
from wikistate.adapters.triplestore.responses import Rejected, Retry, Success, classify, parse_change_count
from wikistate.adapters.triplestore.sparql_store import SparqlStoreBase
from wikistate.adapters.triplestore.store import ApplyResult, OutageRetry
from wikistate.core.sparql.queries import parse_results
from wikistate.core.sparql.updates import build_requests
from wikistate.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path
    from typing import Any

    from wikistate.adapters.triplestore.credentials import Credential
    from wikistate.adapters.triplestore.store import OnOutage, StoreDescription
    from wikistate.core.sparql.updates import UpdateTarget
    from wikistate.core.updater.store_metadata import Row, StorePosition
    from wikistate.core.updater.store_patch import StorePatch
    from wikistate.streaming.record import Partition

_UPDATE_HEADERS = {"Content-Type": "application/sparql-update; charset=UTF-8", "Accept": "*/*"}
_QUERY_HEADERS = {"Accept": "application/sparql-results+json"}
_ZERO = str(Literal(0))
_MAX_RESPONSE_BYTES = 256 << 20  # bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointSettings:
    """Where an endpoint is, and how patient one is with it.

    Attributes:
        update_url: Takes updates.
        query_url: Takes queries; the same URL when empty.
        credential: Sent with each request.
        ca_bundle: A file of certificates to trust instead of the system's.
        connect_timeout: Seconds until a connection must stand.
        request_timeout: Seconds that a request may take. An update that takes longer is sent again.
        first_wait: Seconds before the second try. Each wait is twice the one before.
        longest_wait: Seconds that a wait never exceeds, unless the endpoint itself asks for more.
        tries: Of a request that the endpoint fails at by itself (status 500). One that is away or busy is waited for
            without end.
    """

    update_url: str
    query_url: str = ""
    credential: Credential | None = None
    ca_bundle: Path | None = None
    connect_timeout: float = 10.0
    request_timeout: float = 600.0
    first_wait: float = 1.0
    longest_wait: float = 60.0
    tries: int = 6


class _TimedResponse(NamedTuple):
    body: bytes
    seconds: float


class SparqlEndpoint(SparqlStoreBase):
    """See `wikistate.adapters.triplestore.store.TripleStore`.

    A batch is one request where it fits into one, which most stores make one transaction. Of a larger one the position is
    in the last request, so that a crash between them is made up for by applying the batch again.

    Args:
        settings: Where it is.
        dialect: What is the same in each statement.
        on_outage: Told before each wait, and with None when it is over.
        sleep: Waits so many seconds.
    """

    def __init__(
        self,
        settings: EndpointSettings,
        dialect: UpdateTarget,
        *,
        on_outage: OnOutage = lambda _: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        super().__init__(dialect)
        self._settings = settings
        self._on_outage = on_outage
        self._sleep = sleep
        self._http = HttpClient(
            HttpSettings(
                ca_bundle=settings.ca_bundle,
                connect_timeout=settings.connect_timeout,
                read_timeout=settings.request_timeout,
                total_timeout=settings.request_timeout,
                gzip=False,
            )
        )

    async def open(self) -> StoreDescription:
        """See `TripleStore`. Raises `ConfigError` when a URL is none."""
        for url in filter(None, (self._settings.update_url, self._settings.query_url)):
            if not url.startswith(("http://", "https://")):
                raise ConfigError(
                    f"{url!r} is no URL of a store.", hint="Give its http or https URL.", key="store.location"
                )
        await self._http.open()
        return await self._check_and_describe()

    async def apply(
        self, patch: StorePatch, positions: Mapping[Partition, StorePosition], freshness: int | None
    ) -> ApplyResult:
        """See `TripleStore`."""
        # Written out before the first is sent: what cannot be written stops the batch while it is whole.
        texts = await asyncio.to_thread(build_requests, patch, positions, freshness, self._dialect)
        told = [await self._update(text) for text in texts]
        counts = [parse_change_count(answer.body) for answer in told]
        known = [count for count in counts if count is not None]
        changes = sum(known) if known and len(known) == len(counts) else None
        return ApplyResult(changes, sum(answer.seconds for answer in told), len(texts))

    async def query(self, query: str) -> list[Row]:
        """See `TripleStore`."""
        return parse_results(await self._query_json(query))

    async def ask(self, query: str) -> bool:
        """See `TripleStore`."""
        answer = await self._query_json(query)
        if isinstance(answer, dict) and isinstance(answer.get("boolean"), bool):
            return bool(answer["boolean"])
        if rows := parse_results(answer):  # a table of one cell: how Virtuoso 7.2.5 puts it
            return any(str(value) != _ZERO for value in rows[0].values())
        raise StoreError("The store's answer is no yes or no.", query=query)

    async def close(self) -> None:
        """See `TripleStore`."""
        await self._http.close()

    async def _update(self, update: str) -> _TimedResponse:
        return await self._send(self._settings.update_url, _UPDATE_HEADERS, body=update.encode())

    async def _query_json(self, query: str) -> Any:
        url = self._settings.query_url or self._settings.update_url
        # As a form, which Virtuoso 7.2.5 needs; updates are not, which would make them larger.
        told = await self._send(url, _QUERY_HEADERS, form=urlencode({"query": query}))
        try:
            return orjson.loads(told.body)
        except orjson.JSONDecodeError as error:
            raise StoreError(f"{url} answers a query with something else than JSON: {error}.", query=query) from error

    async def _send(
        self, url: str, headers: Mapping[str, str], *, form: str | None = None, body: bytes | None = None
    ) -> _TimedResponse:
        """Send until it is done or refused."""
        credential = self._settings.credential
        known = {**headers, "Authorization": credential.header} if credential is not None else headers
        attempt = 0
        while True:
            attempt += 1
            began = time.monotonic()
            answer = await self._http.request(
                self._http.endpoint(url), "", headers=known, limit=_MAX_RESPONSE_BYTES, form=form, body=body
            )
            verdict = classify(answer, url=url, now=time.time())
            match verdict:
                case Success():
                    if attempt > 1:
                        self._on_outage(None)
                    return _TimedResponse(verdict.body, time.monotonic() - began)
                case Retry():
                    await self._wait_before_retry(verdict, attempt)
                case Rejected():
                    raise verdict.error
                case unknown:
                    assert_never(unknown)

    async def _wait_before_retry(self, verdict: Retry, attempt: int) -> None:
        if verdict.is_limited and attempt >= self._settings.tries:
            raise StoreError(
                f"{verdict.reason} It was tried {attempt} times.", hint="What the store's own log says of it may help."
            )
        growing = min(self._settings.longest_wait, self._settings.first_wait * 2 ** min(attempt - 1, 30))
        # Not all clients of a store that comes back shall ask in the same moment.
        seconds = max(verdict.after or 0.0, growing * random.uniform(0.8, 1.0))  # noqa: S311 (no secret)
        self._on_outage(OutageRetry(verdict.reason, attempt, seconds))
        await self._sleep(seconds)
