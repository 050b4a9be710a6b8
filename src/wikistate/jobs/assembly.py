"""From a configuration to a job and its ends: makes the parts and joins them.

Called in the process where the job will run. Everything that can be wrong with streams, schemas, wikis and ends is
found here, before the first event is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

import structlog

from wikistate.core.events.message_key import MessageKey
from wikistate.errors import ConfigError
from wikistate.jobs.content_history_reconcile import PastContent
from wikistate.jobs.custom import job as custom
from wikistate.jobs.custom.context import Context
from wikistate.jobs.custom.function import load_function
from wikistate.jobs.custom.job import CustomJob
from wikistate.jobs.ends import KafkaSourceEnd, resolve_ends
from wikistate.jobs.enrichment import Answer, EnrichmentJob
from wikistate.jobs.feeds import with_followed_wiki
from wikistate.jobs.page_content_change import PageContent
from wikistate.jobs.streams import codec_of, read_streams
from wikistate.jobs.wikis import allowed_wikis, revision_client
from wikistate.telemetry.log_events import OF_CUSTOM

if TYPE_CHECKING:
    from wikistate.adapters.mediawiki.revisions import RevisionClient
    from wikistate.config.model import Configuration
    from wikistate.jobs.custom.function import Enrich
    from wikistate.jobs.ends import Ends
    from wikistate.jobs.enrichment import Enrichment
    from wikistate.jobs.job import Job
    from wikistate.jobs.streams import Streams
    from wikistate.telemetry.meter import Meter


class Assembled(NamedTuple):
    """A job, not yet open, and where it reads and writes."""

    job: Job
    ends: Ends


def assemble_page_content_change(configuration: Configuration, meter: Meter) -> Assembled:
    """The job page-content-change.

    Raises:
        ConfigError: A setting is wrong.
        DocumentError: A stream or schema does not exist, or is not what it must be.
        ExternalError: A place that holds them does not answer.
    """
    return _assemble(configuration, meter, PageContent)


def assemble_content_history_reconcile(configuration: Configuration, meter: Meter) -> Assembled:
    """The job content-history-reconcile; raises as `assemble_page_content_change` does."""
    return _assemble(configuration, meter, PastContent)


def assemble_custom(configuration: Configuration, meter: Meter, enrich: Enrich | None = None) -> Assembled:
    """The job custom.

    Args:
        configuration: The settings.
        meter: Where measurements go.
        enrich: The function; None for the one that the settings name.

    Raises:
        ConfigError: A setting is wrong; also what `assemble_page_content_change` raises.
    """
    configuration = with_followed_wiki(configuration)
    function = enrich or load_function(configuration.custom.enrich)
    streams = read_streams(configuration)
    ends = ends_of(configuration, streams)
    _check_group(ends)
    client = revision_client(configuration, meter)
    context = Context(
        wikis=allowed_wikis(configuration),
        client=client,
        max_content_size=configuration.enrich.max_content_size,
        settings=configuration.custom.settings,
        log=structlog.get_logger(**{OF_CUSTOM: configuration.custom.enrich}),
        meter=meter,
    )
    job = CustomJob(
        codec_of(configuration, streams, ends, meter),
        MessageKey(streams.source.config.message_key_fields),
        function,
        context,
        client=client,
        timeout=configuration.custom.timeout,
    )
    return Assembled(job, ends)


def _check_group(ends: Ends) -> None:
    """Two enrichments under one name would be one consumer group: each would see half of the events."""
    if isinstance(ends.source, KafkaSourceEnd) and ends.source.group == custom.NAME:
        raise ConfigError(
            "stream_manager.job_name is missing: it names the consumer group and what error events say of their origin.",
            hint="Give each enrichment a name of its own: --set stream_manager.job_name=my-enrichment.",
            key="stream_manager.job_name",
        )


class _NewEnrichment(Protocol[Answer]):
    """Makes what a job asks and folds."""

    def __call__(self, client: RevisionClient, *, max_content_size: int) -> Enrichment[Answer]: ...


def _assemble(configuration: Configuration, meter: Meter, new: _NewEnrichment[Answer]) -> Assembled:
    configuration = with_followed_wiki(configuration)
    streams = read_streams(configuration)
    ends = ends_of(configuration, streams)
    client = revision_client(configuration, meter)
    job = EnrichmentJob(
        codec_of(configuration, streams, ends, meter),
        allowed_wikis(configuration),
        new(client, max_content_size=configuration.enrich.max_content_size),
        client=client,
    )
    return Assembled(job, ends)


def ends_of(configuration: Configuration, streams: Streams) -> Ends:
    """Where a job with these streams reads and writes.

    Raises:
        ConfigError: The settings do not say where something is.
    """
    return resolve_ends(
        configuration,
        source=streams.source.config,
        sink=streams.sink.config.stream,
        error=streams.error.config.stream,
    )
