"""What an enrichment of the user's is given beside the event: wikis, a logger, metrics, settings.

All of it is shared by all events, because that is where batches come from: two events that ask a wiki at the same time
are answered by one request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from wikistate.adapters.mediawiki.raw_query import RAW_QUERY, encode_parameters
from wikistate.core.enrichment.content import with_content
from wikistate.core.enrichment.failures import Failure
from wikistate.core.enrichment.plan import Fetch, PassThrough, Reject, plan_fetch
from wikistate.core.enrichment.retry import Fail
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


class Skip(Exception):  # noqa: N818  (a signal, no error)
    """The event is not wanted: return or raise it, and the event is dropped and counted under the reason.

    Args:
        reason: A few words that are the same for many events: the label of a metric.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class FetchError(WikiError):
    """A wiki does not give what was asked for, also not after the tries that are allowed.

    Attributes:
        error_type: What happened, as the failure table names it; the type of the error event.
    """

    def __init__(self, message: str, *, hint: str = "", **ids: object) -> None:
        super().__init__(message, hint=hint, **ids)
        self.error_type = str(ids.get("error_type", type(self).__name__))


class WikiClient:
    """One wiki. Asks in batches, within the limits of its farm, and again where that may help.

    Args:
        wiki: From the list of allowed wikis.
        client: Asks.
    """

    def __init__(self, wiki: Wiki, client: RevisionClient) -> None:
        self._wiki = wiki
        self._client = client

    @property
    def domain(self) -> str:
        """The wiki's canonical domain."""
        return self._wiki.domain

    async def revision(self, rev_id: int, *, born: float | None = None) -> Content:
        """The content of a revision, all of its slots. Up to 50 that are asked for at the same time share a request.

        Args:
            rev_id: The revision.
            born: When its event came into being, seconds since the epoch. A young one is asked for again while the
                wiki does not know it yet.

        Raises:
            FetchError: It cannot be had.
        """
        return _answer_or_raise(await self._client.fetch_async(self._wiki, rev_id, event_time=born))

    async def ask(self, **parameters: object) -> dict[str, Any]:
        """Any query of the Action API, for example ``ask(prop="categories", titles="Ash", cllimit=50)``.

        Each is a request of its own, within the same limits. The answer may be the first of several: its member
        ``continue``, if there is one, goes into the parameters of the next.

        Args:
            **parameters: ``action=query``, ``format=json`` and ``formatversion=2`` are implied. A list is ``a|b|c``.

        Returns:
            The document that the wiki answers with.

        Raises:
            FetchError: The wiki does not answer, or with an error.
        """
        document: dict[str, Any] = _answer_or_raise(
            await self._client.query_async(self._wiki, RAW_QUERY, encode_parameters(parameters))
        )
        return document


class CustomMetrics:
    """Metrics of an enrichment: by a name, of which a hundred are told apart; never put titles or ids into it.

    Args:
        meter: Where measurements go.
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
    """What an enrichment is given.

    Args:
        wikis: Which wikis may be asked, by domain.
        client: Asks them.
        max_content_size: Bytes that the slots of a revision may have together, for `with_content`.
        settings: See below.
        log: See below.
        meter: Where measurements go.

    Attributes:
        settings: The section ``custom.settings`` of the configuration.
        log: A logger; what is logged has the job's name in it.
        metrics: Counts and values of the enrichment's own.
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
        """The wiki of a domain such as ``meta.domain``.

        Raises:
            FetchError: It is not in the list of allowed wikis.
        """
        return WikiClient(_answer_or_raise(self._wikis.lookup(domain)), self._client)

    async def revision(self, event: Event) -> Content:
        """The content of the revision that an event of mediawiki/page/change is about.

        Its ``slots`` are empty, or have no ``body``, where the content is hidden.

        Raises:
            FetchError: It cannot be had.
            InputError: The event does not say which revision, or of which wiki.
        """
        rev_id = (event.get("revision") or {}).get("rev_id")
        domain = domain_of(event)
        if type(rev_id) is not int or domain is None:
            raise InputError("The event does not name its revision: it needs revision.rev_id and meta.domain.")
        return await self.wiki(domain).revision(rev_id, born=event_created_at(event))

    async def with_content(self, event: Event) -> Event:
        """The event with ``content_body`` in its slots: what page-content-change makes of it.

        Raises:
            FetchError: The content cannot be had, or is more than may be.
            InputError: The event does not say what to fetch.
        """
        match plan_fetch(event):
            case PassThrough():
                return event
            case Reject(error_type, message):
                raise InputError(message, error_type=error_type)
            case Fetch(domain, rev_id):
                content = await self.wiki(domain).revision(rev_id, born=event_created_at(event))
                return _answer_or_raise(with_content(event, content, max_content_size=self._max_content_size))


def _answer_or_raise(answer: Answer | Fail | Failure) -> Answer:
    """The answer itself, unless it says that there is none."""
    match answer:
        case Fail(error_type, message):
            raise FetchError(message, error_type=error_type)
        case Failure(kind, detail):
            raise FetchError(f"{detail}.", error_type=kind)
    return answer
