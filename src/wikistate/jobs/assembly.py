"""From a configuration to a job and its ends: makes the parts and joins them.

Called in the process where the job will run. Everything that can be wrong with streams, schemas, wikis and ends is
found here, before the first event is read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from wikistate.jobs.content_history_reconcile import PastContent
from wikistate.jobs.ends import resolve_ends
from wikistate.jobs.enrichment import Answer, EnrichmentJob
from wikistate.jobs.page_content_change import PageContent
from wikistate.jobs.streams import codec_of, read_streams
from wikistate.jobs.wikis import allowed_wikis, revision_client

if TYPE_CHECKING:
    from wikistate.config.model import Configuration
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
    client, limit = revision_client(configuration, meter), configuration.enrich.max_content_size
    return _assemble(configuration, meter, PageContent(client, max_content_size=limit))


def assemble_content_history_reconcile(configuration: Configuration, meter: Meter) -> Assembled:
    """The job content-history-reconcile; raises as `assemble_page_content_change` does."""
    client, limit = revision_client(configuration, meter), configuration.enrich.max_content_size
    return _assemble(configuration, meter, PastContent(client, max_content_size=limit))


def _assemble(configuration: Configuration, meter: Meter, enrichment: Enrichment[Answer]) -> Assembled:
    streams = read_streams(configuration)
    ends = ends_of(configuration, streams)
    codec = codec_of(configuration, streams, ends, meter)
    return Assembled(EnrichmentJob(codec, allowed_wikis(configuration), enrichment), ends)


def ends_of(configuration: Configuration, streams: Streams) -> Ends:
    """Where a job with these streams reads and writes.

    Raises:
        ConfigError: The settings do not say where something is.
    """
    return resolve_ends(
        configuration.stream_manager,
        source_topics=streams.source.config.topics,
        sink=streams.sink.config.stream,
        error=streams.error.config.stream,
    )
