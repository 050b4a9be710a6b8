"""The endpoints of a job, resolved from the settings: defaults applied, topics named, one delivery guarantee.

Endpoints are values; a runner builds sources and sinks from them. Their classes are those of the connectors.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wikistate.adapters.connectors.connector import SinkContext, SinkEndpoint, SourceEndpoint, missing_setting
from wikistate.adapters.connectors.files.endpoint import MAX_FILE_RECORD, STANDARD_STREAM, FileEndpoint
from wikistate.adapters.connectors.kafka.endpoint import KafkaSinkEndpoint, KafkaSourceEndpoint
from wikistate.adapters.connectors.parquet.endpoint import ParquetEndpoint
from wikistate.config.model import DeliveryGuarantee, SinkOptions
from wikistate.errors import ConfigError
from wikistate.wiring.connectors import SOURCE_URLS, find_connector
from wikistate.wiring.feeds import ConfiguredSource

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wikistate.config.model import Configuration, Sink, StreamManager
    from wikistate.core.events.stream_config import StreamConfig
    from wikistate.telemetry.meter import Meter

__all__ = [
    "MAX_FILE_RECORD",
    "STANDARD_STREAM",
    "Endpoints",
    "FileEndpoint",
    "KafkaSinkEndpoint",
    "KafkaSourceEndpoint",
    "ParquetEndpoint",
    "SinkEndpoint",
    "SourceEndpoint",
    "resolve_endpoints",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """The endpoints of a job, and the delivery guarantee between them."""

    source: SourceEndpoint
    sink: SinkEndpoint
    error: SinkEndpoint
    guarantee: DeliveryGuarantee

    def require_single_cluster(self) -> tuple[KafkaSourceEndpoint, KafkaSinkEndpoint, KafkaSinkEndpoint]:
        """Return the endpoints if one Kafka transaction can span them.

        Raises:
            ConfigError: It cannot.
        """
        source, sink, error = self.source, self.sink, self.error
        if (
            isinstance(source, KafkaSourceEndpoint)
            and isinstance(sink, KafkaSinkEndpoint)
            and isinstance(error, KafkaSinkEndpoint)
            and source.bootstrap_servers == sink.bootstrap_servers == error.bootstrap_servers
        ):
            return source, sink, error
        raise ConfigError(
            "EXACTLY_ONCE needs Kafka as source, sink and error sink, all with the same bootstrap_servers: outputs and "
            "offsets are committed in one transaction, and a transaction does not span clusters.",
            hint="Use AT_LEAST_ONCE, and let readers drop repeats by meta.id.",
            key="stream_manager.sink.options.delivery_guarantee",
        )


def resolve_endpoints(
    configuration: Configuration,
    *,
    sources: Sequence[StreamConfig],
    sink: str,
    error: str,
    meter: Meter | None = None,
) -> Endpoints:
    """Return the endpoints that the settings name.

    Args:
        configuration: The settings.
        sources: The stream configurations of the streams to read, unless the settings name topics or streams.
        sink: Name of the sink's stream.
        error: Name of the error stream.
        meter: Records the requests of a source that asks a wiki; None for no metrics.

    Raises:
        ConfigError: A setting is missing or not valid.
    """
    manager = configuration.stream_manager
    guarantees = [each.options.delivery_guarantee for each in (manager.sink, manager.error_sink)]
    stated = [guarantee for guarantee in guarantees if guarantee is not None]
    return Endpoints(
        source=_resolve_source(configuration, sources, meter),
        sink=_resolve_sink(manager.sink, sink, "sink"),
        error=_resolve_sink(_resolve_error_sink(manager), error, "error_sink"),
        guarantee=max(stated, key=list(DeliveryGuarantee).index, default=DeliveryGuarantee.AT_LEAST_ONCE),
    )


def _resolve_source(
    configuration: Configuration, streams: Sequence[StreamConfig], meter: Meter | None
) -> SourceEndpoint:
    source = configuration.stream_manager.source
    if source.connector is None:
        examples = ", ".join(f"--source {url}" for url in SOURCE_URLS)
        raise missing_setting(
            "stream_manager.source.connector",
            f"Name the source of events, as in --source kafka://host:port/topic. The forms are: {examples}, --source -.",
        )
    return find_connector(source.connector).resolve_source(
        source.options, ConfiguredSource(configuration, streams, meter)
    )


def _resolve_sink(sink: Sink, stream: str, section: str) -> SinkEndpoint:
    context = SinkContext(stream, key=f"stream_manager.{section}.options", is_error_sink=section == "error_sink")
    return find_connector(sink.connector).resolve_sink(sink.options, context)


def _resolve_error_sink(manager: StreamManager) -> Sink:
    """Return the error sink; if its settings name no place, it is beside the sink, as the connector defines.

    Beside a topic: the topic of the error stream on the same cluster. Beside ``out.ndjson``: ``out.errors.ndjson``.
    Beside standard output: standard error. Beside a Parquet ``folder``: ``folder.errors.ndjson``.
    """
    sink, errors = manager.sink, manager.error_sink
    connector = find_connector(sink.connector)
    needs_default = not connector.capabilities.error_sink and errors.connector is None and not errors.options.path
    names_a_place = (
        errors.connector not in (None, sink.connector) or errors.options.bootstrap_servers or errors.options.path
    )
    if names_a_place and not needs_default:
        return errors
    default = connector.default_error_sink(sink.options)
    stated = {name: getattr(errors.options, name) for name in errors.options.model_fields_set}
    options = sink.options.model_dump() | dict(default.options) | stated
    if needs_default:
        options |= default.options  # an explicit empty path names no place either
    return errors.model_copy(update={"connector": default.connector, "options": SinkOptions(**options)})
