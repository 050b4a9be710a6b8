"""Client of one wiki's Action API: it sends a batch query and parses the answer. Besides the login, no module does IO."""

from __future__ import annotations

from time import monotonic, time
from typing import TYPE_CHECKING, Any

import structlog

from wikistate.adapters.mediawiki.action_api import MAX_REVISIONS, ParsedResponse, parse_json
from wikistate.adapters.mediawiki.format_version import REQUEST_PARAMETER
from wikistate.core.enrichment.failures import Failure, FailureKind
from wikistate.core.events.continuation import find_odd_continuation

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from wikistate.adapters.http.client import HttpClient, HttpResponse
    from wikistate.adapters.http.routes import Endpoint
    from wikistate.adapters.mediawiki.batch_query import BatchQuery, ResponseParser
    from wikistate.adapters.mediawiki.metrics import FarmMetrics
    from wikistate.adapters.mediawiki.sessions import Session

_READS_ONLY = {"Promise-Non-Write-API-Action": "true"}
"""Header that keeps a POST in the nearest data centre (MediaWiki Action API documentation, API:Data formats)."""

_MAX_QUERY_CHARS = 4096
"""Largest number of characters of a query in a URL; servers accept 8,000 by default, including path and host."""

_MAX_REMEMBERED_WARNINGS = 100

log = structlog.get_logger(__name__)


class WikiApi:
    """Client of one wiki.

    Args:
        place: Domain of the wiki, for messages.
        http: HTTP client; open before the first request.
        endpoint: Address of the Action API.
        session: Session of the wiki.
        metrics: Metrics of its farm.
        max_response_bytes: Largest size of a decompressed response.
        maxlag: Seconds of replica lag from which the wiki refuses requests.
    """

    def __init__(
        self,
        place: str,
        *,
        http: HttpClient,
        endpoint: Endpoint,
        session: Session,
        metrics: FarmMetrics,
        max_response_bytes: int,
        maxlag: int,
    ) -> None:
        self.place = place
        self._http = http
        self._endpoint = endpoint
        self._session = session
        self._metrics = metrics
        self._limit = max_response_bytes
        self._parameters = {"maxlag": str(maxlag), **session.parameters}
        self._warned: set[str] = set()

    async def fetch_page(
        self,
        batch_query: BatchQuery,
        subjects: Collection[Any],
        continuation: Mapping[str, str],
        *,
        parser: ResponseParser,
    ) -> ParsedResponse | Failure:
        """Send one request and return its parsed response.

        Args:
            batch_query: Kind of query.
            subjects: Subjects of the query; the same for each continuation.
            continuation: Continuation of the previous page; empty for the first.
            parser: Parser of the query; the same for each continuation.
        """
        headers = await self._session.headers()
        if isinstance(headers, Failure):
            return headers
        query = batch_query.build_query(subjects, {**self._parameters, **continuation})
        answer = await self._request(
            query, headers, post=len(subjects) > MAX_REVISIONS or len(query) > _MAX_QUERY_CHARS
        )
        old_format = REQUEST_PARAMETER in query
        document = (
            answer
            if isinstance(answer, Failure)
            else parse_json(answer, place=self.place, now=time(), old_format=old_format)
        )
        page = document if isinstance(document, Failure) else parser(document, subjects, place=self.place)
        if isinstance(page, ParsedResponse) and (odd := find_odd_continuation(page.continuation)):
            page = Failure(FailureKind.UNPARSABLE, f"{self.place} answers oddly: {odd}")
        if isinstance(page, ParsedResponse):
            self._session.on_accepted(headers)
            self._warn(page.warnings)
        elif page.kind is FailureKind.LOGGED_OUT:
            self._session.on_logged_out(headers)
        return page

    async def _request(self, query: str, headers: Mapping[str, str], *, post: bool) -> HttpResponse | Failure:
        """Send a query. Long ones are posted, because hundreds of ids or some titles exceed the URL length of some servers."""
        started = monotonic()
        if post:
            headers = {**headers, **_READS_ONLY}
            answer = await self._http.request(self._endpoint, "", headers=headers, limit=self._limit, form=query)
        else:
            answer = await self._http.request(self._endpoint, query, headers=headers, limit=self._limit)
        self._metrics.request_seconds(monotonic() - started)
        self._metrics.count_request("error" if isinstance(answer, Failure) else str(answer.status))
        return answer

    def _warn(self, warnings: Iterable[str]) -> None:
        """Log each warning once: all requests of a wiki repeat it."""
        for text in warnings:
            if text not in self._warned and len(self._warned) < _MAX_REMEMBERED_WARNINGS:
                self._warned.add(text)
                log.warning("wiki_warning", wiki=self.place, text=text)
