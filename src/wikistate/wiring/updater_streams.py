"""The streams of the job rdf-updater: their configuration, their schemas and their formats."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from wikistate.adapters.http.documents import DocumentReader
from wikistate.core.events.descriptor import Descriptor
from wikistate.core.events.repository import SchemaRepository
from wikistate.core.updater.entity_pages import EntityPages
from wikistate.core.updater.input_reader import InputReader
from wikistate.core.updater.legacy_streams import (
    LegacyPageDeleteFormat,
    LegacyPageUndeleteFormat,
    LegacyRevisionCreateFormat,
)
from wikistate.core.updater.message_fields import MessageVersion
from wikistate.core.updater.page_change_format import PageChangeFormat
from wikistate.core.updater.reconciliation import ReconcileStream, ReconciliationFormat
from wikistate.errors import ConfigError
from wikistate.streaming.record import Role
from wikistate.wiring.streams import Stream, read_stream_configs
from wikistate.wiring.wikis import build_http_settings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wikistate.config.model import Configuration
    from wikistate.config.rdf import RdfSettings
    from wikistate.core.updater.input_reader import EventFormat

SIDE_STREAMS: Mapping[Role, str] = {
    Role.LAPSED_ACTION: "rdf-streaming-updater.lapsed-action:1.1.0",
    Role.STATE_INCONSISTENCY: "rdf-streaming-updater.state-inconsistency:1.1.0",
    Role.FETCH_FAILURE: "rdf-streaming-updater.fetch-failure:1.2.0",
}
"""The streams that report changes which were not applied; stream and schema version by role."""

LEGACY_STREAMS: Mapping[str, type[LegacyRevisionCreateFormat | LegacyPageDeleteFormat | LegacyPageUndeleteFormat]] = {
    "mediawiki.revision-create:2.0.0": LegacyRevisionCreateFormat,
    "mediawiki.page-delete:1.0.0": LegacyPageDeleteFormat,
    "mediawiki.page-suppress:1.0.0": LegacyPageDeleteFormat,
    "mediawiki.page-undelete:1.0.0": LegacyPageUndeleteFormat,
}
"""The streams that preceded page_change: the format that reads each, by stream and schema version."""

_RECONCILE_VERSION = "1.0.0"


@dataclass(frozen=True, slots=True)
class UpdaterStreams:
    """All streams of the job.

    Attributes:
        inputs: The streams that are read, each with the format that reads its events.
        sink: The stream of mutations of the whole graph.
        side: The streams of side outputs, by role; empty if the side outputs are disabled.
        error: The error stream.
    """

    inputs: Sequence[tuple[Stream, EventFormat]]
    sink: Stream
    side: Mapping[Role, Stream]
    error: Stream

    @property
    def input_reader(self) -> InputReader:
        """The reader of all inputs."""
        return InputReader((stream.schema, event_format) for stream, event_format in self.inputs)

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics of all inputs."""
        return tuple(dict.fromkeys(topic for stream, _ in self.inputs for topic in stream.config.topics))


def read_updater_streams(configuration: Configuration) -> UpdaterStreams:
    """Return the streams of the job with their schemas.

    Raises:
        ConfigError: A descriptor is missing or malformed.
        DocumentError: A stream or schema does not exist, or is malformed.
        ExternalError: The server of a stream configuration or schema does not answer.
    """
    manager, rdf = configuration.stream_manager, configuration.rdf
    sink = Descriptor.parse(manager.sink.stream, key="stream_manager.sink.stream")
    error = Descriptor.parse(manager.error_sink.stream, key="stream_manager.error_sink.stream")
    side = {role: Descriptor.parse(text, key=role) for role, text in SIDE_STREAMS.items() if rdf.side_outputs}
    inputs = _parse_inputs(configuration)
    read = DocumentReader(build_http_settings(configuration))
    names = [each.stream for each in (*(descriptor for descriptor, _ in inputs), sink, error, *side.values())]
    configs = read_stream_configs(manager, read, names)
    schemas = SchemaRepository(manager.schema_uris, read)

    def stream(descriptor: Descriptor) -> Stream:
        config = configs.get(descriptor.stream)
        return Stream(config, schemas.get(config.schema_title, descriptor.version))

    return UpdaterStreams(
        [(stream(descriptor), event_format) for descriptor, event_format in inputs],
        stream(sink),
        {role: stream(descriptor) for role, descriptor in side.items()},
        stream(error),
    )


def _parse_inputs(configuration: Configuration) -> list[tuple[Descriptor, EventFormat]]:
    rdf = configuration.rdf
    wiki = configuration.wikis.get(rdf.hostname)
    pages = build_entity_pages(rdf, wiki_id=wiki.wiki_id if wiki else "")
    inputs: list[tuple[Descriptor, EventFormat]]
    if rdf.legacy_inputs:
        inputs = [
            (Descriptor.parse(text, key="legacy"), event_format(pages)) for text, event_format in LEGACY_STREAMS.items()
        ]
    else:
        source = configuration.stream_manager.source.stream
        inputs = [(Descriptor.parse(source, key="stream_manager.source.stream"), PageChangeFormat(pages))]
    if rdf.reconcile:
        name, tag = ReconcileStream.parse(rdf.reconcile, key="rdf.reconcile")
        inputs.append((Descriptor(name, _RECONCILE_VERSION), ReconciliationFormat(rdf.hostname, tag)))
    return inputs


def build_entity_pages(rdf: RdfSettings, *, wiki_id: str = "") -> EntityPages:
    """Return the rule that selects the pages of entities, from the settings.

    Args:
        rdf: The settings.
        wiki_id: See `EntityPages`.

    Raises:
        ConfigError: The settings name no wiki, or no namespace.
    """
    if not rdf.hostname:
        raise ConfigError(
            "rdf.hostname is missing: it names the wiki of the entities.",
            hint="Set it, for example: --set rdf.hostname=www.wikidata.org.",
            key="rdf.hostname",
        )
    if not (rdf.entity_namespaces or rdf.mediainfo_namespaces):
        raise ConfigError(
            "rdf.entity_namespaces and rdf.mediainfo_namespaces are empty: no page would count as an entity.",
            hint="Set rdf.entity_namespaces, for Wikidata to [0,120,146], for a new Wikibase to [120,122].",
            key="rdf.entity_namespaces",
        )
    return EntityPages(
        domain=rdf.hostname,
        namespaces=frozenset(rdf.entity_namespaces),
        mediainfo_namespaces=frozenset(rdf.mediainfo_namespaces),
        mediainfo_slot=rdf.mediainfo_slot,
        content_models=frozenset(rdf.content_models),
        prefixes=tuple(rdf.title_prefixes),
        wiki_id=wiki_id,
    )


class _MessageFormat(NamedTuple):
    """The format of the messages of a mutation stream; it depends on the schema of the stream."""

    version: MessageVersion
    suffix: str


MESSAGE_FORMATS: Mapping[str, _MessageFormat] = {
    "wikibase/rdf/update_stream": _MessageFormat(MessageVersion.V1, ""),
    "mediawiki/wikibase/entity/rdf_change": _MessageFormat(MessageVersion.V2, ".v2"),
}
"""The message format by title of the schema; the suffix ends the names of the streams of subgraphs."""


def get_message_format(sink: Stream) -> _MessageFormat:
    """Return the format of the messages of a mutation stream.

    Raises:
        ConfigError: The schema of the stream is not a schema of mutations.
    """
    if sink.schema.title in MESSAGE_FORMATS:
        return MESSAGE_FORMATS[sink.schema.title]
    raise ConfigError(
        f"The stream {sink.config.stream} has the schema {sink.schema.title}, which is not a schema of mutations.",
        hint=f"Name a stream with the schema {' or '.join(MESSAGE_FORMATS)}.",
        key="stream_manager.sink.stream",
    )
