"""From a configuration to a job and its ends: reads schemas and stream configuration, makes the parts, joins them.

Called in the process where the job will run. Everything that can be wrong with streams, schemas, wikis and ends is
found here, before the first event is read.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from wikistate.adapters.documents import DocumentReader, stream_configs_uri
from wikistate.config.model import Projection
from wikistate.core.events.decoder import Decoder
from wikistate.core.events.descriptor import Descriptor
from wikistate.core.events.documents import parse_document
from wikistate.core.events.encoder import Encoder, ErrorEncoder
from wikistate.core.events.error_event import Emitter
from wikistate.core.events.repository import SchemaRepository
from wikistate.core.events.stream_config import StreamConfigs
from wikistate.errors import ConfigError
from wikistate.jobs.ends import resolve_ends
from wikistate.jobs.feeds import with_followed_wiki
from wikistate.jobs.page_content_change import PageContentChange
from wikistate.jobs.wikis import allowed_wikis, http_settings, revision_client

if TYPE_CHECKING:
    from wikistate.config.model import Configuration, StreamManager
    from wikistate.core.events.schema import Schema
    from wikistate.core.events.stream_config import StreamConfig
    from wikistate.jobs.ends import Ends
    from wikistate.jobs.job import Job
    from wikistate.telemetry.meter import Meter


class Assembled(NamedTuple):
    """A job, not yet open, and where it reads and writes."""

    job: Job
    ends: Ends


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream with the schema that its events are read or written as."""

    config: StreamConfig
    schema: Schema


def assemble_page_content_change(configuration: Configuration, meter: Meter) -> Assembled:
    """The job page-content-change.

    Raises:
        ConfigError: A setting is wrong.
        DocumentError: A stream or schema does not exist, or is not what it must be.
        ExternalError: A place that holds them does not answer.
    """
    configuration = with_followed_wiki(configuration)
    manager, enrich = configuration.stream_manager, configuration.enrich
    source, sink, error = read_streams(configuration)
    ends = resolve_ends(configuration, source=source.config, sink=sink.config.stream, error=error.config.stream)
    emitter = Emitter(
        emitter_id=manager.job_name,
        stream=error.config.stream,
        schema_uri=error.schema.uri,
        source_stream=source.config.stream,
        source_schema_uri=source.schema.uri,
    )
    keep_unknown = manager.projection is Projection.PASS_THROUGH
    job = PageContentChange(
        decoder=Decoder(source.schema, keep_unknown=keep_unknown),
        encoder=Encoder(
            sink.config,
            sink.schema,
            keep_unknown=keep_unknown,
            max_bytes=ends.sink.max_record_bytes,
            new_id=_new_id,
        ),
        errors=ErrorEncoder(emitter, max_bytes=ends.error.max_record_bytes, new_id=_new_id),
        wikis=allowed_wikis(configuration),
        revisions=revision_client(configuration, meter),
        max_content_size=enrich.max_content_size,
        meter=meter,
        clock=time.time,
    )
    return Assembled(job, ends)


def _new_id() -> str:
    return str(uuid.uuid4())


def read_streams(configuration: Configuration) -> tuple[Stream, Stream, Stream]:
    """Source, sink and error stream with their schemas.

    Raises:
        ConfigError: A descriptor is missing or malformed.
        DocumentError: A stream or schema does not exist, or is not what it must be.
        ExternalError: A place that holds them does not answer.
    """
    manager = configuration.stream_manager
    read = DocumentReader(http_settings(configuration))
    source = Descriptor.parse(manager.source.stream, key="stream_manager.source.stream")
    sink = Descriptor.parse(manager.sink.stream, key="stream_manager.sink.stream")
    error = Descriptor.parse(manager.error_sink.stream, key="stream_manager.error_sink.stream")
    configs = _stream_configs(manager, read, [source.stream, sink.stream, error.stream])
    schemas = SchemaRepository(manager.schema_uris, read)

    def stream(descriptor: Descriptor) -> Stream:
        config = configs.get(descriptor.stream)
        return Stream(config, schemas.get(config.schema_title, descriptor.version))

    return stream(source), stream(sink), stream(error)


def _stream_configs(manager: StreamManager, read: DocumentReader, names: list[str]) -> StreamConfigs:
    uri = stream_configs_uri(manager.stream_config_uri, names)
    content = read(uri)
    if content is None:
        key = "stream_manager.stream_config_uri"
        raise ConfigError(
            f"There is no stream configuration at {uri}.",
            hint=f"Correct {key}; bundled:streams.yaml has the streams of the public jobs.",
            key=key,
        )
    return StreamConfigs.parse(parse_document(content, uri), uri)
