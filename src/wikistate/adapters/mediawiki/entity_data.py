"""Client of ``Special:EntityData``: it fetches the RDF of entities within limits and with retries."""

from __future__ import annotations

import asyncio
import random
from dataclasses import replace
from time import monotonic, time
from typing import TYPE_CHECKING, Protocol

import structlog
from yarl import URL

from wikistate.adapters.http.client import OK
from wikistate.adapters.http.outages import OUTAGES
from wikistate.adapters.mediawiki.entity_responses import (
    EntityDataSettings,
    EntityUrl,
    find_prefix,
    is_web_page,
    parse_response,
    resolve_redirect,
)
from wikistate.adapters.mediawiki.limits import FarmSettings
from wikistate.adapters.mediawiki.metrics import FarmMetrics
from wikistate.adapters.mediawiki.request_limiter import RequestLimiter
from wikistate.adapters.mediawiki.sessions import ANONYMOUS
from wikistate.core.enrichment.circuit_breaker import BreakerSettings, CircuitBreaker
from wikistate.core.enrichment.failures import Failure, FailureKind, SlowdownScope, find_failure_rule
from wikistate.core.enrichment.retry import Fail, compute_retry_delay
from wikistate.core.updater.entity_id import parse_page_entity
from wikistate.core.updater.fetch_failures import (
    FETCH_POLICY,
    FetchErrorType,
    FetchFailure,
    RetryState,
    decide_fetch_retry,
    to_fetch_error_type,
)
from wikistate.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wikistate.adapters.http.client import HttpClient, HttpResponse
    from wikistate.adapters.mediawiki.sessions import Session
    from wikistate.core.enrichment.retry import RetryPolicy
    from wikistate.telemetry.meter import Meter

_LOG_AFTER_ATTEMPTS = 3
"""Number of attempts from which a failure is logged: one or two failures are common."""

_MAX_REDIRECTS = 5
"""Number of redirects that are followed for one request. A wiki needs one or two, for the language and for short URLs."""

_NOT_ALLOWED = frozenset({401, 403})

_NOT_AN_ID = "InvalidEntityId"

log = structlog.get_logger(__name__)


class EntityFetcher(Protocol):
    """Port to the RDF of entities.

    Protocol: any number of concurrent calls on one loop. Each waits for the request limiter and during an outage of the
    wiki. A cancelled call releases its slot.
    """

    async def fetch(
        self, entity_id: str, revision: int, *, event_time: int | None = None, max_bytes: int | None = None
    ) -> bytes | FetchFailure:
        """See `EntityDataClient.fetch`."""


class EntityDataClient:
    """Client of one wiki. Call `open` first and `close` at the end.

    Redirects are followed to another address of the same revision on the same server. Later requests are sent to that
    address.

    Args:
        settings: Address and limits of the RDF.
        http: HTTP client; opened and closed with this client.
        meter: Records the metrics.
        limits: Limits of concurrency and rate.
        session: Session for a wiki that is not public; created for this wiki and this `http`.
        policy: Retry policy.
        breaker: Settings of the circuit breaker of the wiki.
        clock: Returns seconds since the epoch.
    """

    def __init__(
        self,
        settings: EntityDataSettings,
        http: HttpClient,
        meter: Meter,
        *,
        limits: FarmSettings | None = None,
        session: Session = ANONYMOUS,
        policy: RetryPolicy = FETCH_POLICY,
        breaker: BreakerSettings | None = None,
        clock: Callable[[], float] = time,
    ) -> None:
        self.settings = settings
        self._http = http
        self._session = session
        self._policy = policy
        self._clock = clock
        self._breaker = CircuitBreaker(breaker or BreakerSettings())
        self._limiter = RequestLimiter(limits or FarmSettings(), breaker=self._breaker)
        self._metrics = FarmMetrics(meter, URL(settings.prefix).host or "")
        self._last_response_at = float("-inf")

    async def open(self) -> None:
        """Open the HTTP session. No request is sent."""
        await self._http.open()

    async def close(self) -> None:
        """Close the connections."""
        await self._http.close()

    def url(self, entity_id: str, revision: int) -> str:
        """Return the address of a revision, which is the base of the relative IRIs in the response."""
        return str(self.settings.build_url(entity_id, revision, now_ms=int(self._clock() * 1000)))

    async def fetch(
        self, entity_id: str, revision: int, *, event_time: int | None = None, max_bytes: int | None = None
    ) -> bytes | FetchFailure:
        """Return the RDF of an entity, in the format and within the size of the settings, or the failure.

        While the wiki does not answer or reports overload, the call retries without limit; cancel it to stop.

        Args:
            entity_id: Entity id, such as ``Q42``.
            revision: Revision id; 0 for the current revision.
            event_time: Time of the change, milliseconds since the epoch. Within `RetryPolicy.acceptable_lag` of it, a
                missing revision counts as not yet replicated. With None a missing revision counts as deleted.
            max_bytes: Largest size of the RDF below that of the settings; None for that of the settings.
        """
        try:
            parse_page_entity(entity_id)
        except InputError as error:
            return FetchFailure(FetchErrorType.UNKNOWN, _NOT_AN_ID, error.message, entity_id, revision)
        started_at, retry_state = monotonic(), RetryState()
        while isinstance(found := await self.request(entity_id, revision, max_bytes=max_bytes), Failure):
            if self._breaker.is_open:
                if self._breaker.rejects:
                    rejection = self._breaker.rejection
                    return FetchFailure(FetchErrorType.UNKNOWN, rejection.value, found.detail, entity_id, revision)
                found = found._replace(kind=FailureKind.CIRCUIT_OPEN, retry_after=0.0)
            wiki_responds = self._last_response_at > started_at
            retry_state = retry_state.after_failure(found.kind, wiki_responds=wiki_responds)
            retry = decide_fetch_retry(
                found,
                retry_state=retry_state,
                age=None if event_time is None else self._clock() - event_time / 1000,
                policy=self._policy,
                wiki_responds=wiki_responds,
                jitter=random.random(),  # noqa: S311  (spreads clients, not a secret)
            )
            if isinstance(retry, Fail):
                return FetchFailure(
                    to_fetch_error_type(found.kind), found.kind.value, retry.message, entity_id, revision
                )
            self._log_retry(found, retry_state, retry.seconds)
            await asyncio.sleep(retry.seconds)
        return found

    def _log_retry(self, failure: Failure, retry_state: RetryState, after: float) -> None:
        self._metrics.count_retry(failure.kind)
        if retry_state.attempts >= _LOG_AFTER_ATTEMPTS:
            log.warning(
                "entity_fetch_failed", reason=failure.detail, tries=retry_state.attempts, retry_in=round(after, 1)
            )

    async def request(self, entity_id: str, revision: int, *, max_bytes: int | None = None) -> bytes | Failure:
        """Return the RDF of an entity, or the failure of the only attempt.

        Args:
            entity_id: Valid id of an entity with a page.
            revision: Revision id; 0 for the current revision.
            max_bytes: See `fetch`.
        """
        limit = min(self.settings.max_bytes, max_bytes or self.settings.max_bytes)
        self._metrics.waiting(self._limiter.waiting + 1)
        if self._breaker.rejects and self._breaker.ready_at() > monotonic():
            return Failure(self._breaker.rejection, f"{self.settings.prefix} refuses every request")
        sent = await self._limiter.acquire()
        try:
            return await self._request_address(
                self.settings.build_url(entity_id, revision, now_ms=int(self._clock() * 1000)), sent, limit
            )
        finally:
            self._breaker.dropped()
            self._limiter.release()
            self._metrics.waiting(self._limiter.waiting)
            self._metrics.concurrency(self._limiter.limit)

    async def _request_address(self, address: EntityUrl, sent: float, limit: int) -> bytes | Failure:
        found = await self._follow(address, limit)
        self._note_refusal(found, address)
        if not isinstance(found, Failure) or found.kind is FailureKind.BAD_REVISION:
            self._last_response_at = monotonic()
            self._limiter.answered(self._last_response_at - sent)
        elif find_failure_rule(found.kind).slowdown is not SlowdownScope.NOTHING:
            self._limiter.overloaded(sent=sent, pause=compute_retry_delay(found, attempt=1, policy=self._policy))
        return found

    async def _follow(self, address: EntityUrl, limit: int) -> bytes | Failure:
        """Return what is in the last response. Follow redirects to other addresses of the same document."""
        answer, requested = await self._send(address, limit), address
        for _ in range(_MAX_REDIRECTS):
            target = None if isinstance(answer, Failure) else resolve_redirect(answer, requested)
            if target is None:
                break
            answer, requested = await self._send(target, limit), target
        found = answer if isinstance(answer, Failure) else parse_response(answer, requested, now=self._clock())
        if requested is not address and isinstance(found, bytes):
            self._use_address_of(requested)
        return found

    def _use_address_of(self, target: EntityUrl) -> None:
        """Send later requests to the address to which the wiki redirects."""
        prefix, before = find_prefix(target, self.settings), self.settings.prefix
        if prefix and prefix != before:
            self.settings = replace(self.settings, prefix=prefix)
            log.info("entity_data_redirected", requested=before, target=prefix)

    def _note_refusal(self, found: bytes | Failure, address: EntityUrl) -> None:
        """Report to the circuit breaker. An answer 404 counts as a refusal unless it is about the entity."""
        if not isinstance(found, Failure) or (found.kind is FailureKind.BAD_REVISION and found.names_subject):
            if self._breaker.answered():
                OUTAGES.end("wiki", self.settings.prefix)
                log.info("circuit_closed", wiki=self.settings.prefix)
            return
        kind = FailureKind.CLIENT_ERROR if found.kind is FailureKind.BAD_REVISION else found.kind
        jitter = random.random()  # noqa: S311  (spreads clients, not a secret)
        if self._breaker.failed(kind, (address.entity,), now=monotonic(), jitter=jitter):
            OUTAGES.begin("wiki", self.settings.prefix)
            log.error("circuit_opened", wiki=self.settings.prefix, reason=found.detail)

    async def _send(self, address: EntityUrl, limit: int) -> HttpResponse | Failure:
        headers = await self._session.headers()
        if isinstance(headers, Failure):
            return headers
        started_at = monotonic()
        endpoint = self._http.endpoint(address.url)
        answer = await self._http.request(endpoint, address.query, headers=headers, limit=limit)
        self._metrics.request_seconds(monotonic() - started_at)
        self._metrics.count_request("error" if isinstance(answer, Failure) else str(answer.status))
        if not isinstance(answer, Failure) and answer.status == OK and not is_web_page(answer):
            self._session.on_accepted(headers)
        if headers and not isinstance(answer, Failure) and (answer.status in _NOT_ALLOWED or is_web_page(answer)):
            self._session.on_logged_out(headers)
            found = "with a web page" if is_web_page(answer) else str(answer.status)
            return Failure(FailureKind.LOGGED_OUT, f"{address} answers {found}: the login is no longer valid")
        return answer
