"""Every metric that wikistate reports, declared once: name, kind, unit, labels, meaning.

A metric that is not here cannot be reported: the code names these constants, so a misspelt one is a type error. The
table in ``docs/metrics.md`` is generated from this list. Labels are bounded: stream roles, error types, host names of
allowed wikis, never titles or ids.
"""

from __future__ import annotations

from dataclasses import dataclass

SECONDS_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Bucket bounds for durations, in seconds: from a cached answer on loopback to a wiki in trouble."""

BATCH_BUCKETS = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 40.0, 50.0, 100.0, 200.0, 500.0)
"""Bucket bounds for the number of revisions in a request."""

TRIPLES_BUCKETS = (1.0, 10.0, 100.0, 1e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6)
"""Bucket bounds for the number of triples in a batch."""


@dataclass(frozen=True, slots=True)
class Metric:
    """What is reported. `name` follows Prometheus' naming rules, `unit` is for the reader."""

    name: str
    unit: str
    help: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Counter(Metric):
    """Only grows."""


@dataclass(frozen=True, slots=True)
class Gauge(Metric):
    """Goes up and down."""


@dataclass(frozen=True, slots=True)
class Histogram(Metric):
    """A distribution over `buckets` (upper bounds, ascending)."""

    buckets: tuple[float, ...] = SECONDS_BUCKETS


EVENTS_CONSUMED = Counter("wikistate_events_consumed_total", "events", "Records read from the source.")
EVENTS_FILTERED = Counter(
    "wikistate_events_filtered_total", "events", "Records dropped on purpose, by the reason's name.", ("reason",)
)
EVENTS_PRODUCED = Counter(
    "wikistate_events_produced_total", "events", "Events handed to a sink, by the stream's role.", ("role",)
)
EVENTS_ERRORS = Counter(
    "wikistate_events_errors_total", "events", "Events that went to the error stream, by error type.", ("error_type",)
)
EVENTS_IN_FLIGHT = Gauge("wikistate_events_in_flight", "events", "Records read and not yet handed to a sink.")
BYTES_IN_FLIGHT = Gauge(
    "wikistate_bytes_in_flight", "bytes", "Size of the records in flight and of results that wait for their turn."
)
EVENT_LATENCY = Histogram(
    "wikistate_event_latency_seconds", "seconds", "From reading a record to handing its output to a sink."
)
EVENT_AGE = Histogram(
    "wikistate_event_age_seconds", "seconds", "From the event's own time to handing its output to a sink (end to end)."
)
SOURCE_LAG = Gauge(
    "wikistate_source_lag", "events", "Records of a partition that are still to be read.", ("topic", "partition")
)
COMMITS = Counter("wikistate_commits_total", "commits", "Times that source positions were committed.")
CHECKPOINT_SECONDS = Histogram(
    "wikistate_checkpoint_seconds",
    "seconds",
    "From the pause of reading to a durable checkpoint of a job that keeps state.",
)
KEYS_WITH_TIMERS = Gauge(
    "wikistate_keys_sleeping", "keys", "Entities with events that wait for older ones, or for the watermark."
)
WATERMARK_LAG = Gauge(
    "wikistate_watermark_behind_seconds", "seconds", "From the time up to which events have come, to now."
)
DECISIONS = Counter(
    "wikistate_decisions_total", "decisions", "What was decided about entities, by the reason's name.", ("reason",)
)
FETCH_FAILURES = Counter(
    "wikistate_fetch_failures_total", "entities", "Entities that could not be fetched or read, by type.", ("type",)
)

WIKI_REQUESTS = Counter(
    "wikistate_wiki_requests_total",
    "requests",
    "Answers of wikis by HTTP status; `error` where there was no answer.",
    ("farm", "status"),
)
WIKI_REQUEST_SECONDS = Histogram(
    "wikistate_wiki_request_seconds", "seconds", "From sending a request to having read its answer.", ("farm",)
)
WIKI_RETRIES = Counter(
    "wikistate_wiki_retries_total",
    "revisions",
    "Revisions that were asked for again, by what had happened.",
    ("cause",),
)
WIKI_BATCH_SIZE = Histogram(
    "wikistate_wiki_batch_revisions",
    "revisions",
    "Revisions, or what else is asked about, in a request.",
    ("farm",),
    BATCH_BUCKETS,
)
WIKI_CONCURRENCY = Gauge(
    "wikistate_wiki_concurrency", "requests", "How many requests at once the farm is allowed now.", ("farm",)
)
WIKI_WAITING = Gauge("wikistate_wiki_waiting", "revisions", "Revisions that wait to be asked for.", ("farm",))

STORE_MUTATIONS = Counter(
    "wikistate_store_mutations_total",
    "mutations",
    "Mutations that the store holds, by operation and type of entity. A type that stops growing has gone missing.",
    ("operation", "entity_type"),
)
STORE_TRIPLES = Counter(
    "wikistate_store_triples_total",
    "triples",
    "Triples sent to the store: added, removed, linked, unlinked.",
    ("kind",),
)
STORE_CHANGES = Counter(
    "wikistate_store_changes_total", "triples", "Triples that the store says it changed; only where a store tells."
)
STORE_BATCH_TRIPLES = Histogram(
    "wikistate_store_batch_triples", "triples", "Triples that a batch touches.", buckets=TRIPLES_BUCKETS
)
STORE_BATCH_SECONDS = Histogram(
    "wikistate_store_batch_seconds", "seconds", "From handing a batch to the store to having it applied."
)
STORE_LAG = Gauge(
    "wikistate_store_lag_seconds",
    "seconds",
    "Age of the changes of the last batch when it was applied: by how much the store was behind.",
)
WAITING_FOR_DEPENDENCY = Gauge(
    "wikistate_waiting", "", "1 while there is nothing to do but wait for it: `store`, `stream`.", ("what",)
)

CUSTOM_COUNT = Counter(
    "wikistate_custom_total", "", "What an enrichment of the user's counts, by the name that it gives.", ("name",)
)
CUSTOM_VALUE = Gauge(
    "wikistate_custom_value", "", "What an enrichment of the user's measures, by the name that it gives.", ("name",)
)

CUSTOM_METRICS = (CUSTOM_COUNT, CUSTOM_VALUE)
"""Shown by enrichments of a user's own alone."""

GRAPH_METRICS = (
    *(CHECKPOINT_SECONDS, KEYS_WITH_TIMERS, WATERMARK_LAG, DECISIONS, FETCH_FAILURES),
    *(
        STORE_MUTATIONS,
        STORE_TRIPLES,
        STORE_CHANGES,
        STORE_BATCH_TRIPLES,
        STORE_BATCH_SECONDS,
        STORE_LAG,
        WAITING_FOR_DEPENDENCY,
    ),
)
"""Shown by the jobs that keep a triple store in step alone."""

ALL_METRICS: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
"""The whole list, in the order of this page."""
