"""The client that fetches revisions: coalesced into requests, bounded for each farm, retried for each revision.

What is decided is decided in `queue`, `farm` and `settle`; `dispatcher` carries it out. There is no task and no future
for a revision, only an entry in its wiki's queue, and one task for each request: a task for each revision would cost
more than all the rest.
"""

from __future__ import annotations

import asyncio
from random import random
from time import monotonic, time
from typing import TYPE_CHECKING, Any

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
    from wikistate.core.enrichment.content import Content
    from wikistate.core.enrichment.retry import Fail
    from wikistate.telemetry.meter import Meter

_MAX_CACHED_APIS = 4096


class RevisionClient:
    """Fetches the content of revisions.

    Protocol: `open` once, then `fetch` on the loop's thread, as often as one likes, and `close` once. Each `fetch` is
    answered exactly once, unless the client is closed before; also when something breaks that should not.

    Args:
        http: Opened and closed by this client.
        meter: Where measurements go.
        policy: How often and how patiently failures are retried.
        batches: How revisions are gathered into requests.
        farm_settings: The limits of a farm, by its name.
        credentials: By domain or by farm name, the domain first. Sent to no other wiki.
        clock: Seconds since the epoch.
        jitter: Numbers in [0, 1).
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
        clock: Callable[[], float] = time,
        jitter: Callable[[], float] = random,
    ) -> None:
        self._http = http
        self._meter = meter
        self._policy = policy or RetryPolicy()
        self._batches = batches or BatchSettings()
        self._farm_settings = farm_settings
        self._credentials = credentials or {}
        self._clock = clock
        self._jitter = jitter
        self._dispatchers: dict[str, Dispatcher] = {}
        self._apis: dict[str, WikiApi] = {}

    async def open(self) -> None:
        """Open the session. Asks nothing yet.

        Raises:
            ConfigError: The HTTP settings cannot be used.
        """
        await self._http.open()

    async def close(self) -> None:
        """Abandon what is being fetched, tell nobody, and drop all connections."""
        await asyncio.gather(*(dispatcher.close() for dispatcher in self._dispatchers.values()))
        await self._http.close()

    def fetch(self, wiki: Wiki, rev_id: int, *, event_time: float | None, on_done: OnDone) -> None:
        """Ask for a revision.

        Args:
            wiki: From the list of allowed wikis.
            rev_id: The revision.
            event_time: When its event came into being, seconds since the epoch; None where that is not known. A revision
                that the wiki does not know is asked for again while the event is young.
            on_done: Told the content, or why there is none: once, later, on the loop's thread. Must not block.
        """
        self.query(wiki, REVISIONS, rev_id, event_time=event_time, on_done=on_done)

    def query(
        self, wiki: Wiki, batch_query: BatchQuery, subject: Hashable, *, event_time: float | None, on_done: OnDone
    ) -> None:
        """Ask something else than for content, within the same limits and with the same patience.

        Args:
            wiki: As for `fetch`.
            batch_query: What to ask.
            subject: What to ask it of; subjects of equal questions go together.
            event_time: As for `fetch`.
            on_done: As for `fetch`; told the question's answer, or why there is none.
        """
        dispatcher = self._dispatchers.get(wiki.farm) or self._new_dispatcher(wiki.farm)
        dispatcher.add(wiki, QueueEntry(subject, event_time, on_done, monotonic()), batch_query)

    async def fetch_async(self, wiki: Wiki, rev_id: int, *, event_time: float | None = None) -> Content | Fail:
        """`fetch` for callers that rather await."""
        found: Content | Fail = await self.query_async(wiki, REVISIONS, rev_id, event_time=event_time)
        return found

    async def query_async(
        self, wiki: Wiki, batch_query: BatchQuery, subject: Hashable, *, event_time: float | None = None
    ) -> Any:
        """`ask` for callers that rather await: the question's answer, or a `Fail`."""
        told: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def done(result: object) -> None:
            if not told.done():  # cancelled, when nobody waits any more
                told.set_result(result)

        self.query(wiki, batch_query, subject, event_time=event_time, on_done=done)
        return await told

    def _new_dispatcher(self, farm: str) -> Dispatcher:
        dispatcher = self._dispatchers[farm] = Dispatcher(
            Farm(farm, self._farm_settings(farm)),
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

    def _new_api(self, wiki: Wiki, metrics: FarmMetrics) -> WikiApi:
        endpoint = self._http.endpoint(wiki.url, wiki.host_header)
        credential = self._credentials.get(wiki.domain) or self._credentials.get(wiki.farm)
        return WikiApi(
            wiki.domain,
            http=self._http,
            endpoint=endpoint,
            session=build_session(credential, http=self._http, endpoint=endpoint, place=wiki.domain),
            metrics=metrics,
            max_response_bytes=self._batches.max_response_bytes,
            maxlag=self._batches.maxlag,
        )
