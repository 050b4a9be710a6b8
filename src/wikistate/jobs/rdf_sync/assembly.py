"""From a configuration to the job, its ends, and what keeps them together."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from wikistate.adapters.connectors.feed import FeedSource
from wikistate.jobs.feeds import RecentChangesEnd
from wikistate.jobs.rdf_consumer.assembly import store_writer
from wikistate.jobs.rdf_sync.catching_up import CatchingUpSource
from wikistate.jobs.rdf_sync.following import EventTimes, WikiClock, reach_of_events, reach_of_recent_changes
from wikistate.jobs.rdf_sync.holdings import SharedStore, StoreHoldings
from wikistate.jobs.rdf_sync.job import RdfSync
from wikistate.jobs.rdf_sync.marking import GenerationFile, MarkingOutlet, mark_of
from wikistate.jobs.rdf_sync.pages import WikiPages
from wikistate.jobs.rdf_sync.reading import EventReader, RecentChangesReader
from wikistate.jobs.rdf_sync.site import ask_wiki, query_client
from wikistate.jobs.rdf_sync.standing import Standing
from wikistate.jobs.rdf_sync.walking import WalkFeed
from wikistate.jobs.rdf_updater.assembly import assemble_rdf_updater, state_of
from wikistate.jobs.stores import triple_store, uris_of

if TYPE_CHECKING:
    from wikistate.adapters.connectors.ports import Source
    from wikistate.config.model import Configuration
    from wikistate.core.updater.mutation import Mutation
    from wikistate.jobs.ends import SourceEnd
    from wikistate.jobs.rdf_sync.catching_up import Following, Reach
    from wikistate.jobs.rdf_sync.site import Asked
    from wikistate.jobs.stateful_ends import StatefulAssembled
    from wikistate.telemetry.meter import Meter


def assemble_rdf_sync(configuration: Configuration, meter: Meter) -> StatefulAssembled[Any, Any, Mutation]:
    """The job rdf-sync. Asks the wiki; not to be called within a loop.

    Raises:
        ConfigError: A setting is wrong, or contradicts the wiki.
        DocumentError: A stream or schema does not exist, or is not what it must be.
        ExternalError: The wiki, or a place that holds them, does not answer.
    """
    asked = asyncio.run(ask_wiki(configuration))
    return _Synchronised(asked, meter).assembled(meter)


class _Followed(NamedTuple):
    """What is followed: where it is, how far it was, and how far it reaches back."""

    end: SourceEnd
    following: Following
    reach: Reach


class _Synchronised:
    """What the parts of a run share.

    Args:
        asked: The settings, and what the wiki said of itself.
        meter: Where measurements go.
    """

    def __init__(self, asked: Asked, meter: Meter) -> None:
        self._configuration, self._site = asked.configuration, asked.site
        settings = self._configuration.store
        self._queries = query_client(self._configuration, asked.api)
        self._store = SharedStore(triple_store(settings, meter))
        self._holdings = StoreHoldings(self._store, uris_of(settings), graph=settings.graph)
        self._writer = store_writer(settings, meter, store=self._store)
        self._window = round(self._configuration.rdf.reordering_window * 1000)

    def assembled(self, meter: Meter) -> StatefulAssembled[Any, Any, Mutation]:
        outlet = MarkingOutlet(
            self._writer,
            lambda: self._store.contents,
            GenerationFile(state_of(self._configuration).with_name("generation")),
            mark_of(self._site.domain),
            window=self._window,
        )
        base: StatefulAssembled[Any, Any, Mutation] = assemble_rdf_updater(self._configuration, meter, outlet=outlet)
        followed = self._followed(base.source)

        def around(source: Source) -> Source:
            return CatchingUpSource(
                source,
                FeedSource(self._walk(outlet), base.state.with_name("walk.sqlite")),
                outlet,
                followed.following,
                reach=followed.reach,
                adopt=self._configuration.store.adopt,
                pulse=self._configuration.local.checkpoint_interval,
            )

        job = self._job(base.job, followed.end, outlet)
        return replace(base, job=job, source=followed.end, around=around)

    def _job(self, updater: Any, source: SourceEnd, outlet: MarkingOutlet) -> RdfSync:
        recent = isinstance(source, RecentChangesEnd)
        return RdfSync(
            updater,
            RecentChangesReader(updater, self._site.pages) if recent else EventReader(updater),
            outlet,
            self._holdings,
            WikiPages(self._queries, self._site),
            window=self._window,
            domain=self._configuration.rdf.hostname,
        )

    def _walk(self, outlet: MarkingOutlet) -> WalkFeed:
        return WalkFeed(self._queries, self._site, self._holdings, anew=lambda: outlet.standing is not Standing.RESUME)

    def _followed(self, end: SourceEnd) -> _Followed:
        if not isinstance(end, RecentChangesEnd):
            return _Followed(end, EventTimes(), self._reach_of_events)
        clock = WikiClock()
        return _Followed(replace(end, caught_up=clock.note), clock, self._reach_of_recent_changes)

    async def _reach_of_recent_changes(self) -> int | None:
        overlap = self._configuration.stream_manager.source.options.overlap
        return await reach_of_recent_changes(self._queries, overlap=round(overlap * 1000))

    async def _reach_of_events(self) -> int | None:
        return reach_of_events(self._configuration.rdf.source_reach, time.time)
