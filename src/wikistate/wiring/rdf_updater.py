"""Wiring of the job rdf-updater."""

from __future__ import annotations

import time
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from yarl import URL

from wikistate.adapters.http.client import HttpClient
from wikistate.adapters.http.documents import DocumentReader
from wikistate.adapters.mediawiki.counted_http import build_http_client
from wikistate.adapters.mediawiki.discovery import find_api
from wikistate.adapters.mediawiki.entity_data import EntityDataClient
from wikistate.adapters.mediawiki.entity_responses import ENTITY_DATA_PATH, EntityDataSettings
from wikistate.adapters.mediawiki.limits import FarmSettings, default_farm_settings
from wikistate.adapters.mediawiki.revision_lookup import RevisionLookup
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
from wikistate.jobs.rdf_updater import NAME
from wikistate.jobs.rdf_updater.entity_graphs import EntityGraphLoader
from wikistate.jobs.rdf_updater.entity_memory import EntityMemory
from wikistate.jobs.rdf_updater.job import RdfUpdater
from wikistate.jobs.rdf_updater.mutation_builder import MutationBuilder
from wikistate.jobs.rdf_updater.mutation_encoder import MutationEncoder
from wikistate.jobs.rdf_updater.side_outputs import SideOutputEncoder
from wikistate.streaming.record import Role
from wikistate.wiring.endpoints import resolve_endpoints
from wikistate.wiring.feeds import build_crash_marker, resolve_state_file
from wikistate.wiring.pipeline import KeyedPipeline, StreamOutputs
from wikistate.wiring.updater_streams import get_message_format, read_updater_streams
from wikistate.wiring.wikis import build_breaker_settings, build_http_settings, build_query_client, build_wiki_session

if TYPE_CHECKING:
    from pathlib import Path

    from wikistate.adapters.mediawiki.query_client import QueryClient
    from wikistate.config.model import Configuration
    from wikistate.config.rdf import RdfSettings
    from wikistate.core.enrichment.retry import RetryPolicy
    from wikistate.core.updater.input_events import InputEvent
    from wikistate.core.updater.mutation import Mutation
    from wikistate.core.updater.operations import Operation
    from wikistate.jobs.rdf_updater.entity_graphs import EntitySource
    from wikistate.streaming.change_sink import ChangeSink
    from wikistate.telemetry.meter import Meter
    from wikistate.wiring.endpoints import Endpoints
    from wikistate.wiring.updater_streams import UpdaterStreams

STATE_FILE = "state.sqlite"
_MAX_UNREADABLE = 2


def assemble_rdf_updater(
    configuration: Configuration,
    meter: Meter,
    *,
    change_sink: ChangeSink[Mutation] | None = None,
    entities: EntitySource | None = None,
    is_readable: bool | None = None,
) -> KeyedPipeline[InputEvent, Operation, Mutation]:
    """Assemble the job rdf-updater.

    Args:
        configuration: The settings.
        meter: The meter of the job's metrics.
        change_sink: The sink of mutations; None for the streams that the settings name.
        entities: The source of the RDF of entities; None for the wiki that the settings name.
        is_readable: Whether the start has read an entity of the wiki; None if it has not tried.

    Raises:
        ConfigError: A setting is wrong.
        DocumentError: A stream or schema does not exist, or is malformed.
        ExternalError: The server of a stream configuration or schema does not answer.
    """
    rdf = configuration.rdf
    streams = read_updater_streams(configuration)
    endpoints = _resolve_endpoints(configuration, streams, meter)
    uris = entity_uris(rdf)
    subgraphs = _read_subgraphs(configuration, streams)
    graphs = build_graph_loader(configuration, meter, entities=entities, is_readable=is_readable)
    job = RdfUpdater(
        streams.input_reader,
        MutationBuilder(graphs, uris, subgraphs),
        _build_side_output_encoder(configuration, streams, endpoints, meter),
        window=_to_ms(rdf.reordering_window),
        reconcile_unknown=rdf.reconcile_unknown,
        meter=meter,
        clock=time.time,
    )
    return KeyedPipeline(
        job=job,
        source=endpoints.source,
        change_sink=change_sink or _build_stream_outputs(configuration, streams, endpoints, subgraphs),
        outputs={
            Role.ERROR: endpoints.error,
            **{role: endpoints.sink.for_side_output(stream.config.stream) for role, stream in streams.side.items()},
        },
        state=state_path(configuration),
        state_owner=f"{NAME} {rdf.hostname}",
        lateness=_to_ms(rdf.lateness),
        idleness=_to_ms(rdf.idleness),
        concurrency=rdf.concurrency,
        guarantee=endpoints.guarantee,
        time_fields=streams.input_reader.time_fields,
    )


def state_path(configuration: Configuration) -> Path:
    """Return the path of the file of the checkpoint."""
    return resolve_state_file(configuration).with_name(STATE_FILE)


def entity_uris(rdf: RdfSettings) -> Uris:
    """Return the URIs of the wiki's entities."""
    concept_base = rdf.concept_base or f"http://{rdf.hostname}"
    if rdf.scheme == "federated":
        return Uris.for_federated(concept_base, rdf.federated_concept_base)
    return Uris.for_wikibase(concept_base)


def build_entity_settings(rdf: RdfSettings) -> EntityDataSettings:
    """Return the settings for the requests of entities."""
    prefix = rdf.entity_data or f"https://{rdf.hostname}{ENTITY_DATA_PATH}"
    return EntityDataSettings(prefix=prefix, max_bytes=rdf.max_entity_bytes)


def build_graph_loader(
    configuration: Configuration,
    meter: Meter,
    *,
    entities: EntitySource | None = None,
    is_readable: bool | None = None,
    command: str = "",
) -> EntityGraphLoader:
    """Build the loader that fetches entities and parses their RDF.

    See `assemble_rdf_updater` for the arguments. `command` is the name of a command that may run beside the job.

    Raises:
        ConfigError: See `build_entity_client`.
    """
    uris = entity_uris(configuration.rdf)
    return EntityGraphLoader(
        entities or build_entity_client(configuration, meter),
        uris,
        mime_type=build_entity_settings(configuration.rdf).mime_type,
        concept_base=uris.root,
        states=None if entities else RevisionLookup(partial(_connect_to_api, configuration, meter)),
        is_confirmed=is_readable is True,
        marker=build_crash_marker(configuration, command),
        memory=EntityMemory(configuration.rdf.max_parsed_bytes, max_triples=configuration.rdf.max_entity_triples),
        # After a start that found no entity to read, the first one decides.
        max_unreadable=0 if is_readable is False else _MAX_UNREADABLE,
    )


async def _connect_to_api(configuration: Configuration, meter: Meter) -> QueryClient:
    """Return an open client of the Action API of the wiki, whose address may have to be found.

    Raises:
        ConfigError: The address is not known and cannot be found.
    """
    rdf = configuration.rdf
    listed = configuration.wikis.get(rdf.hostname)
    api = rdf.wikibase if URL(rdf.wikibase).path.endswith("api.php") else listed.api if listed else ""
    if not api:
        http = build_http_client(build_http_settings(configuration), meter)
        await http.open()
        try:
            api = await find_api(http, rdf.wikibase or build_entity_settings(rdf).prefix)
        finally:
            await http.close()
    queries = build_query_client(configuration, api, meter)
    await queries.open()
    return queries


def build_entity_client(configuration: Configuration, meter: Meter) -> EntityDataClient:
    """Build the client that fetches entities, within the limits of Wikimedia for its public wikis.

    Raises:
        ConfigError: A credential cannot be read, or would be sent to another server than that of its wiki.
    """
    rdf, settings = configuration.rdf, build_entity_settings(configuration.rdf)
    public_limits = default_farm_settings(WIKIMEDIA_FARM) if is_wikimedia(URL(settings.prefix).host or "") else None
    http = HttpClient(build_http_settings(configuration))
    return EntityDataClient(
        settings,
        http,
        meter,
        breaker=build_breaker_settings(configuration),
        limits=FarmSettings(
            max_concurrency=min(rdf.concurrency, public_limits.max_concurrency) if public_limits else rdf.concurrency,
            rate=configuration.enrich.rate or (public_limits.rate if public_limits else None),
        ),
        session=build_wiki_session(configuration, rdf.hostname, http=http, url=settings.prefix),
        policy=build_fetch_policy(rdf),
    )


def build_fetch_policy(rdf: RdfSettings) -> RetryPolicy:
    """Build the retry policy of fetches of entities."""
    return replace(FETCH_POLICY, acceptable_lag=rdf.acceptable_lag)


def _resolve_endpoints(configuration: Configuration, streams: UpdaterStreams, meter: Meter) -> Endpoints:
    endpoints = resolve_endpoints(
        configuration,
        sources=[stream.config for stream, _ in streams.inputs],
        sink=streams.sink.config.stream,
        error=streams.error.config.stream,
        meter=meter,
    )
    if endpoints.guarantee is DeliveryGuarantee.NONE:
        raise ConfigError(
            f"rdf-updater delivers AT_LEAST_ONCE; {endpoints.guarantee} is not supported.",
            hint="Use AT_LEAST_ONCE: a repeated mutation keeps its meta.id, and does not change a store that has applied it.",
            key="stream_manager.sink.options.delivery_guarantee",
        )
    return endpoints


def _read_subgraphs(configuration: Configuration, streams: UpdaterStreams) -> Subgraphs:
    location = configuration.rdf.subgraphs
    if not location:
        return Subgraphs.unsplit(streams.sink.config.stream)
    suffix = get_message_format(streams.sink).suffix
    subgraphs = Subgraphs.parse(_read_definitions(configuration, location))
    return Subgraphs(
        tuple(each._replace(stream=each.stream.removesuffix(suffix) + suffix) for each in subgraphs.definitions)
    )


def _read_definitions(configuration: Configuration, location: str) -> str:
    if location.startswith(SCHEME):
        return read_bundled_subgraphs(location.removeprefix(SCHEME))
    content = DocumentReader(build_http_settings(configuration))(location)
    if content is None:
        raise ConfigError(
            f"There are no definitions of subgraphs at {location}.",
            hint=f"Set rdf.subgraphs to a YAML file, or to {' or '.join(SCHEME + name for name in bundled_names())}.",
            key="rdf.subgraphs",
        )
    return content.decode()


def _build_stream_outputs(
    configuration: Configuration, streams: UpdaterStreams, endpoints: Endpoints, subgraphs: Subgraphs
) -> StreamOutputs[Mutation]:
    rdf = configuration.rdf
    message_format = get_message_format(streams.sink)
    names = [stream for stream in subgraphs.streams if stream != streams.sink.config.stream]
    return StreamOutputs(
        streams={streams.sink.config.stream: endpoints.sink}
        | {name: endpoints.sink.for_stream(name, rdf.subgraph_topics.get(name, "")) for name in names},
        encode=MutationEncoder(streams.sink.schema, message_format.version, domain=rdf.hostname, clock=time.time),
        partition=rdf.partition,
    )


def _build_side_output_encoder(
    configuration: Configuration, streams: UpdaterStreams, endpoints: Endpoints, meter: Meter
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
    errors = ErrorEncoder(emitter, max_bytes=endpoints.error.max_record_bytes)
    return SideOutputEncoder(events, schemas, errors, meter=meter)


def _to_ms(seconds: float) -> int:
    return round(seconds * 1000)
