"""The client that fetches revisions: it coalesces them into requests, limits each farm, and retries each revision.

The modules `queue`, `farm` and `retry_outcomes` decide, and `dispatcher` executes. A revision has no task and no future,
only an entry in its wiki's queue, and each request has one task: a task for each revision would cost more than the rest.
"""

from __future__ import annotations

import asyncio
from random import random
from time import monotonic, time
from typing import TYPE_CHECKING, Any

from wikistate.adapters.http.origins import try_origin
from wikistate.adapters.mediawiki.batch_query import REVISIONS
from wikistate.adapters.mediawiki.dispatcher import BatchSettings, Dispatcher
from wikistate.adapters.mediawiki.farm import Farm
from wikistate.adapters.mediawiki.limits import default_farm_settings
from wikistate.adapters.mediawiki.metrics import FarmMetrics
from wikistate.adapters.mediawiki.queue import QueueEntry
from wikistate.adapters.mediawiki.retry_outcomes import RetryContext
from wikistate.adapters.mediawiki.sessions import build_session
from wikistate.adapters.mediawiki.wiki_api import WikiApi
from wikistate.core.enrichment.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping

    from wikistate.adapters.http.client import HttpClient
    from wikistate.adapters.mediawiki.batch_query import BatchQuery
    from wikistate.adapters.mediawiki.credentials import Credential
    from wikistate.adapters.mediawiki.limits import FarmSettings
    from wikistate.adapters.mediawiki.queue import OnDone
    from wikistate.adapters.mediawiki.wikis import Wiki
    from wikistate.core.enrichment.circuit_breaker import BreakerSettings
    from wikistate.core.enrichment.content import Content
    from wikistate.core.enrichment.retry import Fail
    from wikistate.telemetry.meter import Meter

_MAX_CACHED_APIS = 4096


class RevisionClient:
    """Client for the content of revisions.

    Protocol: `open` once, then `fetch` on the loop's thread any number of times, and `close` once. Each `fetch` calls back
    exactly once, also after a defect, unless the client is closed before.

    Args:
        http: HTTP client; opened and closed by this client.
        meter: Records the metrics.
        policy: Retry policy.
        batches: Settings of the batches.
        farm_settings: Returns the limits of a farm by its name.
        credentials: Credentials by domain or by name of the farm; the domain takes precedence. They are not sent to any
            other wiki.
        credential_origins: Origins that the credentials were given for, by the same names. A credential with an origin is not
            sent to another one, whatever farm its wiki belongs to.
        breaker: Settings of the circuit breakers of wikis.
        clock: Returns seconds since the epoch.
        jitter: Returns numbers in [0, 1).
    """

    def __init__(
        self,
        http: HttpClient,
        meter: Meter,
        *,
        policy: RetryPolicy | None = None,
        batches: BatchSettings | None = None,
        farm_settings: Callable[[str], FarmSettings] = default_farm_settings,
        credentials: Mapping[str, Credential] | None = None,
        credential_origins: Mapping[str, str] | None = None,
        breaker: BreakerSettings | None = None,
        clock: Callable[[], float] = time,
        jitter: Callable[[], float] = random,
    ) -> None:
        self._http = http
        self._meter = meter
        self._policy = policy or RetryPolicy()
        self._batches = batches or BatchSettings()
        self._farm_settings = farm_settings
        self._credentials = credentials or {}
        self._credential_origins = credential_origins or {}
        self._breaker = breaker
        self._clock = clock
        self._jitter = jitter
        self._dispatchers: dict[str, Dispatcher] = {}
        self._apis: dict[str, WikiApi] = {}

    async def open(self) -> None:
        """Open the HTTP session. No request is sent.

        Raises:
            ConfigError: The HTTP settings cannot be used.
        """
        await self._http.open()

    async def close(self) -> None:
        """Cancel all requests without calling back, and close all connections."""
        await asyncio.gather(*(dispatcher.close() for dispatcher in self._dispatchers.values()))
        await self._http.close()

    def fetch(self, wiki: Wiki, rev_id: int, *, event_time: float | None, on_done: OnDone) -> None:
        """Fetch a revision.

        Args:
            wiki: Wiki from the list of allowed wikis.
            rev_id: Revision id.
            event_time: Time of the event, seconds since the epoch; None if it is unknown. While the event is recent, a
                revision that the wiki does not know is requested again.
            on_done: Receives the content or the failure: once, later, on the loop's thread. It must not block.
        """
        self.query(wiki, REVISIONS, rev_id, event_time=event_time, on_done=on_done)

    def query(
        self, wiki: Wiki, batch_query: BatchQuery, subject: Hashable, *, event_time: float | None, on_done: OnDone
    ) -> None:
        """Send another query than for content, within the same limits and with the same retries.

        Args:
            wiki: See `fetch`.
            batch_query: Kind of query.
            subject: Subject of the query; subjects of equal queries share a request.
            event_time: See `fetch`.
            on_done: Receives the result of the query or the failure; see `fetch`.
        """
        dispatcher = self._dispatchers.get(wiki.farm) or self._new_dispatcher(wiki.farm)
        dispatcher.add(wiki, QueueEntry(subject, event_time, on_done, monotonic()), batch_query)

    async def fetch_async(self, wiki: Wiki, rev_id: int, *, event_time: float | None = None) -> Content | Fail:
        """Fetch a revision and await the result; see `fetch`."""
        found: Content | Fail = await self.query_async(wiki, REVISIONS, rev_id, event_time=event_time)
        return found

    async def query_async(
        self, wiki: Wiki, batch_query: BatchQuery, subject: Hashable, *, event_time: float | None = None
    ) -> Any:
        """Send a query and await its result or a `Fail`; see `query`."""
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def on_done(result: object) -> None:
            if not answer.done():  # it is cancelled when the caller no longer waits
                answer.set_result(result)

        self.query(wiki, batch_query, subject, event_time=event_time, on_done=on_done)
        return await answer

    def _new_dispatcher(self, farm: str) -> Dispatcher:
        dispatcher = self._dispatchers[farm] = Dispatcher(
            Farm(farm, self._farm_settings(farm), self._breaker),
            FarmMetrics(self._meter, farm),
            api_of=self._api_of,
            retry_context=self._retry_context,
            batches=self._batches,
        )
        return dispatcher

    def _retry_context(self) -> RetryContext:
        return RetryContext(self._policy, self._clock(), monotonic(), self._jitter())

    def _api_of(self, wiki: Wiki, metrics: FarmMetrics) -> WikiApi:
        api = self._apis.get(wiki.domain)
        if api is None:
            if len(self._apis) >= _MAX_CACHED_APIS:  # a stream of invented subdomains must not fill the memory
                self._apis.clear()
            api = self._apis[wiki.domain] = self._new_api(wiki, metrics)
        return api

    def _find_credential(self, wiki: Wiki) -> Credential | None:
        for name in (wiki.domain, wiki.farm):
            is_for_origin = self._credential_origins.get(name) in (None, try_origin(wiki.url))
            if is_for_origin and (credential := self._credentials.get(name)):
                return credential
        return None

    def _new_api(self, wiki: Wiki, metrics: FarmMetrics) -> WikiApi:
        endpoint = self._http.endpoint(wiki.url, wiki.host_header)
        credential = self._find_credential(wiki)
        return WikiApi(
            wiki.domain,
            http=self._http,
            endpoint=endpoint,
            session=build_session(credential, http=self._http, endpoint=endpoint, place=wiki.domain),
            metrics=metrics,
            max_response_bytes=self._batches.max_response_bytes,
            maxlag=self._batches.maxlag,
        )
