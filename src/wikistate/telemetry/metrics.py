"""Every metric that wikistate reports, declared once: name, kind, unit, labels, meaning.

A metric that is not here cannot be reported: the code names these constants, so that a misspelt name is a type error. The
table in ``docs/reference/metrics.md`` is generated from this list. Labels are bounded: stream roles, error types, host names of
allowed wikis, never titles or ids.
"""

from __future__ import annotations

from dataclasses import dataclass

SECONDS_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Bucket bounds for durations, in seconds: from a cached answer on loopback to an overloaded wiki."""

BATCH_BUCKETS = (1.0, 2.0, 5.0, 10.0, 20.0, 30.0, 40.0, 50.0, 100.0, 200.0, 500.0)
"""Bucket bounds for the number of revisions in a request."""

TRIPLES_BUCKETS = (1.0, 10.0, 100.0, 1e3, 1e4, 2e4, 5e4, 1e5, 2e5, 5e5, 1e6)
"""Bucket bounds for the number of triples in a batch."""


@dataclass(frozen=True, slots=True)
class Metric:
    """Declaration of a metric.

    Attributes:
        name: Name by the rules of Prometheus.
        unit: Unit, for the documentation.
        help: Meaning.
        labels: Names of the labels.
    """

    name: str
    unit: str
    help: str
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Counter(Metric):
    """Metric that only grows."""


@dataclass(frozen=True, slots=True)
class Gauge(Metric):
    """Metric that rises and falls."""


@dataclass(frozen=True, slots=True)
class Histogram(Metric):
    """Distribution of values.

    Attributes:
        buckets: Upper bounds in ascending order.
    """

    buckets: tuple[float, ...] = SECONDS_BUCKETS


EVENTS_CONSUMED = Counter("wikistate_events_consumed_total", "events", "Records read from the source.")
EVENTS_FILTERED = Counter(
    "wikistate_events_filtered_total", "events", "Records dropped on purpose, by reason.", ("reason",)
)
EVENTS_PRODUCED = Counter(
    "wikistate_events_produced_total", "events", "Events written to a sink, by role of the stream.", ("role",)
)
EVENTS_ERRORS = Counter(
    "wikistate_events_errors_total", "events", "Events written to the error stream, by error type.", ("error_type",)
)
EVENTS_IN_FLIGHT = Gauge("wikistate_events_in_flight", "events", "Records read and not yet written to a sink.")
BYTES_IN_FLIGHT = Gauge(
    "wikistate_bytes_in_flight", "bytes", "Size of the records in flight and of results that wait for ordered release."
)
EVENT_LATENCY = Histogram(
    "wikistate_event_latency_seconds", "seconds", "Time from reading a record to writing its output to a sink."
)
EVENT_AGE = Histogram(
    "wikistate_event_age_seconds", "seconds", "Time from the event time to writing the output to a sink (end to end)."
)
SOURCE_LAG = Gauge(
    "wikistate_source_lag", "events", "Records of a partition that are not read yet.", ("topic", "partition")
)
COMMITS = Counter("wikistate_commits_total", "commits", "Commits of source positions.")
INTERRUPTIONS = Counter(
    "wikistate_interruptions_total",
    "interruptions",
    "Outages after which the run resumed at its last commit, and failed attempts to resume.",
)
CHECKPOINT_SECONDS = Histogram(
    "wikistate_checkpoint_seconds",
    "seconds",
    "Time from the pause of reading to a durable checkpoint of a job with keyed state.",
)
KEYS_WITH_TIMERS = Gauge(
    "wikistate_keys_sleeping", "keys", "Entities with events that wait for earlier events or for the watermark."
)
WATERMARK_LAG = Gauge("wikistate_watermark_behind_seconds", "seconds", "Time from the watermark to now.")
DECISIONS = Counter("wikistate_decisions_total", "decisions", "Decisions about entities, by reason.", ("reason",))
FETCH_FAILURES = Counter(
    "wikistate_fetch_failures_total",
    "entities",
    "Entities that could not be fetched or parsed, by error type.",
    ("type",),
)
ENTITY_FAILURES = Counter(
    "wikistate_entity_failures_total",
    "entities",
    "Entities that could not be fetched, parsed or munged, by the precise error type.",
    ("error_type",),
)
MAIN_FAILURE = Gauge(
    "wikistate_main_failure",
    "",
    "1 while most of what is tried fails for the same reason, by error type; `/readyz` then answers 503.",
    ("error_type",),
)

WIKI_REQUESTS = Counter(
    "wikistate_wiki_requests_total",
    "requests",
    "Answers of wikis by HTTP status; `error` if there was no answer.",
    ("farm", "status"),
)
WIKI_REQUEST_SECONDS = Histogram(
    "wikistate_wiki_request_seconds", "seconds", "Time from sending a request to the end of its answer.", ("farm",)
)
WIKI_RETRIES = Counter(
    "wikistate_wiki_retries_total",
    "revisions",
    "Revisions that were requested again, by cause.",
    ("cause",),
)
WIKI_BATCH_SIZE = Histogram(
    "wikistate_wiki_batch_revisions",
    "revisions",
    "Revisions or other subjects in a request.",
    ("farm",),
    BATCH_BUCKETS,
)
WIKI_CONCURRENCY = Gauge(
    "wikistate_wiki_concurrency", "requests", "Current limit of concurrent requests to the farm.", ("farm",)
)
WIKI_WAITING = Gauge("wikistate_wiki_waiting", "revisions", "Revisions that wait for a request.", ("farm",))

STORE_MUTATIONS = Counter(
    "wikistate_store_mutations_total",
    "mutations",
    "Mutations that the store has applied, by operation and type of entity. A type that stops growing is missing.",
    ("operation", "entity_type"),
)
STORE_TRIPLES = Counter(
    "wikistate_store_triples_total",
    "triples",
    "Triples sent to the store, by kind: added, removed, linked, unlinked.",
    ("kind",),
)
STORE_CHANGES = Counter(
    "wikistate_store_changes_total",
    "triples",
    "Triples that the store reports as changed; only from stores that report them.",
)
STORE_DUPLICATES = Counter(
    "wikistate_store_duplicate_triples_total",
    "triples",
    "Triples that an entity added although its batch already had the same triple from another entity, shared values, "
    "references and sitelinks not included. The store holds such a triple once; until it is removed, neither entity owns it "
    "alone. A few are normal on a wiki of media; many point to a producer that mixes the triples of entities.",
)
STORE_BATCH_TRIPLES = Histogram(
    "wikistate_store_batch_triples", "triples", "Triples that a batch changes.", buckets=TRIPLES_BUCKETS
)
STORE_BATCH_SECONDS = Histogram(
    "wikistate_store_batch_seconds", "seconds", "Time that the store takes to apply a batch."
)
STORE_LAG = Gauge(
    "wikistate_store_lag_seconds",
    "seconds",
    "Age of the newest change of the last batch when it was applied: the lag of the store.",
)
WAITING_FOR_DEPENDENCY = Gauge(
    "wikistate_waiting",
    "",
    "1 during an outage for which the job waits: of the `store`, of the `stream`, of the `source` at a reconnect, of a `wiki`.",
    ("what",),
)

CUSTOM_COUNT = Counter("wikistate_custom_total", "", "Counters of a custom enrichment, by name.", ("name",))
CUSTOM_VALUE = Gauge("wikistate_custom_value", "", "Gauges of a custom enrichment, by name.", ("name",))

CUSTOM_METRICS = (CUSTOM_COUNT, CUSTOM_VALUE)
"""Metrics that only custom enrichments report."""

GRAPH_METRICS = (
    *(CHECKPOINT_SECONDS, KEYS_WITH_TIMERS, WATERMARK_LAG, DECISIONS, FETCH_FAILURES, ENTITY_FAILURES),
    *(
        STORE_MUTATIONS,
        STORE_TRIPLES,
        STORE_CHANGES,
        STORE_DUPLICATES,
        STORE_BATCH_TRIPLES,
        STORE_BATCH_SECONDS,
        STORE_LAG,
        WAITING_FOR_DEPENDENCY,
    ),
)
"""Metrics that only the jobs for triple stores report."""

ALL_METRICS: tuple[Metric, ...] = tuple(value for value in list(globals().values()) if isinstance(value, Metric))
"""All metrics, in the order of this module."""
