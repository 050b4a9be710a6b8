"""The options of the connectors, one class for each connector.

A connector reads its own class and no other. `SourceOptions` and `SinkOptions` join the classes, because the keys of
several connectors may stand in the same section: a file may name a Kafka cluster while ``--source`` names a file. A new
connector adds its class, the name of its connector in `SourceConnector` or `SinkConnector`, and itself to the bases.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, PositiveFloat, PositiveInt, model_validator

from wikistate.config.authentication import HttpAuthentication, move_logins
from wikistate.config.base import MIB, Settings
from wikistate.secret import Secret, is_secret_name

SourceConnector = Literal["kafka", "file", "eventstreams", "recentchanges"]
"""The values of `stream_manager.source.connector`."""

SinkConnector = Literal["kafka", "file", "parquet"]
"""The values of `stream_manager.sink.connector` and of `stream_manager.error_sink.connector`."""


class DeliveryGuarantee(StrEnum):
    """The effect of a crash on the output."""

    NONE = "NONE"
    AT_LEAST_ONCE = "AT_LEAST_ONCE"
    EXACTLY_ONCE = "EXACTLY_ONCE"


def _to_text(value: object) -> object:
    """Return a Kafka property as text: YAML reads `true` and `10485760` as other types."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


def _hide_secrets(properties: object) -> object:
    """Return Kafka properties in which passwords, keys and tokens are secrets."""
    if not isinstance(properties, dict):
        return properties
    return {name: Secret.parse(value) if is_secret_name(str(name)) else value for name, value in properties.items()}


KafkaProperties = Annotated[
    dict[str, Annotated[str, BeforeValidator(_to_text)] | Secret], BeforeValidator(_hide_secrets)
]


class _BoundedOptions(Settings):
    """Options of sources that can end."""

    end: str = ""
    """The end of reading; not for files. Empty: never. `latest`: the end of the source when the job starts; or an RFC 3339
    time; Kafka: or offsets, each the first that is not read."""


class _LineOptions(Settings):
    """Options of sources that read lines."""

    max_record_bytes: PositiveInt = 64 * MIB
    """File, EventStreams: a longer line is not read into memory; it becomes an error event with the beginning of the
    line."""


class _PushOptions(_BoundedOptions):
    """Options of sources whose position is under `local.state`."""

    url: str = ""
    """EventStreams: the URL before the names of the streams. Empty: Wikimedia's public service. Recent changes: the
    Action API of the wiki; the wiki need not be listed under `wikis`."""

    since: str = ""
    """EventStreams, recent changes: where to start when no position is stored yet, an RFC 3339 time. Empty: now."""

    reconnect_limit: PositiveFloat | None = None
    """EventStreams, recent changes: seconds for which a source that has answered well before is asked again, whatever it
    answers; then the run ends. Default: no limit, and the log, the metric `wikistate_waiting` and the status line report
    it."""

    authentication: HttpAuthentication = HttpAuthentication()
    """EventStreams: the authentication at the server of `url`. The login of a wiki belongs under `wikis`."""

    @model_validator(mode="before")
    @classmethod
    def _move_logins(cls, values: Any) -> Any:
        return move_logins(values, ("url",))


class KafkaSourceOptions(_BoundedOptions):
    """Topics to read."""

    bootstrap_servers: str = ""
    """Kafka: `host:port`, several separated by commas."""

    topics: list[str] = []
    """Kafka: the topics to read. Empty: all topics of the stream by its stream configuration."""

    consumer_group: str = ""
    """Kafka: the consumer group whose committed offsets are the position of this job. Empty: the name of the job."""

    offsets_initializer: str = "committed"
    """Kafka: where to start. `committed` (falls back to `latest` when the group has no committed offset), `earliest` or
    `latest` (both apply when the group has no committed offset). An RFC 3339 time or offsets (`offset:0=120,1=95`)
    override the committed offsets."""

    properties: KafkaProperties = {}
    """Kafka: consumer properties, passed to the client. Names of the Java client are translated where they differ. A secret
    may be in a variable or file: `sasl.password_env` or `sasl.password_file` instead of `sasl.password`."""


class FileSourceOptions(_LineOptions):
    """An NDJSON file to read."""

    path: str = ""
    """File: the NDJSON file to read; gzip, Zstandard, bzip2 and xz are decompressed. `-` is standard
    input."""

    bookmark: str = ""
    """File: a small file that stores the position, so that a restart resumes at the last commit. Empty: each run
    reads from the beginning."""


class EventStreamsOptions(_PushOptions, _LineOptions):
    """Streams of server-sent events to read."""

    streams: list[str] = []
    """EventStreams: the streams to read. Empty: `stream_manager.source.stream`."""


class RecentChangesOptions(_PushOptions):
    """The recent changes of a wiki to read."""

    poll_interval: PositiveFloat = 5.0
    """Recent changes: seconds between a response without new changes and the next request."""

    overlap: PositiveFloat = 120.0
    """Recent changes: seconds before the newest change that each request covers again, for changes that were made
    earlier and committed later. Longer than the longest transaction of the wiki."""

    inventory: bool | None = None
    """Recent changes: whether the first run lists the current revision of each page, so that the deletion of a page that
    was last edited before names a revision. Empty: yes for your own wiki, no for a wiki of Wikimedia. rdf-sync needs none."""

    inventory_pages: PositiveInt = 5_000_000
    """Recent changes: the most pages in the inventory. A page takes some 30 bytes in the state folder."""


class SourceOptions(RecentChangesOptions, EventStreamsOptions, FileSourceOptions, KafkaSourceOptions):
    """Options of the source's connector."""


class GuaranteeOptions(Settings):
    """Options of all sinks."""

    delivery_guarantee: DeliveryGuarantee | None = None
    """`AT_LEAST_ONCE` (default), `EXACTLY_ONCE` (Kafka transactions; source and sinks on one cluster) or `NONE`. The
    stronger guarantee of the two sinks applies to both."""


class KafkaSinkOptions(Settings):
    """A topic to write."""

    bootstrap_servers: str = ""
    """Kafka: `host:port`, several separated by commas. The error sink defaults to the sink's."""

    topic: str = ""
    """Kafka: the topic to write. Empty: `kafka_topic_prefix` and the name of the stream."""

    kafka_topic_prefix: str = ""
    """Kafka: precedes the name of the stream, for example `eqiad.`; also isolates test runs on a shared cluster."""

    properties: KafkaProperties = {}
    """Kafka: producer properties, passed to the client. Names of the Java client are translated where they differ. A secret
    may be in a variable or file: `sasl.password_env` or `sasl.password_file` instead of `sasl.password`."""


class FileSinkOptions(Settings):
    """A file, or a folder of Parquet files."""

    path: str = ""
    """File: the NDJSON file to append to; `.gz` and `.zst` are compressed. `-` is standard output (`-` of the error
    sink is standard error). Parquet: the folder."""


class ParquetSinkOptions(FileSinkOptions):
    """A folder of Parquet files to write."""

    roll_bytes: PositiveInt = 128 * MIB
    """Parquet: the size in bytes at which a file is complete and visible to readers."""

    roll_seconds: PositiveFloat = 300.0
    """Parquet: the longest time in seconds until an event is visible to readers. A shorter time makes more and smaller
    files. A crash repeats the work of that time, and no event."""


class SinkOptions(ParquetSinkOptions, FileSinkOptions, KafkaSinkOptions, GuaranteeOptions):
    """Options of a sink's connector."""
