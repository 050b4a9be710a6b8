"""Every log event of wikistate, declared once: id, level, sentence, fields, meaning.

The code logs the id and the fields: ``log.info("partition_assigned", topic=..., partition=..., offset=...)``. A test
compares each call with this list, so an id or a field that is not declared cannot be logged. The page
``docs/reference/log-events.md`` is generated from it. Collectors search for ids and fields, which therefore stay the
same when a sentence is reworded.

Log lines of custom enrichments and of libraries are not declared here: they are written as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wikistate.telemetry.input_log_events import FAILURE_LOG_EVENTS, INPUT_LOG_EVENTS, OUTPUT_LOG_EVENTS
from wikistate.telemetry.kafka_log_events import KAFKA
from wikistate.telemetry.log_event import LogEvent
from wikistate.telemetry.revision_log_events import REVISIONS
from wikistate.telemetry.wiki_log_events import STREAMS_OF_WIKIS, WIKIS

if TYPE_CHECKING:
    from collections.abc import Mapping

_COMMAND = (
    LogEvent(
        "unknown_setting",
        "warning",
        "Unknown setting.",
        "A configuration file has a key that this version does not know. The key has no effect: correct or remove it.",
        ("setting",),
    ),
    LogEvent(
        "contact_missing",
        "warning",
        "Wikimedia requires a contact in the User-Agent and limits clients without one; set enrich.contact.",
        "Logged once, at the first request to a wiki of Wikimedia, if `enrich.contact` is empty. Set it to an e-mail address or "
        "a URL.",
    ),
    LogEvent(
        "metrics_served",
        "info",
        "Metrics are served at {url}.",
        "The metrics endpoint of the local runner is ready for Prometheus.",
        ("url",),
    ),
    LogEvent(
        "stop_requested",
        "info",
        "Stopping: draining in-flight events. Press Ctrl+C again to stop immediately.",
        "The first SIGINT or SIGTERM. Reading stops; events in flight are written and committed within "
        "`local.drain_timeout`.",
    ),
    LogEvent(
        "required_fields_kept",
        "info",
        "The schema requires fields that filter.fields does not name; they are kept.",
        "Output events hold these fields as well, because they would not be valid without them.",
        ("fields",),
    ),
)

_LOCAL_RUNNER = (
    LogEvent(
        "drain_timeout_reached",
        "warning",
        "Drain timeout reached; uncommitted events will be processed again on restart.",
        "A stop took longer than `local.drain_timeout`. `events` counts the events in flight, `keys` the entities with "
        "waiting work. Nothing is lost. Raise the timeout if it happens at each stop.",
        optional=("events", "keys"),
    ),
    LogEvent(
        "run_interrupted",
        "warning",
        "An outage or a refusal interrupted the run; it resumes at its last commit in {retry_in} s.",
        "A topic refused an event, which becomes an error event. Or a broker did not take outputs or positions in time, or the consumer group lost this process. Nothing is lost: "
        "everything since the last commit is processed again. The run tries to resume without a limit; check the brokers "
        "and the network if it lasts.",
        ("reason", "retry_in"),
    ),
    LogEvent(
        "run_resumed",
        "info",
        "The run has resumed at its last commit after {seconds} s.",
        "Source and sinks are connected again.",
        ("seconds",),
    ),
    LogEvent(
        "stopped_while_opening",
        "info",
        "Stopped while connections were opened; no event was in flight.",
        "The stop came before the first event was read, for example because a server does not answer. The next run starts "
        "where this one would have started.",
    ),
    LogEvent(
        "store_offset_rewound",
        "warning",
        "The store holds less than it was sent; reading resumes at the offsets of the store.",
        "The store went back in time while the job ran, for example because it was restored from a copy.",
        ("reason",),
    ),
    LogEvent(
        "store_older_than_checkpoint",
        "warning",
        "The store is older than the checkpoint; resynchronising it.",
        "The store went back in time while rdf-sync ran. The job starts again and brings the store up to date.",
        ("reason",),
    ),
)

_FLINK_RUNNER = (
    LogEvent(
        "flink_job_started",
        "info",
        "The job runs on Flink; its REST interface is {web}.",
        "`resumed_from` is the checkpoint or savepoint that the job resumes from; empty at a first start.",
        ("web", "resumed_from"),
    ),
    LogEvent(
        "flink_metrics_served",
        "info",
        "Flink serves the metrics at {url}.",
        "The Prometheus reporter of Flink is ready.",
        ("url",),
    ),
    LogEvent(
        "flink_stop_requested",
        "info",
        "Stopping: draining in-flight events into a savepoint. Press Ctrl+C again to stop immediately.",
        "The first SIGINT or SIGTERM. The next run resumes from the savepoint.",
    ),
    LogEvent(
        "flink_savepoint_failed",
        "warning",
        "The savepoint failed; the job is cancelled and the next run resumes from the last checkpoint.",
        "Events since that checkpoint are processed again. See the log of Flink for the cause.",
        ("reason",),
    ),
    LogEvent(
        "flink_job_restarted",
        "warning",
        "Flink restarts the job from its last checkpoint.",
        "A task of the job failed, with `reason` as root cause. Flink restarts it as its restart strategy says.",
        ("reason",),
    ),
    LogEvent(
        "flink_bootstrap_prepared",
        "info",
        "The lists are read and sorted: {entities} entities in {buckets} buckets.",
        "`rdf-bootstrap --runner flink` starts the job that loads the buckets.",
        ("entities", "buckets"),
    ),
    LogEvent(
        "flink_bootstrap_progress",
        "info",
        "{loaded} of {buckets} buckets are loaded.",
        "Every ten seconds while the job loads an initial state.",
        ("loaded", "buckets"),
    ),
    LogEvent(
        "flink_bootstrap_loaded",
        "info",
        "All {buckets} buckets are loaded after {seconds} s; taking the savepoint.",
        "The seconds are those since the job was submitted.",
        ("buckets", "seconds"),
    ),
    LogEvent(
        "flink_bootstrap_left",
        "warning",
        "The job that loads the state could not be cancelled.",
        "It does nothing more, but occupies a slot of the cluster: cancel it with `flink cancel`.",
        ("reason",),
    ),
    LogEvent(
        "flink_unavailable",
        "debug",
        "Flink's REST interface did not answer; retrying.",
        "A single request failed. The job may run all the same; its client reports its end.",
        ("reason",),
    ),
)

_FILES = (
    LogEvent(
        "file_flush_failed",
        "warning",
        "The last events could not be written to the file; they were not committed.",
        "The next run processes them again. Check the disk and the file.",
        ("reason",),
    ),
    LogEvent(
        "file_truncated",
        "warning",
        "{file} ended with an incomplete write; its last {bytes} bytes were removed.",
        "A crash interrupted a write. Its events were not committed and are processed again. `kept` is the size of the "
        "file in bytes after that.",
        ("file", "bytes", "kept"),
    ),
    LogEvent(
        "uncommitted_file_deleted",
        "info",
        "The uncommitted file {file} is deleted; its events are processed again.",
        "A Parquet file was written but not committed, for example because a run was killed.",
        ("file",),
    ),
)

_RDF = (
    LogEvent(
        "operation_defect",
        "error",
        "Unexpected error while processing revision {revision} of {entity}; please report it.",
        "A defect of wikistate, with a traceback. The next operation on the entity repairs it in the store.",
        ("entity", "revision"),
    ),
    LogEvent(
        "store_readable_by_others",
        "warning",
        "The folder of the store {folder} has the mode {mode}: every user of this machine can read the store.",
        "A folder that wikistate creates is for its user only. The mode of an existing folder does not change, because it may be "
        "intended. If the wiki is private, run `chmod 700` on the folder.",
        ("folder", "mode"),
    ),
    LogEvent(
        "store_unavailable",
        "warning",
        "The store {store} is unavailable; waiting for it.",
        "The store does not answer, it is overloaded, or a proxy answers in its place with a web page, 403, 404 or a redirect. The "
        "job retries for `store.reconnect_limit`, by default without limit; backpressure stops its reading. The field reason "
        "has the answer.",
        ("store", "reason"),
    ),
    LogEvent(
        "store_available",
        "info",
        "The store {store} is available again.",
        "Writing resumes. Nothing was lost.",
        ("store",),
    ),
    LogEvent(
        "full_scan_started",
        "info",
        "Comparing all entities with the store, because {reason}.",
        "rdf-sync cannot rely on the change stream alone. The store is incomplete until `store_complete`.",
        ("reason",),
    ),
    LogEvent(
        "listed_page_unreadable",
        "error",
        "A page in the list of all pages cannot be read: {reason}.",
        "The wiki describes it without a field: check that no proxy changes its answers. Its entity is not compared, and "
        "counts as one that could not be read.",
        ("reason",),
    ),
    LogEvent(
        "full_scan_progress",
        "info",
        "{done} entities compared, {differing} of them differ.",
        "`of_at_most` is the number of pages of the wiki, of which entities are a part. `minutes_left_at_most` follows "
        "from it. Both are absent where the wiki does not report its size.",
        ("done", "differing"),
        ("of_at_most", "minutes_left_at_most"),
    ),
    LogEvent(
        "full_scan_finished",
        "info",
        "All {done} entities compared in {seconds} s; {differing} of them differ and are updated now.",
        "The store is complete soon after that: see `store_complete`.",
        ("done", "differing", "seconds"),
    ),
    LogEvent(
        "full_scan_skipped",
        "info",
        "The store is up to date with all changes until {until}; reading resumes there.",
        "Checkpoint and store match, so that rdf-sync does not need to compare entities.",
        ("until",),
    ),
    LogEvent(
        "store_complete",
        "info",
        "The store is complete; it holds all changes until {until}.",
        "The store was empty or incomplete before. From now on its freshness is updated continuously.",
        ("until",),
    ),
)

LOG_EVENTS: tuple[LogEvent, ...] = (
    *(*_COMMAND, *_LOCAL_RUNNER, *_FLINK_RUNNER),
    *(*KAFKA, *_FILES, *STREAMS_OF_WIKIS, *WIKIS, *_RDF),
    *(*INPUT_LOG_EVENTS, *OUTPUT_LOG_EVENTS, *FAILURE_LOG_EVENTS, *REVISIONS),
)
"""All log events, in the order of this module."""

OF_CUSTOM = "enrich"
"""Field of each log line of a custom enrichment, whose text may equal a declared id by chance."""

_BY_ID = {event.id: event for event in LOG_EVENTS}


def declared(line: Mapping[str, Any]) -> LogEvent | None:
    """Return the declaration of a log line; None for a line of a custom enrichment or of a library.

    Args:
        line: A structlog event. An enrichment may log anything under ``event``, also a value without a hash.
    """
    name = line.get("event")
    event = _BY_ID.get(name) if isinstance(name, str) and OF_CUSTOM not in line else None
    return event if event is not None and event.describes(line) else None
