"""What the settings say of a job's ends, resolved: defaults filled in, topics named, the guarantee agreed.

Pure values; a runner makes connectors out of them, each in its own way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from wikistate.config.model import DeliveryGuarantee, SinkOptions
from wikistate.errors import ConfigError
from wikistate.jobs.feeds import EventStreamsEnd, RecentChangesEnd, event_streams_end, recent_changes_end

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
class KafkaSourceEnd:
    """Topics to read. `start` and `end` as in ``stream_manager.source.options``.

    Attributes:
        alone: Read by one process and without a group: the first partition of a topic that has one.
    """

    bootstrap_servers: str
    topics: tuple[str, ...]
    group: str
    start: str
    end: str
    properties: Mapping[str, str]
    alone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class KafkaSinkEnd:
    """A topic to write. `key` is the dotted path of its options, for errors."""

    bootstrap_servers: str
    topic: str
    properties: Mapping[str, str]
    key: str

    def shares_producer(self, other: KafkaSinkEnd) -> bool:
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
class FileEnd:
    """A file or a standard stream. `bookmark` keeps the position of a file that is read."""

    path: str
    bookmark: str = ""
    max_record_bytes: int = MAX_FILE_RECORD

    @property
    def is_standard_stream(self) -> bool:
        """Whether it is standard input, output or error."""
        return self.path == STANDARD_STREAM


@dataclass(frozen=True, slots=True, kw_only=True)
class ParquetEnd:
    """A folder of Parquet files. `roll_bytes` and `roll_seconds` as in ``stream_manager.sink.options``."""

    path: str
    roll_bytes: int
    roll_seconds: float
    max_record_bytes: int = MAX_FILE_RECORD


SourceEnd = KafkaSourceEnd | FileEnd | EventStreamsEnd | RecentChangesEnd
SinkEnd = KafkaSinkEnd | FileEnd | ParquetEnd


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """Where a job reads and writes, and what a crash may do to it."""

    source: SourceEnd
    sink: SinkEnd
    error: SinkEnd
    guarantee: DeliveryGuarantee

    def on_one_cluster(self) -> tuple[KafkaSourceEnd, KafkaSinkEnd, KafkaSinkEnd]:
        """The ends, when one Kafka transaction can span them.

        Raises:
            ConfigError: It cannot.
        """
        source, sink, error = self.source, self.sink, self.error
        if (
            isinstance(source, KafkaSourceEnd)
            and isinstance(sink, KafkaSinkEnd)
            and isinstance(error, KafkaSinkEnd)
            and source.bootstrap_servers == sink.bootstrap_servers == error.bootstrap_servers
        ):
            return source, sink, error
        raise ConfigError(
            "EXACTLY_ONCE needs Kafka as source, sink and error sink, all with the same bootstrap_servers: outputs and "
            "offsets go into one transaction, and a transaction does not span clusters.",
            hint="Use AT_LEAST_ONCE, and let readers drop repeats by meta.id.",
            key="stream_manager.sink.options.delivery_guarantee",
        )


def resolve_ends(configuration: Configuration, *, source: StreamConfig, sink: str, error: str) -> Ends:
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
    return Ends(
        source=_source_end(configuration, source),
        sink=_sink_end(manager.sink, sink, "sink"),
        error=_sink_end(_error_sink(manager), error, "error_sink"),
        guarantee=max(stated, key=list(DeliveryGuarantee).index, default=DeliveryGuarantee.AT_LEAST_ONCE),
    )


def _source_end(configuration: Configuration, stream: StreamConfig) -> SourceEnd:
    manager = configuration.stream_manager
    options = manager.source.options
    match manager.source.connector:
        case "kafka" if options.bootstrap_servers:
            return KafkaSourceEnd(
                bootstrap_servers=options.bootstrap_servers,
                topics=tuple(options.topics) or stream.topics,
                group=options.consumer_group or manager.job_name,
                start=options.offsets_initializer,
                end=options.end,
                properties=options.properties,
            )
        case "file" if options.path:
            return FileEnd(path=options.path, bookmark=options.bookmark, max_record_bytes=options.max_record_bytes)
        case "eventstreams":
            return event_streams_end(configuration, stream.stream)
        case "recentchanges" if options.url:
            return recent_changes_end(configuration)
        case "recentchanges":
            raise _missing("stream_manager.source.options.url", "It names the wiki's Action API.")
        case "kafka":
            raise _missing("stream_manager.source.options.bootstrap_servers", "It names the cluster, as in host:9092.")
        case "file":
            raise _missing("stream_manager.source.options.path", "It names the file; - is standard input.")
        case None:
            raise _missing(
                "stream_manager.source.connector",
                "Say where events come from: --source kafka://host:port/topic, --source file:PATH, --source -, "
                "--source eventstreams:STREAM, or --source recentchanges:API_URL.",
            )


def _sink_end(sink: Sink, stream: str, name: str) -> SinkEnd:
    options, key = sink.options, f"stream_manager.{name}.options"
    if sink.connector == "parquet":
        return _parquet_end(options, key)
    if sink.connector != "kafka":
        return FileEnd(path=options.path or STANDARD_STREAM)
    if not options.bootstrap_servers:
        raise _missing(f"{key}.bootstrap_servers", "It names the cluster, as in host:9092.")
    return KafkaSinkEnd(
        bootstrap_servers=options.bootstrap_servers,
        topic=options.topic or options.kafka_topic_prefix + stream,
        properties=options.properties,
        key=key,
    )


def _parquet_end(options: SinkOptions, key: str) -> ParquetEnd:
    if not key.startswith("stream_manager.sink."):
        raise ConfigError(
            f"{key} is a Parquet folder; error events do not go into one.",
            hint="Name a file or a topic: `wikistate replay` reads them back from there.",
            key=key,
        )
    if options.path in ("", STANDARD_STREAM):
        raise _missing(f"{key}.path", "It names the folder, as in parquet:lake/page_content_change.")
    return ParquetEnd(path=options.path, roll_bytes=options.roll_bytes, roll_seconds=options.roll_seconds)


def _error_sink(manager: StreamManager) -> Sink:
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
    beside = sink.options.model_dump() | {"topic": "", "path": _beside(sink.options.path)} | own
    return errors.model_copy(update={"connector": sink.connector, "options": SinkOptions(**beside)})


def _beside(path: str) -> str:
    """``out/a.ndjson.zst`` to ``out/a.errors.ndjson.zst``."""
    if path in ("", STANDARD_STREAM):
        return path
    folder, slash, name = path.rpartition("/")
    stem, dot, rest = name.partition(".")
    return f"{folder}{slash}{stem}.errors{dot}{rest}"


def _missing(key: str, hint: str) -> ConfigError:
    return ConfigError(f"{key} is missing.", hint=hint, key=key)
