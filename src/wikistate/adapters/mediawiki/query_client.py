"""Client for any ``action=query`` of one wiki, one request at a time: for sources and tools without concurrency."""

from __future__ import annotations

import asyncio
import random
from time import time
from typing import TYPE_CHECKING, Any

import structlog

from wikistate.adapters.http.answers import quote_answer
from wikistate.adapters.http.outages import Outage
from wikistate.adapters.mediawiki.action_api import encode, parse_json
from wikistate.adapters.mediawiki.counted_http import build_http_client
from wikistate.adapters.mediawiki.credentials import explain_private_wiki
from wikistate.adapters.mediawiki.sessions import build_session
from wikistate.core.enrichment.failures import READ_DENIED, Failure, FailureKind, may_pass
from wikistate.core.enrichment.retry import RetryPolicy, compute_retry_delay
from wikistate.core.events.continuation import find_odd_continuation
from wikistate.errors import WikiError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.adapters.http.client import HttpSettings
    from wikistate.adapters.mediawiki.credentials import Credential
    from wikistate.telemetry.meter import Meter

_RETRY_POLICY = RetryPolicy(base_delay=1.0, max_delay=60.0)
_LOGGED_ATTEMPTS = 2
_LIMIT = 64 * 1024 * 1024  # bytes of one answer

_PARTS = frozenset({"query", "batchcomplete", "continue"})
"""Parts of a result, one of which each result has. Without them, JSON is the answer of another server."""

log = structlog.get_logger(__name__)


class QueryClient:
    """Client of one wiki. It retries passing failures without limit, and odd answers once the wiki has answered well.

    Args:
        api: URL of the Action API.
        http: Settings of the HTTP client.
        credential: Credential for the wiki; None for an anonymous session.
        maxlag: Seconds of replica lag from which the wiki refuses requests.
        meter: Records the requests; None for no metrics.
        outage_limit: Seconds after which the failures of a wiki that has answered well before are final; None for no limit.
    """

    def __init__(
        self,
        api: str,
        http: HttpSettings,
        *,
        credential: Credential | None = None,
        maxlag: int = 5,
        meter: Meter | None = None,
        outage_limit: float | None = None,
    ) -> None:
        self._place = api
        self._outage = Outage("wiki", api, limit=outage_limit)
        self._has_answered = False
        self._has_credential = credential is not None
        self._http = build_http_client(http, meter)
        self._endpoint = self._http.endpoint(api)
        self._session = build_session(credential, http=self._http, endpoint=self._endpoint, place=api)
        self._fixed = {
            "action": "query",
            "format": "json",
            "formatversion": "2",
            "maxlag": str(maxlag),
            **self._session.parameters,
        }

    async def open(self) -> None:
        """Open the HTTP session. No request is sent."""
        await self._http.open()

    async def query(self, parameters: Mapping[str, str], *, tries: int | None = None) -> dict[str, Any]:
        """Return the document in the answer of the wiki.

        Args:
            parameters: Parameters of ``action=query``.
            tries: Largest number of attempts; None for no limit.

        Raises:
            WikiError: The wiki refuses the query, or all attempts failed. ``ids['failure']`` is the kind of failure.
        """
        attempt = 1
        while isinstance(answer := await self._request(parameters), Failure):
            if not may_pass(answer, has_answered=self._has_answered) or attempt == tries or not self._outage.begin():
                detail = answer.detail.rstrip(".")
                raise WikiError(f"{detail}.", hint=self._hint(detail), failure=answer.kind.value, wiki=self._place)
            if attempt >= _LOGGED_ATTEMPTS:  # a single failure is common
                log.warning("wiki_query_failed", wiki=self._place, reason=answer.detail)
            jitter = random.random()  # noqa: S311  (spreads clients, not a secret)
            await asyncio.sleep(compute_retry_delay(answer, attempt=attempt, policy=_RETRY_POLICY, jitter=jitter))
            attempt += 1
        self._has_answered = True
        if self._outage.end() and attempt > _LOGGED_ATTEMPTS:
            log.info("wiki_available", wiki=self._place)
        return answer

    async def close(self) -> None:
        """Close the connections."""
        self._outage.end()
        await self._http.close()

    def _hint(self, detail: str) -> str:
        return explain_private_wiki(self._place, has_credential=self._has_credential) if READ_DENIED in detail else ""

    async def _request(self, parameters: Mapping[str, str]) -> dict[str, Any] | Failure:
        login = await self._session.headers()
        if isinstance(login, Failure):
            return login
        # Posted: fifty long titles exceed the URL length that some servers accept.
        form = encode({**self._fixed, **parameters})
        sent = {**login, "Promise-Non-Write-API-Action": "true"}
        answer = await self._http.request(self._endpoint, "", headers=sent, limit=_LIMIT, form=form)
        if isinstance(answer, Failure):
            return answer
        document = parse_json(answer, place=self._place, now=time())
        if not isinstance(document, Failure) and not document.keys() & _PARTS:
            detail = f"{self._place} answers with JSON that is not the result of a query {quote_answer(answer)}"
            return Failure(FailureKind.UNPARSABLE, detail)
        if not isinstance(document, Failure) and (odd := find_odd_continuation(document.get("continue"))):
            return Failure(FailureKind.UNPARSABLE, f"{self._place} answers oddly: {odd}")
        if not isinstance(document, Failure):
            self._session.on_accepted(login)
        elif document.kind is FailureKind.LOGGED_OUT:
            self._session.on_logged_out(login)
        return document
