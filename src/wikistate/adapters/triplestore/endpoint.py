"""Client of a store behind a SPARQL endpoint (SPARQL 1.1 Protocol)."""

from __future__ import annotations

import asyncio
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, TypeVar, assert_never
from urllib.parse import urlencode

import orjson
from pyoxigraph import Literal

from wikistate.adapters.http.addresses import is_http_url
from wikistate.adapters.http.answers import clean_body, quote_first_line
from wikistate.adapters.http.outages import Outage
from wikistate.adapters.triplestore.answer_size import THREAD_THRESHOLD_BYTES, check_answer
from wikistate.adapters.triplestore.endpoint_client import EndpointClient, EndpointSettings
from wikistate.adapters.triplestore.responses import (
    Rejected,
    Retry,
    Success,
    classify_unreadable,
    parse_change_count,
)
from wikistate.adapters.triplestore.sparql_store import SparqlStoreBase
from wikistate.adapters.triplestore.store import ApplyResult, OutageRetry, StoreAccess, StoreChanged, emptied_error
from wikistate.adapters.triplestore.update_sequence import UpdateSequence
from wikistate.core.sparql.guards import build_first_request, build_guarded_requests
from wikistate.core.sparql.queries import parse_results
from wikistate.core.sparql.updates import build_requests
from wikistate.core.updater.store_metadata import StoreForm
from wikistate.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from typing import Any

    from wikistate.adapters.triplestore.store import OnOutage, StoreDescription
    from wikistate.core.sparql.guards import GuardedRequest
    from wikistate.core.sparql.update_target import UpdateTarget
    from wikistate.core.updater.store_metadata import Row, StorePosition
    from wikistate.core.updater.store_patch import StorePatch
    from wikistate.core.updater.store_state import StoreState
    from wikistate.streaming.record import Partition

_T = TypeVar("_T")
_UPDATE_HEADERS = {"Content-Type": "application/sparql-update; charset=UTF-8", "Accept": "*/*"}
_QUERY_HEADERS = {"Accept": "application/sparql-results+json"}
_ZERO = str(Literal(0))
_NOT_SHOWN = Retry("The store accepted an update and does not show it.", None, is_limited=True)
_NOT_SHOWN_HINT = "Set `store.query_url` to a URL that is not behind a cache or a replica of the store."


class _TimedResponse(NamedTuple):
    body: bytes
    seconds: float


@dataclass(slots=True)
class _Failures:
    """Failures of one request in a row.

    Attributes:
        number: Number of failures.
        limited: Number of those that the request itself may cause. An outage before them does not count.
    """

    number: int = 0
    limited: int = 0


class SparqlEndpoint(SparqlStoreBase):
    """See `wikistate.adapters.triplestore.store.TripleStore`.

    A batch is one request if it fits into one; most stores run it as one transaction. If a batch needs several requests,
    the last one holds the position, so that after a crash between them the batch is applied again. `apply_after` guards
    each operation, so that a store which comes back in another state during an outage does not apply it.

    Once the store has been opened, an odd answer is waited for as well: a proxy in front of a store answers with a web page,
    403, 404 or a redirect for a while. Before, such an answer shows a wrong setting and is an error.

    Args:
        settings: Settings of the endpoint.
        target: Parts that all statements share.
        on_outage: Called before each wait, and with None when the outage is over.
        sleep: Waits for a number of seconds.
        access: Use of the store.
    """

    def __init__(
        self,
        settings: EndpointSettings,
        target: UpdateTarget,
        *,
        access: StoreAccess = StoreAccess.KEEP,
        on_outage: OnOutage = lambda _: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        super().__init__(target, access=access)
        self._waits = self._has_answered = self._answers_updates_with_pages = False
        self._outage = Outage("store", settings.update_url, limit=settings.reconnect_limit)
        self._settings = settings
        self._on_outage = on_outage
        self._sleep = sleep
        self._client = EndpointClient(settings)

    async def open(self) -> StoreDescription:
        """See `TripleStore`. Raises `ConfigError` when a URL is not valid."""
        for url in filter(None, (self._settings.update_url, self._settings.query_url)):
            if not is_http_url(url):
                raise ConfigError(
                    f"{url!r} is not the URL of a store.", hint="Set an http or https URL.", key="store.location"
                )
        await self._client.open()
        description = await self._check_and_describe()
        self._has_answered = True
        return description

    async def apply(
        self, patch: StorePatch, positions: Mapping[Partition, StorePosition], freshness: int | None
    ) -> ApplyResult:
        """See `TripleStore`."""
        # All requests are built before the first is sent, so that a term without a SPARQL form stops the whole batch.
        texts = await asyncio.to_thread(build_requests, patch, positions, freshness, self._target)
        responses = [await self._update(text) for text in texts]
        counts = [parse_change_count(response.body) for response in responses]
        known = [count for count in counts if count is not None]
        changes = sum(known) if known and len(known) == len(counts) else None
        return ApplyResult(changes, sum(response.seconds for response in responses), len(texts))

    async def apply_after(
        self,
        expected: StoreState,
        patch: StorePatch,
        positions: Mapping[Partition, StorePosition],
        freshness: int | None,
    ) -> ApplyResult | StoreChanged:
        """See `TripleStore`.

        A request without a clear answer counts as unknown, and one that succeeded may have met another state: so the state
        is read after each request. It shows whether the request was applied, also when that becomes visible late, and which
        request is next.
        """
        sequence = await asyncio.to_thread(self._build_sequence, expected, patch, positions, freshness)
        counts: list[int | None] = [None] * len(sequence)
        seconds = [0.0] * len(sequence)
        applied, failures = 0, _Failures()
        while applied < len(sequence):
            sent = applied
            started_at = time.monotonic()
            result = self._check_page(
                await self._attempt(self._settings.update_url, _UPDATE_HEADERS, body=sequence[sent].encode())
            )
            seconds[sent] = time.monotonic() - started_at
            counts[sent] = parse_change_count(result.body) if isinstance(result, Success) else None
            if isinstance(result, Retry):
                await self._wait_before_retry(result, failures)
            found = await self.state()
            count = sequence.count_applied(found)
            if count == sent and isinstance(result, Success):
                if found.token is None:
                    await self._raise_if_emptied()
                await self._wait_before_retry(_NOT_SHOWN, failures)
                found = await self.state()
                count = sequence.count_applied(found)
            if count is None:
                self._report_recovery()
                return StoreChanged(found)
            if count > sent:
                self._report_recovery()
                failures = _Failures()
            applied = count
        known = [count for count in counts if count is not None]
        changes = sum(known) if known and len(known) == len(counts) else None
        return ApplyResult(changes, sum(seconds), len(sequence), sequence.final_state.token)

    def _build_sequence(
        self,
        expected: StoreState,
        patch: StorePatch,
        positions: Mapping[Partition, StorePosition],
        freshness: int | None,
    ) -> UpdateSequence:
        # All requests are built before the first is sent, so that a term without a SPARQL form stops the whole batch.
        batch, now = self._new_batch_id(), int(time.time() * 1000)
        first = [self._build_first_request(expected, batch, now)] if expected.token is None else []
        before = expected.token or first[0].token
        rest = build_guarded_requests(patch, positions, freshness, self._target, before=before, batch=batch, now=now)
        return UpdateSequence(expected, [*first, *rest], positions)

    def _build_first_request(self, expected: StoreState, batch: str, now: int) -> GuardedRequest:
        opened = self._opened
        return build_first_request(
            expected, self._target, form=opened.form, from_empty=opened.from_empty, batch=batch, now=now
        )

    async def _raise_if_emptied(self) -> None:
        """Raise `StoreError` if the store has lost the entities that it held before the first update."""
        loaded = self._opened.form is not StoreForm.EMPTY and not self._opened.from_empty
        if loaded and await self.form() is StoreForm.EMPTY:
            raise emptied_error("it holds no entities any more, and has no position yet")

    async def query(self, query: str) -> list[Row]:
        """See `TripleStore`."""
        return await self._query_json(query, parse_results)

    async def ask(self, query: str) -> bool:
        """See `TripleStore`."""
        return await self._query_json(query, _read_boolean)

    async def close(self) -> None:
        """See `TripleStore`."""
        self._outage.end()
        await self._client.close()

    async def _update(self, update: str) -> _TimedResponse:
        url = self._settings.update_url
        result, seconds = await self._send(url, _UPDATE_HEADERS, lambda answer: answer, body=update.encode())
        self._answers_updates_with_pages |= result.is_page
        return _TimedResponse(result.body, seconds)

    def _check_page(self, result: Success | Retry) -> Success | Retry:
        """Return the answer to an update, as a failure if it is a web page although the store has answered with none."""
        if (
            isinstance(result, Retry)
            or not result.is_page
            or self._answers_updates_with_pages
            or not self._has_answered
        ):
            return result
        reason = f"{self._settings.update_url} answers an update with a web page: {quote_first_line(result.body)}."
        hint = "Check that no proxy answers instead of the store."
        return Retry(reason, None, is_limited=False, error=StoreError(reason, hint=hint))

    async def _query_json(self, query: str, read: Callable[[Any], _T]) -> _T:
        url = self._settings.query_url or self._settings.update_url

        def parse(result: Success) -> _T:
            check_answer(result.body, url)
            try:
                return read(orjson.loads(clean_body(result.body, url)))
            except orjson.JSONDecodeError as error:
                raise StoreError(
                    f"{url} answers a query without valid JSON: {error}. The answer begins with "
                    f"{quote_first_line(result.body)}.",
                    hint="Check that the URL is that of SPARQL queries, and that no proxy answers instead of the store.",
                    query=query,
                ) from error

        # Virtuoso 7.2.5 needs queries as a form. Updates are not sent as a form, because that makes them larger.
        found, _ = await self._send(url, _QUERY_HEADERS, parse, form=urlencode({"query": query}))
        return found

    async def _send(
        self,
        url: str,
        headers: Mapping[str, str],
        read: Callable[[Success], _T],
        *,
        form: str | None = None,
        body: bytes | None = None,
    ) -> tuple[_T, float]:
        """Send a request until it succeeds or is rejected. It must be the same in every state of the store.

        Returns:
            Result of `read`, and the duration of the last attempt in seconds.
        """
        failures = _Failures()
        while True:
            started_at = time.monotonic()
            result = await self._attempt(url, headers, form=form, body=body)
            seconds = time.monotonic() - started_at
            if isinstance(result, Success):
                try:
                    is_large = len(result.body) >= THREAD_THRESHOLD_BYTES
                    found = await asyncio.to_thread(read, result) if is_large else read(result)
                except StoreError as error:
                    if not self._waits_for_odd_answers:
                        raise
                    result = classify_unreadable(error, result.body)
                else:
                    self._report_recovery()
                    return found, seconds
            await self._wait_before_retry(result, failures)

    @property
    def _waits_for_odd_answers(self) -> bool:
        return self._has_answered and self._settings.reconnect_limit != 0

    async def _attempt(
        self, url: str, headers: Mapping[str, str], *, form: str | None = None, body: bytes | None = None
    ) -> Success | Retry:
        """Send a request once. Raises the error of a rejection."""
        result = await self._client.send(url, headers, form=form, body=body)
        match result:
            case Success() | Retry():
                return result
            case Rejected():
                if result.is_odd and self._waits_for_odd_answers:
                    return Retry(str(result.error), None, is_limited=False, error=result.error)
                raise result.error
            case unknown:
                assert_never(unknown)

    def _report_recovery(self) -> None:
        if self._waits:
            self._waits = False
            self._outage.end()
            self._on_outage(None)

    async def _wait_before_retry(self, retry: Retry, failures: _Failures) -> None:
        failures.number += 1
        failures.limited += retry.is_limited
        if retry.is_limited and failures.limited >= self._settings.tries:
            hint = _NOT_SHOWN_HINT if retry is _NOT_SHOWN else "See the log of the store for the reason."
            hint = retry.error.hint if retry.error is not None and retry.error.hint else hint
            raise StoreError(f"{retry.reason} The request failed {failures.limited} times.", hint=hint)
        backoff = min(self._settings.longest_wait, self._settings.first_wait * 2 ** min(failures.number - 1, 30))
        # Clients of a store that becomes available again must not all send at the same moment.
        seconds = max(min(retry.after or 0.0, self._settings.max_retry_after), backoff * random.uniform(0.8, 1.0))  # noqa: S311 (not a secret)
        self._waits = True
        self._on_outage(OutageRetry(retry.reason, failures.number, seconds))
        if not self._outage.begin() and self._has_answered:
            raise retry.error or StoreError(
                f"{retry.reason} The store has not answered for {self._settings.reconnect_limit:g} seconds.",
                hint="Check that the store runs. `store.reconnect_limit` is the longest wait.",
            )
        await self._sleep(seconds)


def _read_boolean(answer: Any) -> bool:
    if isinstance(answer, dict) and isinstance(answer.get("boolean"), bool):
        return bool(answer["boolean"])
    if rows := parse_results(answer):  # Virtuoso 7.2.5 answers with a table of one cell
        return any(str(value) != _ZERO for value in rows[0].values())
    raise StoreError("The store answers an ASK query without a boolean.")
