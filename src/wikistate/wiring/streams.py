"""The streams of a job: their configuration and schemas, and the decoder and encoders of their events.

The functions find every error in streams and schemas before the first event is read.
"""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from wikistate.adapters.http.documents import DocumentReader, build_stream_configs_uri
from wikistate.config.model import Projection
from wikistate.core.events.decoder import Decoder
from wikistate.core.events.descriptor import Descriptor
from wikistate.core.events.documents import parse_document
from wikistate.core.events.encoder import Encoder, ErrorEncoder
from wikistate.core.events.error_event import Emitter
from wikistate.core.events.field_selection import select_fields
from wikistate.core.events.filters import EventFilter
from wikistate.core.events.repository import SchemaRepository
from wikistate.core.events.stream_config import StreamConfigs
from wikistate.errors import ConfigError
from wikistate.jobs.event_io import EventIO
from wikistate.wiring.wikis import build_http_settings

if TYPE_CHECKING:
    from wikistate.config.model import Configuration, StreamManager
    from wikistate.core.events.projection import Projection as Select
    from wikistate.core.events.schema import Schema
    from wikistate.core.events.stream_config import StreamConfig
    from wikistate.telemetry.meter import Meter
    from wikistate.wiring.endpoints import Endpoints

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream with the schema of its events."""

    config: StreamConfig
    schema: Schema


@dataclass(frozen=True, slots=True)
class Streams:
    """The three streams of a job."""

    source: Stream
    sink: Stream
    error: Stream


def read_streams(configuration: Configuration) -> Streams:
    """Return source, sink and error stream with their schemas.

    Raises:
        ConfigError: A descriptor is missing or malformed.
        DocumentError: A stream or schema does not exist, or is malformed.
        ExternalError: The server of a stream configuration or schema does not answer.
    """
    manager = configuration.stream_manager
    read = DocumentReader(build_http_settings(configuration))
    source = Descriptor.parse(manager.source.stream, key="stream_manager.source.stream")
    sink = Descriptor.parse(manager.sink.stream, key="stream_manager.sink.stream")
    error = Descriptor.parse(manager.error_sink.stream, key="stream_manager.error_sink.stream")
    configs = read_stream_configs(manager, read, [source.stream, sink.stream, error.stream])
    schemas = SchemaRepository(manager.schema_uris, read)

    def stream(descriptor: Descriptor) -> Stream:
        config = configs.get(descriptor.stream)
        return Stream(config, schemas.get(config.schema_title, descriptor.version))

    return Streams(stream(source), stream(sink), stream(error))


def read_stream_configs(manager: StreamManager, read: DocumentReader, names: list[str]) -> StreamConfigs:
    """Return the configuration of the streams with these names.

    Raises:
        ConfigError: The document of the stream configuration does not exist.
        DocumentError: The document is malformed.
        ExternalError: The server of the document does not answer.
    """
    uri = build_stream_configs_uri(manager.stream_config_uri, names)
    document = read(uri)
    if document is None:
        key = "stream_manager.stream_config_uri"
        raise ConfigError(
            f"There is no stream configuration at {uri}.",
            hint=f"Correct {key}; bundled:streams.yaml holds the streams of the public jobs.",
            key=key,
        )
    return StreamConfigs.parse(parse_document(document, uri), uri)


def build_event_io(configuration: Configuration, streams: Streams, endpoints: Endpoints, meter: Meter) -> EventIO:
    """Build the decoder and the encoders of the events of these streams.

    Raises:
        ConfigError: A filter does not fit the streams.
        DocumentError: The sink's schema lacks a field of its message key.
    """
    pass_through = configuration.stream_manager.projection is Projection.PASS_THROUGH
    return EventIO(
        decoder=Decoder(
            streams.source.schema,
            keep_unknown=pass_through,
            event_filter=_build_filter(configuration, streams.source.schema),
        ),
        encoder=Encoder(
            streams.sink.config,
            streams.sink.schema,
            # An event that changes its schema cannot keep the `$schema` of its source.
            keep_unknown=pass_through and streams.source.schema.title == streams.sink.schema.title,
            max_bytes=endpoints.sink.max_record_bytes,
            new_id=new_event_id,
            select=_build_projection(configuration, streams.sink),
        ),
        error_encoder=ErrorEncoder(_build_emitter(configuration, streams), max_bytes=endpoints.error.max_record_bytes),
        meter=meter,
        clock=time.time,
    )


def _build_emitter(configuration: Configuration, streams: Streams) -> Emitter:
    return Emitter(
        emitter_id=configuration.stream_manager.job_name,
        stream=streams.error.config.stream,
        schema_uri=streams.error.schema.uri,
        source_stream=streams.source.config.stream,
        source_schema_uri=streams.source.schema.uri,
    )


def _build_filter(configuration: Configuration, schema: Schema) -> EventFilter:
    filter_settings = configuration.filter
    event_filter = EventFilter(
        wikis=frozenset(filter_settings.wikis),
        namespaces=frozenset(filter_settings.namespaces),
        kinds=frozenset(filter_settings.kinds),
        content_models=frozenset(filter_settings.content_models),
    )
    event_filter.check_schema(schema)
    return event_filter


def _build_projection(configuration: Configuration, sink: Stream) -> Select | None:
    if not configuration.filter.fields:
        return None
    key_fields = sink.config.message_key_fields.values()
    selection = select_fields(sink.schema, configuration.filter.fields, key_fields=key_fields)
    if selection.kept:
        log.info("required_fields_kept", fields=selection.kept)
    return selection.project


def new_event_id() -> str:
    """Return the id of a new event: a UUID."""
    return str(uuid.uuid4())
