"""Fetches the RDF of entities from ``Special:EntityData``: limits, retries, bounds."""

from __future__ import annotations

import asyncio
import random
from time import monotonic, time
from typing import TYPE_CHECKING, Protocol

import structlog
from yarl import URL

from wikistate.adapters.mediawiki.entity_answers import (
    Address,
    EntityDataSettings,
    read_answer,
    redirected,
)
from wikistate.adapters.mediawiki.limits import FarmSettings
from wikistate.adapters.mediawiki.measures import FarmMeasures
from wikistate.adapters.mediawiki.sessions import ANONYMOUS
from wikistate.adapters.mediawiki.turnstile import Turnstile
from wikistate.core.enrichment.failures import Failure, FailureKind, Scope, row_of
from wikistate.core.enrichment.judge import Fail, wait
from wikistate.core.updater.entity_id import parse_page_entity
from wikistate.core.updater.fetching import (
    FETCH_POLICY,
    FetchErrorType,
    FetchFailure,
    Tries,
    error_type_of,
    judge_fetch,
)
from wikistate.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wikistate.adapters.http import Answer, HttpClient
    from wikistate.adapters.mediawiki.sessions import Session
    from wikistate.core.enrichment.judge import RetryPolicy
    from wikistate.telemetry.meter import Meter

_WORTH_SAYING = 3
"""From this try on a failure is logged: one or two are an everyday thing."""

_NOT_ALLOWED = frozenset({401, 403})

_NOT_AN_ID = "InvalidEntityId"

log = structlog.get_logger(__name__)


class EntityFetcher(Protocol):
    """Where entities come from.

    Protocol: any number of calls at the same time, on one loop; each waits for its turn and for a wiki that is down.
    Cancelling a call gives its turn back.
    """

    async def fetch(self, entity_id: str, revision: int, *, event_time: int | None = None) -> bytes | FetchFailure:
        """See `EntityDataClient.fetch`."""


class EntityDataClient:
    """Asks one wiki. `open` first, `close` at the end.

    Args:
        settings: Where entities are.
        http: How requests are made; opened and closed with this client.
        meter: Takes the measurements.
        limits: How much the wiki is asked at once.
        session: Who we are to it, for a wiki that not everybody may read; made for this wiki and this `http`.
        policy: How often and how patiently.
        clock: Seconds since the epoch.
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
        clock: Callable[[], float] = time,
    ) -> None:
        self.settings = settings
        self._http = http
        self._session = session
        self._policy = policy
        self._clock = clock
        self._turnstile = Turnstile(limits or FarmSettings())
        self._measures = FarmMeasures(meter, URL(settings.prefix).host or "")
        self._answered_last = float("-inf")

    async def open(self) -> None:
        """Make the session; nothing is sent."""
        await self._http.open()

    async def close(self) -> None:
        """Drop the connections."""
        await self._http.close()

    def url(self, entity_id: str, revision: int) -> str:
        """The address that is asked: the base of the relative IRIs in the answer."""
        return str(self.settings.address(entity_id, revision, now_ms=int(self._clock() * 1000)))

    async def fetch(self, entity_id: str, revision: int, *, event_time: int | None = None) -> bytes | FetchFailure:
        """The RDF of an entity, in the format and with the size that the settings say.

        A wiki that does not answer, is overloaded or asks for less is waited for, without end: cancel it if need be.

        Args:
            entity_id: Such as ``Q42``.
            revision: Which one; 0 for the current one.
            event_time: When the change happened that led here, milliseconds since the epoch. Within
                `RetryPolicy.acceptable_lag` of it a revision that is not there counts as not yet replicated. None: what is
                not there is gone.
        """
        try:
            parse_page_entity(entity_id)
        except InputError as error:
            return FetchFailure(FetchErrorType.UNKNOWN, _NOT_AN_ID, error.message, entity_id, revision)
        began, tries = monotonic(), Tries()
        while isinstance(found := await self._try(entity_id, revision), Failure):
            wiki_answers = self._answered_last > began
            tries = tries.failed(found.kind, wiki_answers=wiki_answers)
            verdict = judge_fetch(
                found,
                tries=tries,
                age=None if event_time is None else self._clock() - event_time / 1000,
                policy=self._policy,
                wiki_answers=wiki_answers,
                jitter=random.random(),  # noqa: S311  (spreads clients, hides nothing)
            )
            if isinstance(verdict, Fail):
                return FetchFailure(error_type_of(found.kind), found.kind.value, verdict.message, entity_id, revision)
            self._say(found, tries, verdict.after)
            await asyncio.sleep(verdict.after)
        return found

    def _say(self, failure: Failure, tries: Tries, after: float) -> None:
        self._measures.retried(failure.kind)
        if tries.made >= _WORTH_SAYING:
            log.warning("entity_fetch_failed", reason=failure.detail, tries=tries.made, retry_in=round(after, 1))

    async def _try(self, entity_id: str, revision: int) -> bytes | Failure:
        self._measures.waiting(self._turnstile.waiting + 1)
        sent = await self._turnstile.enter()
        try:
            return await self._ask(self.settings.address(entity_id, revision, now_ms=int(self._clock() * 1000)), sent)
        finally:
            self._turnstile.leave()
            self._measures.waiting(self._turnstile.waiting)
            self._measures.concurrency(self._turnstile.limit)

    async def _ask(self, address: Address, sent: float) -> bytes | Failure:
        answer = await self._send(address)
        if not isinstance(answer, Failure) and (other := redirected(answer, address)):
            answer = await self._send(other)
        found = answer if isinstance(answer, Failure) else read_answer(answer, address, now=self._clock())
        if not isinstance(found, Failure) or found.kind is FailureKind.BAD_REVISION:
            self._answered_last = monotonic()
            self._turnstile.answered(self._answered_last - sent)
        elif row_of(found.kind).slows is not Scope.NOTHING:
            self._turnstile.overloaded(sent=sent, pause=wait(found, attempt=1, policy=self._policy))
        return found

    async def _send(self, address: Address) -> Answer | Failure:
        headers = await self._session.headers()
        if isinstance(headers, Failure):
            return headers
        began = monotonic()
        endpoint = self._http.endpoint(address.url)
        answer = await self._http.ask(endpoint, address.query, headers=headers, limit=self.settings.max_bytes)
        self._measures.request_seconds(monotonic() - began)
        self._measures.requested("error" if isinstance(answer, Failure) else str(answer.status))
        if not isinstance(answer, Failure) and answer.status in _NOT_ALLOWED and headers:
            self._session.logged_out(headers)
            return Failure(FailureKind.LOGGED_OUT, f"{address} answers {answer.status}: the login does not hold")
        return answer
