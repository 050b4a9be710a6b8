"""The job that asks a wiki about each event and folds the answer in: what all such jobs have in common.

What is asked and what is folded is an `Enrichment`'s; nothing else differs between these jobs. The core plans and
folds, the MediaWiki adapter asks; this file says in which order.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypeVar

from wikistate.core.enrichment.failures import Failure
from wikistate.core.enrichment.judge import Fail
from wikistate.core.enrichment.plan import Fetch, PassThrough, Refuse
from wikistate.core.events.meta import domain_of, event_time, ingestion_time
from wikistate.core.events.refusal import Refused
from wikistate.core.record import Work
from wikistate.jobs.codec import unforeseen

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from wikistate.adapters.mediawiki.revisions import RevisionClient
    from wikistate.adapters.mediawiki.wikis import Wiki, Wikis
    from wikistate.core.enrichment.plan import Plan
    from wikistate.core.events.meta import Event
    from wikistate.core.record import Done, Output, Record
    from wikistate.jobs.codec import Codec

Answer = TypeVar("Answer")


class Enrichment(Protocol[Answer]):
    """What is asked of a wiki for an event, and how its answer is folded in.

    Protocol: on the loop's thread, `plan` for each event, `ask` for those that it says to fetch, and `fold` for each
    answer. Only `ask` may take its time, and it answers exactly once.
    """

    def plan(self, event: Event) -> Plan:
        """Whether the event passes, is refused, or needs an answer. Pure."""

    def ask(self, wiki: Wiki, rev_id: int, *, born: float | None, done: Callable[[Answer | Fail], None]) -> None:
        """Ask, and tell `done` what came of it.

        Args:
            wiki: From the list of allowed wikis.
            rev_id: The revision that the event is about.
            born: When the event came into being, seconds since the epoch; None where that is not known.
            done: Takes the answer, or why there is none.
        """

    def fold(self, event: Event, answer: Answer) -> Event | Failure:
        """A new event with the answer in it, or why there can be none. Pure."""


class _Pending(NamedTuple):
    """A valid event that needs an answer."""

    record: Record
    event: Event
    key: bytes | None
    wiki: Wiki
    rev_id: int


class EnrichmentJob(Generic[Answer]):
    """The job; see `wikistate.jobs.job.Job` for the protocol.

    Args:
        codec: Of the job's streams.
        wikis: Which wikis may be asked, by domain.
        enrichment: What is asked.
        client: What it asks with; opened and closed by the job.
    """

    def __init__(self, codec: Codec, wikis: Wikis, enrichment: Enrichment[Answer], *, client: RevisionClient) -> None:
        self._codec = codec
        self._wikis = wikis
        self._enrichment = enrichment
        self._client = client

    async def open(self) -> None:
        """See `Job`."""
        await self._client.open()

    async def close(self) -> None:
        """See `Job`."""
        await self._client.close()

    def accept(self, record: Record) -> Work:
        """See `Job`. The payload is the outputs where they are known already, else a `_Pending`."""
        try:
            event = self._codec.read(record)
            return self._plan(record, event) if isinstance(event, dict) else Work(None, event)
        except Exception as error:  # noqa: BLE001  (whatever a record does to us, the job goes on)
            return Work(None, [self._codec.refuse(record, unforeseen(error))])

    def _plan(self, record: Record, event: Event) -> Work:
        key = self._codec.key_of(event)
        if isinstance(key, Refused):
            return Work(None, [self._codec.refuse(record, key)])
        lane: Hashable = key
        wiki = self._wiki_of(event)
        if isinstance(wiki, Refused):
            return Work(lane, [self._codec.refuse(record, wiki)])
        match self._enrichment.plan(event):
            case PassThrough():
                return Work(lane, [self._codec.emit(record, event, key)])
            case Refuse(error_type, message):
                return Work(lane, [self._codec.refuse(record, Refused(error_type, message, event))])
            case Fetch(rev_id=rev_id):
                return Work(lane, _Pending(record, event, key, wiki, rev_id))

    def _wiki_of(self, event: Event) -> Wiki | Refused:
        domain = domain_of(event)
        if not domain:
            return Refused("NoDomain", "meta.domain must name the wiki.", event)
        wiki = self._wikis.lookup(domain)
        return Refused(wiki.error_type, wiki.message, event) if isinstance(wiki, Fail) else wiki

    def perform(self, work: Work, done: Done) -> None:
        """See `Job`."""
        match work.payload:
            case _Pending() as pending:
                answered = partial(self._answered, pending, done)
                self._enrichment.ask(pending.wiki, pending.rev_id, born=born(pending.event), done=answered)
            case list() as outputs:
                done(outputs)

    def _answered(self, pending: _Pending, done: Done, answer: Answer | Fail) -> None:
        try:
            output = self._fold(pending, answer)
        except Exception as error:  # noqa: BLE001  (see `accept`)
            output = self._codec.refuse(pending.record, unforeseen(error, pending.event))
        done([output])

    def _fold(self, pending: _Pending, answer: Answer | Fail) -> Output:
        record, event = pending.record, pending.event
        if isinstance(answer, Fail):
            return self._codec.refuse(record, Refused(answer.error_type, answer.message, event))
        enriched = self._enrichment.fold(event, answer)
        if isinstance(enriched, Failure):
            return self._codec.refuse(record, Refused(enriched.kind, f"{enriched.detail}.", event))
        return self._codec.emit(record, enriched, pending.key)


def born(event: Event) -> float | None:
    """When an event came into being, seconds since the epoch: the later of its two times, None when it states none."""
    return max(event_time(event) or 0, ingestion_time(event) or 0) / 1000 or None
