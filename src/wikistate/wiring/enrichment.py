"""Wiring of the enrichment jobs: a configuration becomes a pipeline.

The functions run in the process that will run the job. They find every error in streams, schemas, wikis and endpoints
before the first event is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import structlog

from wikistate.core.events.message_key import MessageKey
from wikistate.errors import ConfigError
from wikistate.jobs.content_history_reconcile import HistoricalContent
from wikistate.jobs.custom import job as custom
from wikistate.jobs.custom.context import Context
from wikistate.jobs.custom.function import load_function
from wikistate.jobs.custom.job import CustomJob
from wikistate.jobs.enrichment import Answer, EnrichmentJob
from wikistate.jobs.page_content_change import PageContent
from wikistate.telemetry.log_events import OF_CUSTOM
from wikistate.wiring.endpoints import resolve_endpoints
from wikistate.wiring.feeds import allow_source_wiki
from wikistate.wiring.pipeline import StatelessPipeline
from wikistate.wiring.streams import build_event_io, read_streams
from wikistate.wiring.wikis import build_allowed_wikis, build_revision_client

if TYPE_CHECKING:
    from wikistate.adapters.mediawiki.revisions import RevisionClient
    from wikistate.config.model import Configuration
    from wikistate.jobs.custom.function import Enrich
    from wikistate.jobs.enrichment import Enrichment
    from wikistate.telemetry.meter import Meter
    from wikistate.wiring.endpoints import Endpoints
    from wikistate.wiring.streams import Streams


def assemble_page_content_change(configuration: Configuration, meter: Meter) -> StatelessPipeline:
    """Assemble the job page-content-change.

    Raises:
        ConfigError: A setting is wrong.
        DocumentError: A stream or schema does not exist, or is malformed.
        ExternalError: The server of a stream configuration or schema does not answer.
    """
    return _assemble_enrichment(configuration, meter, PageContent)


def assemble_content_history_reconcile(configuration: Configuration, meter: Meter) -> StatelessPipeline:
    """Assemble the job content-history-reconcile.

    It raises the same errors as `assemble_page_content_change`.
    """
    return _assemble_enrichment(configuration, meter, HistoricalContent)


def assemble_custom(configuration: Configuration, meter: Meter, enrich: Enrich | None = None) -> StatelessPipeline:
    """Assemble the job custom.

    Args:
        configuration: The settings.
        meter: The meter of the job's metrics.
        enrich: The function that enriches an event; None for the function that the settings name.

    Raises:
        ConfigError: A setting is wrong.
        DocumentError: See `assemble_page_content_change`.
        ExternalError: See `assemble_page_content_change`.
    """
    configuration = allow_source_wiki(configuration)
    function = enrich or load_function(configuration.custom.enrich)
    streams = read_streams(configuration)
    endpoints = resolve_stream_endpoints(configuration, streams, meter)
    _check_consumer_group(endpoints)
    client = build_revision_client(configuration, meter)
    context = Context(
        wikis=build_allowed_wikis(configuration),
        client=client,
        max_content_size=configuration.enrich.max_content_size,
        settings=configuration.custom.settings,
        log=structlog.get_logger(**{OF_CUSTOM: configuration.custom.enrich}),
        meter=meter,
    )
    job = CustomJob(
        build_event_io(configuration, streams, endpoints, meter),
        MessageKey(streams.source.config.message_key_fields),
        function,
        context,
        client=client,
        timeout=configuration.custom.timeout,
    )
    return StatelessPipeline(job=job, endpoints=endpoints)


def _check_consumer_group(endpoints: Endpoints) -> None:
    """Reject the default job name for Kafka.

    Two enrichments under one name would share one consumer group, and each would read only half of the events.
    """
    if endpoints.source.consumer_group == custom.NAME:
        raise ConfigError(
            "stream_manager.job_name is missing: it names the consumer group, and the origin of error events.",
            hint="Give each enrichment a different name: --set stream_manager.job_name=my-enrichment.",
            key="stream_manager.job_name",
        )


class _EnrichmentFactory(Protocol[Answer]):
    """Factory of the enrichment of a job, over a client that fetches revisions."""

    def __call__(self, client: RevisionClient, *, max_content_size: int) -> Enrichment[Answer]: ...


def _assemble_enrichment(
    configuration: Configuration, meter: Meter, factory: _EnrichmentFactory[Answer]
) -> StatelessPipeline:
    configuration = allow_source_wiki(configuration)
    streams = read_streams(configuration)
    endpoints = resolve_stream_endpoints(configuration, streams, meter)
    client = build_revision_client(configuration, meter)
    job = EnrichmentJob(
        build_event_io(configuration, streams, endpoints, meter),
        build_allowed_wikis(configuration),
        factory(client, max_content_size=configuration.enrich.max_content_size),
        client=client,
    )
    return StatelessPipeline(job=job, endpoints=endpoints)


def resolve_stream_endpoints(configuration: Configuration, streams: Streams, meter: Meter | None = None) -> Endpoints:
    """Return the endpoints of a job that reads and writes these streams.

    Args:
        configuration: The settings.
        streams: The streams.
        meter: Records the requests of a source that asks a wiki; None for no metrics.

    Raises:
        ConfigError: A setting of an endpoint is missing or wrong.
    """
    return resolve_endpoints(
        configuration,
        sources=[streams.source.config],
        sink=streams.sink.config.stream,
        error=streams.error.config.stream,
        meter=meter,
    )
