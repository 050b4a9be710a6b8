"""Wiring of the job rdf-sync: updater and consumer in one process, over one store."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from yarl import URL

from wikistate.adapters.connectors.push_source import FeedSource
from wikistate.adapters.mediawiki.page_info import PageInfoClient
from wikistate.adapters.triplestore.serialized import SerializedStore
from wikistate.jobs.rdf_sync import NAME
from wikistate.jobs.rdf_sync.catch_up_source import CatchUpSource
from wikistate.jobs.rdf_sync.change_readers import EventReader, RecentChangesReader
from wikistate.jobs.rdf_sync.checkpoint_marker import CheckpointGenerationFile, CheckpointMarkingSink, marker_partition
from wikistate.jobs.rdf_sync.full_scan import FILE as SCAN_FILE
from wikistate.jobs.rdf_sync.full_scan import FullScanFeed
from wikistate.jobs.rdf_sync.job import RdfSync
from wikistate.jobs.rdf_sync.retries import RetryQueue
from wikistate.jobs.rdf_sync.source_progress import (
    EventProgress,
    WikiProgress,
    retention_of_events,
    retention_of_recent_changes,
)
from wikistate.jobs.rdf_sync.store_index import StoreEntityIndex
from wikistate.jobs.rdf_sync.sync_state import SyncState
from wikistate.streaming.record import Role
from wikistate.wiring.endpoints import FileEndpoint
from wikistate.wiring.rdf_consumer import build_store_writer
from wikistate.wiring.rdf_updater import assemble_rdf_updater, state_path
from wikistate.wiring.stores import build_freshness_file, build_triple_store, build_uris
from wikistate.wiring.wikibase import discover_wikibase
from wikistate.wiring.wikis import build_query_client

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.adapters.mediawiki.wikibase_site import WikibaseSite
    from wikistate.config.model import Configuration
    from wikistate.config.stream_manager import StreamManager
    from wikistate.core.updater.mutation import Mutation
    from wikistate.jobs.rdf_sync.catch_up_source import Retention, SourceProgress
    from wikistate.streaming.ports import Source
    from wikistate.telemetry.meter import Meter
    from wikistate.wiring.endpoints import SinkEndpoint, SourceEndpoint
    from wikistate.wiring.pipeline import KeyedPipeline
    from wikistate.wiring.wikibase import DiscoveredWikibase


def assemble_rdf_sync(configuration: Configuration, meter: Meter) -> KeyedPipeline[Any, Any, Mutation]:
    """Assemble the job rdf-sync.

    It queries the wiki in an event loop of its own, so a caller must not run in an event loop.

    Raises:
        ConfigError: A setting is wrong, or contradicts the wiki.
        DocumentError: A stream or schema does not exist, or is malformed.
        ExternalError: The wiki, or the server of a stream configuration or schema, does not answer.
    """
    asked = asyncio.run(discover_wikibase(configuration, meter))
    pipeline = _SyncAssembler(asked, meter).assemble(meter)
    return replace(pipeline, outputs=_protect_default_files(pipeline.outputs, configuration.stream_manager))


def _protect_default_files(outputs: Mapping[Role, SinkEndpoint], manager: StreamManager) -> dict[Role, SinkEndpoint]:
    """Return the outputs; files beside the store or the state that no setting names are for this user only, as both are."""
    names_sink, names_errors = bool(manager.sink.options.path), bool(manager.error_sink.options.path)
    return {
        role: replace(endpoint, is_private=True)
        if isinstance(endpoint, FileEndpoint) and not (names_sink or (names_errors and role is Role.ERROR))
        else endpoint
        for role, endpoint in outputs.items()
    }


def _entities_name(site: WikibaseSite) -> str:
    """Return a name of the wiki's entities. It stays the same when the settings give the wiki another domain."""
    url = URL(site.concept_uri)
    return f"{url.host or site.domain}{url.path.rstrip('/')}"


class _ChangeSource(NamedTuple):
    """The source of changes: its endpoint, its progress and its retention."""

    endpoint: SourceEndpoint
    progress: SourceProgress
    retention: Retention


class _SyncAssembler:
    """Assembler of a sync run, with the parts that source, job and sink share.

    Args:
        asked: The wiki, and the settings that its facts complete.
        meter: The meter of the metrics of the store and its writer.
    """

    def __init__(self, asked: DiscoveredWikibase, meter: Meter) -> None:
        self._configuration, self._site, self._is_readable = asked.configuration, asked.site, asked.is_readable
        settings = self._configuration.store
        self._queries = build_query_client(self._configuration, asked.api, meter)
        self._store = SerializedStore(build_triple_store(settings, meter))
        self._store_index = StoreEntityIndex(self._store, build_uris(settings), graph=settings.graph)
        self._state = SyncState(retries=RetryQueue.load(state_path(self._configuration).with_name("retries.json")))
        self._writer = build_store_writer(
            settings, meter, store=self._store, is_complete=lambda: self._state.is_complete
        )
        self._window = round(self._configuration.rdf.reordering_window * 1000)

    def assemble(self, meter: Meter) -> KeyedPipeline[Any, Any, Mutation]:
        state = self._state
        sink = CheckpointMarkingSink(
            self._writer,
            lambda: self._store.contents,
            CheckpointGenerationFile(state_path(self._configuration).with_name("generation")),
            marker_partition(_entities_name(self._site)),
            state=state,
            window=self._window,
            forget_freshness=self._forget_freshness,
        )
        base: KeyedPipeline[Any, Any, Mutation] = assemble_rdf_updater(
            self._configuration, meter, change_sink=sink, is_readable=self._is_readable
        )
        followed = self._resolve_changes(base.source)

        def wrap_source(source: Source) -> Source:
            return CatchUpSource(
                source,
                FeedSource(self._build_scan(state), base.state.with_name(SCAN_FILE)),
                sink,
                followed.progress,
                state=state,
                retention=followed.retention,
                adopt=self._configuration.store.adopt,
                heartbeat_interval=self._configuration.local.checkpoint_interval,
            )

        job = self._build_job(base.job, followed.endpoint, state)
        owner = f"{NAME} {_entities_name(self._site)}"
        return replace(base, job=job, source=followed.endpoint, wrap_source=wrap_source, state_owner=owner)

    def _forget_freshness(self) -> None:
        if (file := build_freshness_file(self._configuration.store)) is not None:
            file.remove()

    def _build_job(self, updater: Any, source: SourceEndpoint, state: SyncState) -> RdfSync:
        recent = source.capabilities.wiki
        return RdfSync(
            updater,
            (RecentChangesReader if recent else EventReader)(updater, self._site.pages),
            self._store_index,
            PageInfoClient(self._queries, self._site),
            state=state,
            window=self._window,
            domain=self._configuration.rdf.hostname,
        )

    def _build_scan(self, state: SyncState) -> FullScanFeed:
        return FullScanFeed(self._queries, self._site, self._store_index, state=state)

    def _resolve_changes(self, end: SourceEndpoint) -> _ChangeSource:
        if not end.capabilities.wiki:
            return _ChangeSource(end, EventProgress(), self._retention_of_events)
        clock = WikiProgress()
        return _ChangeSource(end.with_wiki_clock(clock.advance), clock, self._retention_of_recent_changes)

    async def _retention_of_recent_changes(self) -> int | None:
        overlap = self._configuration.stream_manager.source.options.overlap
        return await retention_of_recent_changes(self._queries, overlap=round(overlap * 1000))

    async def _retention_of_events(self) -> int | None:
        return retention_of_events(self._configuration.rdf.source_reach, time.time)
