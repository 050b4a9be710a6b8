"""The settings of streams, schemas and connectors: the section `stream_manager`."""

from __future__ import annotations

from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from pydantic import PositiveInt, model_validator

from wikistate.config.authentication import HttpAuthentication, split_login
from wikistate.config.base import Settings
from wikistate.config.connectors import SinkConnector, SinkOptions, SourceConnector, SourceOptions


class Projection(StrEnum):
    """The treatment of fields that are newer than the pinned schema version."""

    PINNED = "pinned"
    PASS_THROUGH = "pass_through"  # noqa: S105  (a mode, not a password)


class Source(Settings):
    """The source of events."""

    stream: str = ""
    """`name:version`: the stream, and the schema version that events are read as."""

    connector: SourceConnector | None = None
    """The connector that reads the stream. A source that is neither Kafka nor a file stores
    its position under `local.state` and needs the local runner."""

    parallelism: PositiveInt | None = None
    """Flink only: subtasks of the source, at most the number of partitions. The local runner reads all partitions."""

    options: SourceOptions = SourceOptions()
    """Options of the connector."""


class Sink(Settings):
    """The sink of events."""

    stream: str = ""
    """`name:version`: the stream, and the schema version that events are written as."""

    connector: SinkConnector | None = None
    """The connector that writes the stream. The error sink defaults to the sink's, beside Parquet to a file."""

    options: SinkOptions = SinkOptions()
    """Options of the connector."""


class StreamManager(Settings):
    """Streams, schemas and connectors: the framework half of the public jobs' files."""

    job_name: str = ""
    """Names the job in error events, logs and the default consumer group."""

    stream_config_uri: str = "bundled:streams.yaml"
    """Stream configuration: an Action API (`https://meta.wikimedia.org/w/api.php`), a file, or the bundled one."""

    schema_uris: list[str] = ["bundled:jsonschema"]
    """Schema repositories in order of preference: `file://` and http(s) bases, paths, or the bundled one."""

    authentication: dict[str, HttpAuthentication] = {}
    """Authentication at servers of schemas and stream configurations, by origin such as `https://schemas.example`. The login
    goes to that origin alone."""

    http_client_routes: dict[str, str] = {}
    """Origin to replacement, for example `https://meta.wikimedia.org: http://localhost:6500`. The request is sent to the
    replacement and keeps the origin's host in its `Host` header."""

    source: Source = Source()
    """The source of events."""

    sink: Sink = Sink()
    """The sink of enriched events."""

    error_sink: Sink = Sink()
    """The sink of error events."""

    projection: Projection = Projection.PINNED
    """`pinned`: fields that the pinned schema version does not declare are dropped, as the public jobs do.
    `pass_through`: they are kept, and the output keeps the `$schema` of the input."""

    process_async_enabled_default: bool = True
    """`false` requests one revision at a time."""

    process_max_workers_default: PositiveInt | None = None
    """The maximum number of concurrent requests to your wiki; the number of threads of the public jobs."""

    process_batch_size_default: PositiveInt | None = None
    """The maximum number of revisions in a request. Default: 50."""

    @model_validator(mode="before")
    @classmethod
    def _move_logins(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        logins: dict[str, Any] = {}

        def strip(url: Any) -> Any:
            if not isinstance(url, str):
                return url
            rest, login = split_login(url)
            if login:
                parts = urlsplit(rest)
                logins[f"{parts.scheme}://{parts.netloc}"] = login
            return rest

        moved = dict(values)
        if "stream_config_uri" in values:
            moved["stream_config_uri"] = strip(values["stream_config_uri"])
        if isinstance(values.get("schema_uris"), list):
            moved["schema_uris"] = [strip(uri) for uri in values["schema_uris"]]
        stated = values.get("authentication") or {}
        return {**moved, "authentication": {**logins, **stated}} if logins and isinstance(stated, dict) else moved
