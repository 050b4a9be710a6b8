"""Wiring of the job rdf-consumer.

The functions find every error in the settings before the first mutation is read.
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING

from wikistate.adapters.triplestore.batch_size import BatchLimits
from wikistate.adapters.triplestore.writer import StoreWriter
from wikistate.core.events.encoder import ErrorEncoder
from wikistate.core.events.error_event import Emitter
from wikistate.core.events.stream_config import StreamConfig
from wikistate.errors import ConfigError
from wikistate.jobs.rdf_consumer import ERROR_STREAM, NAME, STREAM
from wikistate.jobs.rdf_consumer.job import RdfConsumer
from wikistate.jobs.rdf_consumer.mutation_reader import MutationReader
from wikistate.wiring.concept_base import check_concept_base
from wikistate.wiring.endpoints import resolve_endpoints
from wikistate.wiring.pipeline import StorePipeline
from wikistate.wiring.stores import (
    build_freshness_file,
    build_shared_triples_filter,
    build_triple_store,
    check_location,
    is_http_location,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from wikistate.adapters.triplestore.store import TripleStore
    from wikistate.config.model import Configuration
    from wikistate.config.store import StoreSettings
    from wikistate.streaming.ports import Sink
    from wikistate.streaming.store_job import StoreJob
    from wikistate.telemetry.meter import Meter
    from wikistate.wiring.endpoints import SourceEndpoint

_SCHEMA = "mediawiki/wikibase/entity/rdf_change"


def assemble_rdf_consumer(configuration: Configuration, meter: Meter) -> StorePipeline:
    """Assemble the job rdf-consumer.

    Raises:
        ConfigError: A setting is wrong.
    """
    check_location(configuration.store)
    _check_filter(configuration.store)
    endpoints = resolve_endpoints(
        _with_default_error_sink(configuration), sources=[_build_stream_config()], sink="", error=ERROR_STREAM
    )
    source = _require_single_stream(endpoints.source, configuration.store)
    encoder = ErrorEncoder(_build_emitter(configuration), max_bytes=endpoints.error.max_record_bytes)
    settings = configuration.store

    def build_job(errors: Sink) -> StoreJob:
        reader = MutationReader(encoder, meter, entity_filter=settings.entity_filter)
        writer = build_store_writer(settings, meter, check=partial(check_concept_base, settings=settings))
        return RdfConsumer(reader, writer, errors, meter)

    return StorePipeline(source=source, error=endpoints.error, build_job=build_job)


def build_store_writer(
    settings: StoreSettings,
    meter: Meter,
    *,
    store: TripleStore | None = None,
    is_complete: Callable[[], bool] = lambda: True,
    check: Callable[[TripleStore], Awaitable[None]] | None = None,
) -> StoreWriter:
    """Build the writer of a store; neither is open yet.

    Args:
        settings: The settings of the store and of the batches.
        meter: The meter of the writer's metrics.
        store: The store; None to build the store that the settings name.
        is_complete: Whether the store holds all entities, so that changes state its freshness.
        check: See `StoreWriter`.

    Raises:
        ConfigError: A setting of the store is missing or wrong.
    """
    limits = BatchLimits(
        mutations=settings.batch_mutations,
        triples=settings.batch_triples,
        seconds=settings.batch_seconds,
        target_seconds=settings.batch_target,
    )
    freshness = build_freshness_file(settings)
    return StoreWriter(
        store or build_triple_store(settings, meter),
        limits,
        build_shared_triples_filter(settings),
        meter,
        on_completed=freshness.write if freshness else None,
        is_complete=is_complete,
        check=check,
    )


def _check_filter(settings: StoreSettings) -> None:
    try:
        re.compile(settings.entity_filter)
    except re.error as error:
        key = "store.entity_filter"
        raise ConfigError(
            f"{key} is {settings.entity_filter!r}, which is not a valid regular expression: {error}.", key=key
        ) from error


def _require_single_stream(endpoint: SourceEndpoint, settings: StoreSettings) -> SourceEndpoint:
    """Return the source that one process reads from the position of the store."""
    if not endpoint.capabilities.any_stream:
        raise ConfigError(
            "rdf-consumer reads a stream of mutations; recent changes are not mutations.",
            hint="Use rdf-sync to keep a store in step with the recent changes of a wiki.",
        )
    single = endpoint.for_single_reader(settings.topic)
    if single is None:
        raise ConfigError(
            "rdf-consumer reads one topic of one stream, but the source names none or several.",
            hint="Name exactly one topic or stream in stream_manager.source.options.",
            key="stream_manager.source.options",
        )
    return single


def _with_default_error_sink(configuration: Configuration) -> Configuration:
    """Return the settings with a default error sink: ``folder.errors.ndjson`` beside the folder of an embedded store."""
    manager, location = configuration.stream_manager, configuration.store.location
    errors = manager.error_sink
    if is_http_location(location) or errors.connector or errors.options.path or errors.options.bootstrap_servers:
        return configuration
    options = errors.options.model_copy(update={"path": f"{location.rstrip('/')}.errors.ndjson"})
    error_sink = errors.model_copy(update={"connector": "file", "options": options})
    return configuration.model_copy(update={"stream_manager": manager.model_copy(update={"error_sink": error_sink})})


def _build_stream_config() -> StreamConfig:
    return StreamConfig(stream=STREAM, schema_title=_SCHEMA, topics=(), topic_prefixes=(), message_key_fields={})


def _build_emitter(configuration: Configuration) -> Emitter:
    return Emitter(
        emitter_id=configuration.stream_manager.job_name or NAME,
        stream=ERROR_STREAM,
        source_stream=STREAM,
        source_schema_uri=f"/{_SCHEMA}/2.0.0",
    )
