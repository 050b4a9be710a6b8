"""From a configuration to the job and its ends."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from yarl import URL

from wikistate.adapters.http.client import HttpClient
from wikistate.adapters.http.documents import DocumentReader
from wikistate.adapters.mediawiki.entity_data import EntityDataClient
from wikistate.adapters.mediawiki.entity_responses import ENTITY_DATA_PATH, EntityDataSettings
from wikistate.adapters.mediawiki.limits import FarmSettings, default_farm_settings
from wikistate.adapters.mediawiki.wikis import WIKIMEDIA_FARM, is_wikimedia
from wikistate.config.model import DeliveryGuarantee
from wikistate.core.events.bundled import SCHEME
from wikistate.core.events.encoder import ErrorEncoder
from wikistate.core.events.error_event import Emitter
from wikistate.core.rdf.bundled import bundled_names, read_bundled_subgraphs
from wikistate.core.rdf.subgraphs import Subgraphs
from wikistate.core.rdf.uris import Uris
from wikistate.core.updater.fetch_failures import FETCH_POLICY
from wikistate.core.updater.side_events import SideEvents
from wikistate.errors import ConfigError
from wikistate.jobs.rdf_updater.entity_graphs import EntityGraphLoader
from wikistate.jobs.rdf_updater.job import RdfUpdater
from wikistate.jobs.rdf_updater.mutation_builder import MutationBuilder
from wikistate.jobs.rdf_updater.mutation_encoder import MutationEncoder
from wikistate.jobs.rdf_updater.side_outputs import SideOutputEncoder
from wikistate.streaming.record import Role
from wikistate.wiring.endpoints import resolve_endpoints
from wikistate.wiring.feeds import resolve_state_file
from wikistate.wiring.pipeline import KeyedPipeline, StreamOutputs
from wikistate.wiring.streams import new_event_id
from wikistate.wiring.updater_streams import get_message_format, read_updater_streams
from wikistate.wiring.wikis import build_http_settings, build_wiki_session

if TYPE_CHECKING:
    from pathlib import Path

    from wikistate.config.model import Configuration
    from wikistate.config.rdf import RdfSettings
    from wikistate.core.updater.input_events import InputEvent
    from wikistate.core.updater.mutation import Mutation
    from wikistate.core.updater.operations import Operation
    from wikistate.jobs.rdf_updater.entity_graphs import EntitySource
    from wikistate.streaming.change_sink import ChangeSink
    from wikistate.telemetry.meter import Meter
    from wikistate.wiring.endpoints import Endpoints
    from wikistate.wiring.updater_streams import UpdaterStreams

STATE_FILE = "state.sqlite"


def assemble_rdf_updater(
    configuration: Configuration,
    meter: Meter,
    *,
    change_sink: ChangeSink[Mutation] | None = None,
    entities: EntitySource | None = None,
) -> KeyedPipeline[InputEvent, Operation, Mutation]:
    """The job rdf-updater.

    Args:
        configuration: The settings.
        meter: Where measurements go.
        change_sink: Where mutations go; None for the streams that the settings name.
        entities: Where entities are fetched; None for the wiki that the settings name.

    Raises:
        ConfigError: A setting is wrong.
        DocumentError: A stream or schema does not exist, or is not what it must be.
        ExternalError: A place that holds them does not answer.
    """
    rdf = configuration.rdf
    streams = read_updater_streams(configuration)
    ends = _resolve_endpoints(configuration, streams)
    uris = entity_uris(rdf)
    subgraphs = _read_subgraphs(configuration, streams)
    graphs = build_graph_loader(configuration, meter, entities=entities)
    job = RdfUpdater(
        streams.input_reader,
        MutationBuilder(graphs, uris, subgraphs),
        _build_side_output_encoder(configuration, streams, ends, meter),
        window=_to_ms(rdf.reordering_window),
        meter=meter,
        clock=time.time,
    )
    return KeyedPipeline(
        job=job,
        source=ends.source,
        change_sink=change_sink or _build_stream_outputs(configuration, streams, ends, subgraphs),
        outputs={
            Role.ERROR: ends.error,
            **{role: ends.sink.for_side_output(stream.config.stream) for role, stream in streams.side.items()},
        },
        state=state_path(configuration),
        lateness=_to_ms(rdf.lateness),
        idleness=_to_ms(rdf.idleness),
        concurrency=rdf.concurrency,
    )


def state_path(configuration: Configuration) -> Path:
    """The file of the job's state."""
    return resolve_state_file(configuration).with_name(STATE_FILE)


def entity_uris(rdf: RdfSettings) -> Uris:
    """The URIs of the wiki's entities."""
    own = rdf.concept_base or f"http://{rdf.hostname}"
    return Uris.for_federated(own, rdf.federated_concept_base) if rdf.scheme == "federated" else Uris.for_wikibase(own)


def build_entity_settings(rdf: RdfSettings) -> EntityDataSettings:
    """Where entities are fetched."""
    prefix = rdf.entity_data or f"https://{rdf.hostname}{ENTITY_DATA_PATH}"
    return EntityDataSettings(prefix=prefix, max_bytes=rdf.max_entity_bytes)


def build_graph_loader(
    configuration: Configuration, meter: Meter, *, entities: EntitySource | None = None
) -> EntityGraphLoader:
    """What fetches entities and reads them. Raises as `build_entity_client`."""
    uris = entity_uris(configuration.rdf)
    return EntityGraphLoader(
        entities or build_entity_client(configuration, meter),
        uris,
        mime_type=build_entity_settings(configuration.rdf).mime_type,
        concept_base=uris.root,
    )


def build_entity_client(configuration: Configuration, meter: Meter) -> EntityDataClient:
    """What fetches entities, politely from Wikimedia's wikis.

    Raises:
        ConfigError: A credential cannot be read, or would be sent somewhere else than to its wiki.
    """
    rdf, settings = configuration.rdf, build_entity_settings(configuration.rdf)
    polite = default_farm_settings(WIKIMEDIA_FARM) if is_wikimedia(URL(settings.prefix).host or "") else None
    http = HttpClient(build_http_settings(configuration))
    return EntityDataClient(
        settings,
        http,
        meter,
        limits=FarmSettings(
            max_concurrency=min(rdf.concurrency, polite.max_concurrency) if polite else rdf.concurrency,
            rate=configuration.enrich.rate or (polite.rate if polite else None),
        ),
        session=build_wiki_session(configuration, rdf.hostname, http=http, url=settings.prefix),
        policy=replace(FETCH_POLICY, acceptable_lag=rdf.acceptable_lag),
    )


def _resolve_endpoints(configuration: Configuration, streams: UpdaterStreams) -> Endpoints:
    ends = resolve_endpoints(
        configuration,
        sources=[stream.config for stream, _ in streams.inputs],
        sink=streams.sink.config.stream,
        error=streams.error.config.stream,
    )
    if ends.guarantee is not DeliveryGuarantee.AT_LEAST_ONCE:
        raise ConfigError(
            f"rdf-updater writes at least once, not {ends.guarantee}.",
            hint="Repeats have the same meta.id, and a store that takes a mutation twice is as after the first time.",
            key="stream_manager.sink.options.delivery_guarantee",
        )
    return ends


def _read_subgraphs(configuration: Configuration, streams: UpdaterStreams) -> Subgraphs:
    named = configuration.rdf.subgraphs
    if not named:
        return Subgraphs.unsplit(streams.sink.config.stream)
    suffix = get_message_format(streams.sink).suffix
    found = Subgraphs.parse(_read_definitions(configuration, named))
    return Subgraphs(
        tuple(each._replace(stream=each.stream.removesuffix(suffix) + suffix) for each in found.definitions)
    )


def _read_definitions(configuration: Configuration, named: str) -> str:
    if named.startswith(SCHEME):
        return read_bundled_subgraphs(named.removeprefix(SCHEME))
    content = DocumentReader(build_http_settings(configuration))(named)
    if content is None:
        raise ConfigError(
            f"There are no definitions of subgraphs at {named}.",
            hint=f"Name a YAML file, or {' or '.join(SCHEME + name for name in bundled_names())}.",
            key="rdf.subgraphs",
        )
    return content.decode()


def _build_stream_outputs(
    configuration: Configuration, streams: UpdaterStreams, ends: Endpoints, subgraphs: Subgraphs
) -> StreamOutputs[Mutation]:
    rdf = configuration.rdf
    form = get_message_format(streams.sink)
    names = [stream for stream in subgraphs.streams if stream != streams.sink.config.stream]
    return StreamOutputs(
        streams={streams.sink.config.stream: ends.sink}
        | {name: ends.sink.for_stream(name, rdf.subgraph_topics.get(name, "")) for name in names},
        encode=MutationEncoder(streams.sink.schema, form.version, domain=rdf.hostname, clock=time.time),
        partition=rdf.partition,
    )


def _build_side_output_encoder(
    configuration: Configuration, streams: UpdaterStreams, ends: Endpoints, meter: Meter
) -> SideOutputEncoder:
    rdf, source = configuration.rdf, streams.inputs[0][0]
    emitter = Emitter(
        emitter_id=configuration.stream_manager.job_name,
        stream=streams.error.config.stream,
        schema_uri=streams.error.schema.uri,
        source_stream=source.config.stream,
        source_schema_uri=source.schema.uri,
    )
    events = SideEvents(
        domain=rdf.side_domain or rdf.hostname, emitter_id=rdf.emitter_id, report_unknown=rdf.tell_unknown_deletions
    )
    schemas = {role: stream.schema for role, stream in streams.side.items()}
    errors = ErrorEncoder(emitter, max_bytes=ends.error.max_record_bytes, new_id=new_event_id)
    return SideOutputEncoder(events, schemas, errors, meter=meter)


def _to_ms(seconds: float) -> int:
    return round(seconds * 1000)
