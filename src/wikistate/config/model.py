"""The configuration as a value: frozen, nested, one class a concern, every field with default, unit and consequence.

The keys of `stream_manager` and `enrich` are those of the public enrichment jobs, so that their files run as they
are; `wikis`, `farms`, `filter`, `custom`, `rdf`, `store`, `local`, `error_limit`, `telemetry` and `flink` are ours. ``wikistate config
schema`` prints the JSON Schema of this page, and the table in the docs is made from it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, Field, NonNegativeFloat, PositiveFloat, PositiveInt

from wikistate.config.base import MIB, SETTINGS_CONFIG
from wikistate.config.rdf import RdfSettings
from wikistate.config.store import StoreSettings


class Settings(BaseModel):
    """What all settings have in common: they are values, and a key that is not declared is noticed."""

    model_config = SETTINGS_CONFIG


class DeliveryGuarantee(StrEnum):
    """What a crash may do to the output."""

    NONE = "NONE"
    AT_LEAST_ONCE = "AT_LEAST_ONCE"
    EXACTLY_ONCE = "EXACTLY_ONCE"


class Projection(StrEnum):
    """What becomes of fields that are newer than the pinned schema version."""

    PINNED = "pinned"
    PASS_THROUGH = "pass_through"  # noqa: S105  (a mode, no password)


def _as_text(value: object) -> object:
    """Kafka properties are strings; YAML reads `true` and `10485760` as something else."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int | float) else value


KafkaProperties = dict[str, Annotated[str, BeforeValidator(_as_text)]]


class SourceOptions(Settings):
    """Options of the source's connector."""

    bootstrap_servers: str = ""
    """Kafka: `host:port`, several separated by commas."""

    topics: list[str] = []
    """Kafka: the topics to read. Empty: all topics of the stream by its stream configuration."""

    consumer_group: str = ""
    """Kafka: the group whose committed offsets are this job's position. Empty: the job's name."""

    offsets_initializer: str = "committed"
    """Kafka: where to start. `committed` (falls back to `latest` when the group has none), `earliest` or `latest` (used
    when the group has no committed offset), or an RFC 3339 time or offsets (`offset:0=120,1=95`), which are used whatever
    was committed."""

    end: str = ""
    """Where to stop, but for files. Empty: never. `latest`: where the source ends when the job starts; or an RFC 3339
    time; Kafka: or offsets, each the first that is not read."""

    properties: KafkaProperties = {}
    """Kafka: consumer properties, handed through. Names of the Java client are translated where they differ."""

    path: str = ""
    """File: the NDJSON file to read; `.gz` and `.zst` are decompressed. `-` is standard input."""

    bookmark: str = ""
    """File: a small file that keeps the position, so that a restart goes on where the last commit was. Empty: each run
    reads from the beginning."""

    max_record_bytes: PositiveInt = 64 * MIB
    """File, EventStreams: a longer line is not read into memory; it becomes an error event with its beginning."""

    url: str = ""
    """EventStreams: the URL before the streams' names. Empty: Wikimedia's public service. Recent changes: the wiki's
    Action API; the wiki itself need not be listed under `wikis`."""

    streams: list[str] = []
    """EventStreams: the streams to read. Empty: `stream_manager.source.stream`."""

    since: str = ""
    """EventStreams, recent changes: where to start when no position is kept yet, an RFC 3339 time. Empty: now."""

    poll_interval: PositiveFloat = 5.0
    """Recent changes: seconds from an answer without anything new to the next question."""

    overlap: PositiveFloat = 120.0
    """Recent changes: seconds before the newest change that each question covers again, for changes that were made
    earlier and committed later. Longer than the wiki's longest transaction."""


class SinkOptions(Settings):
    """Options of a sink's connector."""

    bootstrap_servers: str = ""
    """Kafka: `host:port`, several separated by commas. The error sink defaults to the sink's."""

    topic: str = ""
    """Kafka: the topic to write. Empty: `kafka_topic_prefix` and the stream's name."""

    kafka_topic_prefix: str = ""
    """Kafka: goes before the stream's name, for example `eqiad.`; also isolates test runs on a shared cluster."""

    delivery_guarantee: DeliveryGuarantee | None = None
    """`AT_LEAST_ONCE` (default), `EXACTLY_ONCE` (Kafka transactions; source and sinks on one cluster) or `NONE`. The
    stronger one of the two sinks holds for both."""

    properties: KafkaProperties = {}
    """Kafka: producer properties, handed through. Names of the Java client are translated where they differ."""

    path: str = ""
    """File: the NDJSON file to append to; `.gz` and `.zst` are compressed. `-` is standard output (the error sink's
    `-` is standard error). Parquet: the folder."""

    roll_bytes: PositiveInt = 128 * MIB
    """Parquet: bytes from which on a file is complete and readers see it."""

    roll_seconds: PositiveFloat = 300.0
    """Parquet: seconds that an event waits at most until readers see it. Less makes more and smaller files; a crash
    repeats the work of so long, and no event."""


class Source(Settings):
    """Where events come from."""

    stream: str = ""
    """`name:version`: the stream, and the schema version that events are read as."""

    connector: Literal["kafka", "file", "eventstreams", "recentchanges"] | None = None
    """How the stream is read. `eventstreams` (server-sent events) and `recentchanges` (a wiki that sends no events) keep
    their position under `local.state` and are for the local runner."""

    parallelism: PositiveInt | None = None
    """Flink only: subtasks of the source, at most the number of partitions. The local runner reads all partitions."""

    options: SourceOptions = SourceOptions()
    """Options of the connector."""


class Sink(Settings):
    """Where events go."""

    stream: str = ""
    """`name:version`: the stream, and the schema version that events are written as."""

    connector: Literal["kafka", "file", "parquet"] | None = None
    """How the stream is written. The error sink defaults to the sink's, beside Parquet to a file."""

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

    http_client_routes: dict[str, str] = {}
    """Origin to replacement, for example `https://meta.wikimedia.org: http://localhost:6500`. The request goes to the
    replacement and keeps the origin's host in its `Host` header."""

    source: Source = Source()
    """Where events come from."""

    sink: Sink = Sink()
    """Where enriched events go."""

    error_sink: Sink = Sink()
    """Where error events go."""

    projection: Projection = Projection.PINNED
    """`pinned`: fields that the pinned schema version does not know are dropped, as the public jobs do.
    `pass_through`: they are kept, and the output keeps the `$schema` of the input."""

    process_async_enabled_default: bool = True
    """`false` asks for one revision a request, one at a time."""

    process_max_workers_default: PositiveInt | None = None
    """The most requests at once to a wiki of one's own; the public jobs' number of threads."""

    process_batch_size_default: PositiveInt | None = None
    """The most revisions in a request, 50 unless set."""


class HttpSession(Settings):
    """The pool of connections to the wikis."""

    pool_maxsize: PositiveInt = 100
    """The most connections at once, all wikis together."""


class RetrySettings(Settings):
    """How often and how patiently a wiki is asked again. What is asked again at all, the failure table says."""

    max_attempts: PositiveInt = 4
    """Requests for one revision before it becomes an error event. Replica lag has its own bound."""

    base_delay: PositiveFloat = 0.5
    """Seconds before the second attempt; doubles with each further one, with jitter."""

    max_delay: PositiveFloat = 30.0
    """Seconds: the most that the doubling reaches."""

    max_retry_after: PositiveFloat = 300.0
    """Seconds: a `Retry-After` beyond this is cut to it."""

    acceptable_lag: NonNegativeFloat = 15.0
    """Seconds after an event during which a revision that the wiki does not know yet is taken for replica lag and
    asked for again. Later it is an error event."""


class Enrich(Settings):
    """The enrichment: the application half of the public jobs' files."""

    mediawiki_api_endpoint_template: str = ""
    """The Action API of every allowed wiki: a URL with `{domain}`, or a fixed one (a service mesh), to which the wiki
    is named by the `Host` header. Empty: `https://{domain}/w/api.php`."""

    ssl_ca_bundle_path: str = ""
    """PEM file of certificate authorities. Empty: the system's."""

    request_timeout: PositiveFloat = 65.0
    """Seconds for one request, from sending to the last byte. A little above a proxy's own, so that the proxy answers."""

    connect_timeout: PositiveFloat = 10.0
    """Seconds to connect."""

    max_content_size: PositiveInt = 17 * MIB
    """Bytes of all slots of a revision together; a larger one becomes an error event."""

    gzip: bool = True
    """Ask for compressed answers. Costs some 15 µs of CPU for 10 KB; `false` for a wiki on the same machine or network."""

    http_session: HttpSession = HttpSession()
    """The pool of connections."""

    contact: str = ""
    """A way to reach you, an e-mail address or a page: part of the User-Agent. Public wikis limit clients without one."""

    batch_size: PositiveInt = Field(default=50, le=500)
    """Revisions in a request. The Action API takes 50, or 500 with the right `apihighlimits`."""

    linger: NonNegativeFloat = 0.004
    """Seconds that a part-filled batch waits for more while another request to its wiki is under way; never otherwise."""

    rate: PositiveFloat | None = None
    """Requests a second to each farm that `farms` sets no rate for. Default: 5 for `wikimedia`, no cap for others."""

    latency_bound: NonNegativeFloat = 30.0
    """Seconds that a change may wait while requests are scarce. Until then they go to the wikis where they carry most and
    the batches of the others fill; what has waited so long goes first. With requests to spare nothing waits."""

    maxlag: PositiveInt = 5
    """Seconds of database lag beyond which the wiki is asked to refuse the request, so that we wait and it recovers."""

    retry: RetrySettings = RetrySettings()
    """Patience."""

    max_response_bytes: PositiveInt = 64 * MIB
    """Bytes of one answer after decompression; reading stops there."""


class CredentialSettings(Settings):
    """How to log in to a private wiki. Secrets are named, never written here."""

    token_env: str = ""
    """Environment variable with an OAuth 2 access token (owner-only consumer)."""

    token_file: str = ""
    """File with an OAuth 2 access token."""

    bot_name: str = ""
    """Name of a bot password, `User@Purpose`."""

    bot_password_env: str = ""
    """Environment variable with the bot password."""

    bot_password_file: str = ""
    """File with the bot password."""


class WikiSettings(Settings):
    """A wiki that events may name, beside those that are allowed from the start."""

    api: str
    """URL of its Action API."""

    farm: str = ""
    """The farm whose limits it shares. Empty: one farm for all wikis of the same host."""

    credentials: CredentialSettings = CredentialSettings()
    """Only for wikis that may not be read without."""


class FarmSettings(Settings):
    """Limits that a group of wikis shares."""

    concurrency: PositiveInt | None = None
    """Requests at once at the most. Default: 3 for farms that we do not own (`wikimedia`), 16 for others. Within it the
    number adapts: it grows while answers are fast and halves when the wiki asks for mercy."""

    rate: PositiveFloat | None = None
    """Requests a second at the most. Default: `enrich.rate`."""


class FilterSettings(Settings):
    """Which events a job cares about, and which of their fields it writes. An empty list stands for everything."""

    wikis: list[str] = []
    """Events of these wikis: database names (`enwiki`) or domains (`en.wikipedia.org`)."""

    namespaces: list[int] = []
    """Events of pages in these namespaces, by number: 0 for articles."""

    kinds: list[str] = []
    """Events of these kinds: `create`, `edit`, `move`, `delete`, `undelete`, `visibility_change`."""

    content_models: list[str] = []
    """Events with a slot of one of these content models, such as `wikitext`. Events that state no model pass."""

    fields: list[str] = []
    """Fields that are written, as dotted paths into the sink's schema: `page.page_title`, all of `revision`,
    `revision.content_slots.*.content_body`. What the schema requires is written, too."""


class CustomSettings(Settings):
    """An enrichment of one's own, for the job `custom`."""

    enrich: str = ""
    """`MODULE:FUNCTION`: an `async def` that takes an event and a context. The current folder is searched first."""

    timeout: PositiveFloat = 300.0
    """Seconds that the function may take for one event; then the event goes to the error stream."""

    settings: dict[str, Any] = {}
    """The function's own settings, handed to it as `context.settings`."""


class LocalRunnerSettings(Settings):
    """Bounds and intervals of the local runner. What may be in flight holds for each of Flink's subtasks as well."""

    max_in_flight_events: PositiveInt = 2_500
    """Events read and not yet written. More fills batches better, less repeats less after a crash. On Flink: of each
    subtask."""

    max_in_flight_bytes: PositiveInt = 64 * MIB
    """Bytes that those events and their waiting results may hold. On Flink: of each subtask."""

    max_uncommitted_events: PositiveInt = 50_000
    """Events that one slow event may keep from being committed; then reading stops until it is done."""

    commit_interval: PositiveFloat = 1.0
    """Seconds between commits. A crash repeats at most this much (with `EXACTLY_ONCE`: delays readers by this much)."""

    checkpoint_interval: PositiveFloat = 10.0
    """Seconds between checkpoints of a job that keeps state; each waits for what is being fetched. A crash repeats at most
    this much."""

    state_cache_bytes: PositiveInt = 128 * MIB
    """Bytes of state that a job holds in memory beside its file; as much again may have changed since a checkpoint."""

    poll_records: PositiveInt = 500
    """Records read at once."""

    instance: str = ""
    """What tells this process from other replicas of the job and stays the same over restarts. With `EXACTLY_ONCE` it
    is part of the transactional id. Empty: the host's name, which is right for one process a host."""

    state: str = ""
    """Folder for what must outlive the process: the position of `eventstreams` and `recentchanges`, and the state of
    `rdf-updater`. Empty: `wikistate/<job_name>` under
    `$XDG_STATE_HOME` or `~/.local/state`. Each process needs one of its own."""

    drain_timeout: PositiveFloat = 30.0
    """Seconds that a stop waits for events in flight; what is not done by then is done by the next run."""


class ErrorLimitSettings(Settings):
    """When a run stops because too many events fail (exit code 5). On Flink each subtask counts its own."""

    share: float | None = Field(default=None, gt=0, lt=1)
    """Share of error events among the last `window` outputs beyond which the run stops. Default: no limit, which is
    right for a service: it would be started again, and again, and never get past a stretch of poison."""

    in_a_row: PositiveInt | None = None
    """Error events one after the other beyond which the run stops. Default: no limit."""

    window: PositiveInt = 500
    """Outputs that `share` looks back over; it is not judged before there were so many."""


class LogFormat(StrEnum):
    """How log lines look."""

    AUTO = "auto"
    ECS = "ecs"
    HUMAN = "human"


class Telemetry(Settings):
    """Metrics and logs."""

    metrics_port: int | None = Field(default=None, ge=0, le=65535)
    """Port of the Prometheus endpoint; 0 takes a free one. Default: none."""

    metrics_host: str = "127.0.0.1"
    """Address that the endpoint binds to. Anything but loopback shows the job's figures to the network."""

    log_format: LogFormat = LogFormat.AUTO
    """`ecs`: one JSON object a line in the Elastic Common Schema. `human`: for eyes. `auto`: human at a terminal."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """What is worth a line."""


class Configuration(Settings):
    """The whole configuration of a job."""

    stream_manager: StreamManager = StreamManager()
    """Streams, schemas, connectors."""

    enrich: Enrich = Enrich()
    """The enrichment."""

    wikis: dict[str, WikiSettings] = {}
    """Wikis that events may name, by `meta.domain`."""

    allow_wikimedia: bool = True
    """Whether Wikimedia's own wikis may be asked. `false` leaves those in `wikis` alone."""

    farms: dict[str, FarmSettings] = {}
    """Limits by farm."""

    filter: FilterSettings = FilterSettings()
    """Which events, and which of their fields."""

    custom: CustomSettings = CustomSettings()
    """An enrichment of one's own."""

    rdf: RdfSettings = RdfSettings()
    """A Wikibase, and what is made of its changes."""

    store: StoreSettings = StoreSettings()
    """A triple store."""

    local: LocalRunnerSettings = LocalRunnerSettings()
    """The local runner."""

    error_limit: ErrorLimitSettings = ErrorLimitSettings()
    """When a run stops because too many events fail."""

    telemetry: Telemetry = Telemetry()
    """Metrics and logs."""

    flink: dict[str, Any] = {}
    """Options of the Flink runner, under Flink's own names. The local runner ignores them."""

    log_config: dict[str, Any] = {}
    """The public jobs' `dictConfig` for logging; accepted and not used: see `telemetry`."""
