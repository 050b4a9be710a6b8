"""The context that a custom enrichment receives beside the event: wikis, a logger, metrics and settings.

All events share it, so that requests can be coalesced: two events that query a wiki at the same time share one request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from wikistate.adapters.mediawiki.raw_query import RAW_QUERY, encode_parameters
from wikistate.core.enrichment.content import with_content
from wikistate.core.enrichment.failures import Failure
from wikistate.core.enrichment.plan import Fetch, PassThrough, Reject, plan_fetch
from wikistate.core.enrichment.retry import Fail
from wikistate.core.events.integers import is_integer
from wikistate.core.events.meta import domain_of
from wikistate.errors import InputError, WikiError
from wikistate.jobs.enrichment import event_created_at
from wikistate.telemetry import metrics
from wikistate.telemetry.capped_label import CappedLabel

if TYPE_CHECKING:
    from collections.abc import Mapping

    import structlog

    from wikistate.adapters.mediawiki.revisions import RevisionClient
    from wikistate.adapters.mediawiki.wikis import Wiki, Wikis
    from wikistate.core.enrichment.content import Content
    from wikistate.core.events.meta import Event
    from wikistate.telemetry.meter import Meter


Answer = TypeVar("Answer")


class Skip(Exception):  # noqa: N818  (a signal, not an error)
    """Signal that an event is not wanted: return or raise it, and the event is dropped and counted under the reason.

    Args:
        reason: Label of a metric: a few words that are the same for many events.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class FetchError(WikiError):
    """Failure of a wiki to return the requested content, also after the allowed number of attempts.

    Attributes:
        error_type: Type of the error event, as in the table of failures.
    """

    def __init__(self, message: str, *, hint: str = "", **ids: object) -> None:
        super().__init__(message, hint=hint, **ids)
        self.error_type = str(ids.get("error_type", type(self).__name__))


class WikiClient:
    """Client of one wiki. It coalesces requests, keeps the limits of the farm, and retries if that may help.

    Args:
        wiki: Wiki from the list of allowed wikis.
        client: Sends the requests.
    """

    def __init__(self, wiki: Wiki, client: RevisionClient) -> None:
        self._wiki = wiki
        self._client = client

    @property
    def domain(self) -> str:
        """The wiki's canonical domain."""
        return self._wiki.domain

    async def revision(self, rev_id: int, *, born: float | None = None) -> Content:
        """Return the content of a revision with all of its slots. Up to 50 concurrent calls share a request.

        Args:
            rev_id: Revision id.
            born: Time of the event, seconds since the epoch. While the wiki does not know the revision of a recent
                event yet, the request is retried.

        Raises:
            FetchError: The content cannot be fetched.
        """
        return _answer_or_raise(await self._client.fetch_async(self._wiki, rev_id, event_time=born))

    async def ask(self, **parameters: object) -> dict[str, Any]:
        """Return the answer to a query of the Action API, for example ``ask(prop="categories", titles="Ash", cllimit=50)``.

        Each call is a separate request within the same limits. The answer may be the first of several: pass the fields of
        its member ``continue``, if there is one, as parameters of the next call.

        Args:
            **parameters: Parameters of the query; ``action=query``, ``format=json`` and ``formatversion=2`` are implied. A
                list is sent as ``a|b|c``.

        Returns:
            The document in the answer of the wiki.

        Raises:
            FetchError: The wiki does not answer, or answers with an error.
        """
        document: dict[str, Any] = _answer_or_raise(
            await self._client.query_async(self._wiki, RAW_QUERY, encode_parameters(parameters))
        )
        return document


class CustomMetrics:
    """Metrics of an enrichment, by name. Only the first hundred names are distinguished: never use titles or ids.

    Args:
        meter: Records the metrics.
    """

    def __init__(self, meter: Meter) -> None:
        self._counts = CappedLabel(lambda name: meter.counter(metrics.CUSTOM_COUNT, name=name))
        self._values = CappedLabel(lambda name: meter.gauge(metrics.CUSTOM_VALUE, name=name))

    def count(self, name: str, number: float = 1) -> None:
        """Add to ``wikistate_custom_total{name=…}``."""
        self._counts.count(name, number)

    def gauge(self, name: str, value: float) -> None:
        """Set ``wikistate_custom_value{name=…}``."""
        self._values.count(name, value)


class Context:
    """Context of a custom enrichment: second argument of the user's function.

    Args:
        wikis: Allowed wikis by domain.
        client: Sends the requests to them.
        max_content_size: Largest size of all slots of a revision together, in bytes; for `with_content`.
        settings: See the attribute.
        log: See the attribute.
        meter: Records the metrics.

    Attributes:
        settings: The section ``custom.settings`` of the configuration.
        log: Logger; its entries carry the name of the job.
        metrics: Custom counters and gauges.
    """

    def __init__(
        self,
        *,
        wikis: Wikis,
        client: RevisionClient,
        max_content_size: int,
        settings: Mapping[str, Any],
        log: structlog.typing.FilteringBoundLogger,
        meter: Meter,
    ) -> None:
        self._wikis = wikis
        self._client = client
        self._max_content_size = max_content_size
        self.settings = settings
        self.log = log
        self.metrics = CustomMetrics(meter)

    def wiki(self, domain: str) -> WikiClient:
        """Return the client of the wiki with a domain such as ``meta.domain``.

        Raises:
            FetchError: The wiki is not in the list of allowed wikis.
        """
        return WikiClient(_answer_or_raise(self._wikis.lookup(domain)), self._client)

    def _wiki_of(self, event: Event, domain: str) -> WikiClient:
        """Return the client of the wiki of an event. Raise `FetchError` for an event that names two wikis."""
        wiki: Wiki = _answer_or_raise(self._wikis.lookup(domain))
        if contradiction := self._wikis.check_event(event, wiki):
            _answer_or_raise(contradiction)
        return WikiClient(wiki, self._client)

    async def revision(self, event: Event) -> Content:
        """Return the content of the revision of an event of mediawiki/page/change.

        If the content is hidden, its ``slots`` are empty or have no ``body``.

        Raises:
            FetchError: The content cannot be fetched.
            InputError: The event does not name the revision or the wiki.
        """
        rev_id = (event.get("revision") or {}).get("rev_id")
        domain = domain_of(event)
        if not is_integer(rev_id, minimum=1) or domain is None:
            raise InputError("The event does not name its revision: it needs revision.rev_id and meta.domain.")
        return await self._wiki_of(event, domain).revision(rev_id, born=event_created_at(event))

    async def with_content(self, event: Event) -> Event:
        """Return the event with ``content_body`` in its slots, as page-content-change emits it.

        Raises:
            FetchError: The content cannot be fetched, or is larger than the limit.
            InputError: The event does not name the revision or the wiki.
        """
        match plan_fetch(event):
            case PassThrough():
                return event
            case Reject(error_type, message):
                raise InputError(message, error_type=error_type)
            case Fetch(domain, rev_id):
                content = await self._wiki_of(event, domain).revision(rev_id, born=event_created_at(event))
                return _answer_or_raise(with_content(event, content, max_content_size=self._max_content_size))


def _answer_or_raise(answer: Answer | Fail | Failure) -> Answer:
    """Return the answer. Raises `FetchError` if it is a failure."""
    match answer:
        case Fail(error_type, message):
            raise FetchError(message, error_type=error_type)
        case Failure(kind, detail):
            raise FetchError(f"{detail}.", error_type=kind)
    return answer
