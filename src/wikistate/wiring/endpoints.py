"""What the settings say of a job's ends, resolved: defaults filled in, topics named, the guarantee agreed.

Pure values; a runner makes connectors out of them, each in its own way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wikistate.config.model import DeliveryGuarantee, SinkOptions
from wikistate.errors import ConfigError
from wikistate.wiring.feeds import (
    EventStreamsEndpoint,
    RecentChangesEndpoint,
    resolve_event_streams,
    resolve_recent_changes,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.config.model import Configuration, Sink, StreamManager
    from wikistate.core.events.stream_config import StreamConfig

STANDARD_STREAM = "-"
"""The path that stands for standard input, standard output and, for errors, standard error."""

MAX_FILE_RECORD = 256 * 1024 * 1024
"""Bytes of the longest line that is written to a file."""

_MAX_KAFKA_RECORD = 1_000_000  # bytes; what librdkafka takes unless told otherwise
_KAFKA_OVERHEAD = 2048  # bytes; key and framing count, too


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSourceEndpoint:
    """Topics to read. `start` and `end` as in ``stream_manager.source.options``.

    Attributes:
        single_partition: Read by one process and without a group: the first partition of a topic that has one.
    """

    bootstrap_servers: str
    topics: tuple[str, ...]
    group: str
    start: str
    end: str
    properties: Mapping[str, str]
    single_partition: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSinkEndpoint:
    """A topic to write. `key` is the dotted path of its options, for errors."""

    bootstrap_servers: str
    topic: str
    properties: Mapping[str, str]
    key: str

    def shares_producer(self, other: KafkaSinkEndpoint) -> bool:
        """Whether one client can write both."""
        return self.bootstrap_servers == other.bootstrap_servers and self.properties == other.properties

    @property
    def max_record_bytes(self) -> int:
        """The largest value that the producer takes; it looks at records before it compresses (T355426).

        Raises:
            ConfigError: The property is not a number.
        """
        names = ("max.request.size", "message.max.bytes")
        text = next((self.properties[name] for name in names if name in self.properties), str(_MAX_KAFKA_RECORD))
        if not text.isdecimal():
            key = f"{self.key}.properties.max.request.size"
            raise ConfigError(f"{key} is {text!r}, not a number of bytes.", key=key)
        return max(1, int(text) - _KAFKA_OVERHEAD)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEndpoint:
    """A file or a standard stream. `bookmark` keeps the position of a file that is read."""

    path: str
    bookmark: str = ""
    max_record_bytes: int = MAX_FILE_RECORD

    @property
    def is_standard_stream(self) -> bool:
        """Whether it is standard input, output or error."""
        return self.path == STANDARD_STREAM


@dataclass(frozen=True, slots=True, kw_only=True)
class ParquetEndpoint:
    """A folder of Parquet files. `roll_bytes` and `roll_seconds` as in ``stream_manager.sink.options``."""

    path: str
    roll_bytes: int
    roll_seconds: float
    max_record_bytes: int = MAX_FILE_RECORD


SourceEndpoint = KafkaSourceEndpoint | FileEndpoint | EventStreamsEndpoint | RecentChangesEndpoint
SinkEndpoint = KafkaSinkEndpoint | FileEndpoint | ParquetEndpoint


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Where a job reads and writes, and what a crash may do to it."""

    source: SourceEndpoint
    sink: SinkEndpoint
    error: SinkEndpoint
    guarantee: DeliveryGuarantee

    def require_single_cluster(self) -> tuple[KafkaSourceEndpoint, KafkaSinkEndpoint, KafkaSinkEndpoint]:
        """The ends, when one Kafka transaction can span them.

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
            "offsets go into one transaction, and a transaction does not span clusters.",
            hint="Use AT_LEAST_ONCE, and let readers drop repeats by meta.id.",
            key="stream_manager.sink.options.delivery_guarantee",
        )


def resolve_endpoints(configuration: Configuration, *, source: StreamConfig, sink: str, error: str) -> Endpoints:
    """The ends that the settings mean.

    Args:
        configuration: The settings.
        source: The stream configuration of the source's stream.
        sink: Name of the sink's stream.
        error: Name of the error stream.

    Raises:
        ConfigError: The settings do not say where something is.
    """
    manager = configuration.stream_manager
    guarantees = [each.options.delivery_guarantee for each in (manager.sink, manager.error_sink)]
    stated = [guarantee for guarantee in guarantees if guarantee is not None]
    return Endpoints(
        source=_resolve_source(configuration, source),
        sink=_resolve_sink(manager.sink, sink, "sink"),
        error=_resolve_sink(_resolve_error_sink(manager), error, "error_sink"),
        guarantee=max(stated, key=list(DeliveryGuarantee).index, default=DeliveryGuarantee.AT_LEAST_ONCE),
    )


def _resolve_source(configuration: Configuration, stream: StreamConfig) -> SourceEndpoint:
    manager = configuration.stream_manager
    options = manager.source.options
    match manager.source.connector:
        case "kafka" if options.bootstrap_servers:
            return KafkaSourceEndpoint(
                bootstrap_servers=options.bootstrap_servers,
                topics=tuple(options.topics) or stream.topics,
                group=options.consumer_group or manager.job_name,
                start=options.offsets_initializer,
                end=options.end,
                properties=options.properties,
            )
        case "file" if options.path:
            return FileEndpoint(path=options.path, bookmark=options.bookmark, max_record_bytes=options.max_record_bytes)
        case "eventstreams":
            return resolve_event_streams(configuration, stream.stream)
        case "recentchanges" if options.url:
            return resolve_recent_changes(configuration)
        case "recentchanges":
            raise _missing_setting("stream_manager.source.options.url", "It names the wiki's Action API.")
        case "kafka":
            raise _missing_setting(
                "stream_manager.source.options.bootstrap_servers", "It names the cluster, as in host:9092."
            )
        case "file":
            raise _missing_setting("stream_manager.source.options.path", "It names the file; - is standard input.")
        case None:
            raise _missing_setting(
                "stream_manager.source.connector",
                "Say where events come from: --source kafka://host:port/topic, --source file:PATH, --source -, "
                "--source eventstreams:STREAM, or --source recentchanges:API_URL.",
            )


def _resolve_sink(sink: Sink, stream: str, name: str) -> SinkEndpoint:
    options, key = sink.options, f"stream_manager.{name}.options"
    if sink.connector == "parquet":
        return _resolve_parquet_sink(options, key)
    if sink.connector != "kafka":
        return FileEndpoint(path=options.path or STANDARD_STREAM)
    if not options.bootstrap_servers:
        raise _missing_setting(f"{key}.bootstrap_servers", "It names the cluster, as in host:9092.")
    return KafkaSinkEndpoint(
        bootstrap_servers=options.bootstrap_servers,
        topic=options.topic or options.kafka_topic_prefix + stream,
        properties=options.properties,
        key=key,
    )


def _resolve_parquet_sink(options: SinkOptions, key: str) -> ParquetEndpoint:
    if not key.startswith("stream_manager.sink."):
        raise ConfigError(
            f"{key} is a Parquet folder; error events do not go into one.",
            hint="Name a file or a topic: `wikistate replay` reads them back from there.",
            key=key,
        )
    if options.path in ("", STANDARD_STREAM):
        raise _missing_setting(f"{key}.path", "It names the folder, as in parquet:lake/page_content_change.")
    return ParquetEndpoint(path=options.path, roll_bytes=options.roll_bytes, roll_seconds=options.roll_seconds)


def _resolve_error_sink(manager: StreamManager) -> Sink:
    """The error sink; where it says nothing of its place, it lies beside the sink.

    Beside a topic: the error stream's own topic on the same cluster. Beside ``out.ndjson``: ``out.errors.ndjson``.
    Beside standard output: standard error. Beside a Parquet ``folder``: ``folder.errors.ndjson``.
    """
    sink, errors = manager.sink, manager.error_sink
    if sink.connector == "parquet" and errors.connector is None and not errors.options.path:
        path = f"{sink.options.path.rstrip('/')}.errors.ndjson"
        options = errors.options.model_copy(update={"path": path})
        return errors.model_copy(update={"connector": "file", "options": options})
    if errors.connector not in (None, sink.connector) or errors.options.bootstrap_servers or errors.options.path:
        return errors
    own = {name: getattr(errors.options, name) for name in errors.options.model_fields_set}
    beside = sink.options.model_dump() | {"topic": "", "path": _error_path(sink.options.path)} | own
    return errors.model_copy(update={"connector": sink.connector, "options": SinkOptions(**beside)})


def _error_path(path: str) -> str:
    """``out/a.ndjson.zst`` to ``out/a.errors.ndjson.zst``."""
    if path in ("", STANDARD_STREAM):
        return path
    folder, slash, name = path.rpartition("/")
    stem, dot, rest = name.partition(".")
    return f"{folder}{slash}{stem}.errors{dot}{rest}"


def _missing_setting(key: str, hint: str) -> ConfigError:
    return ConfigError(f"{key} is missing.", hint=hint, key=key)
