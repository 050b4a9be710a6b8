"""Log events about the form of inputs: files, lists and the answers of servers. See `log_events`."""

from __future__ import annotations

from wikistate.telemetry.log_event import LogEvent

INPUT_LOG_EVENTS = (
    LogEvent(
        "byte_order_mark_removed",
        "warning",
        "{origin} has a byte order mark, which is removed.",
        "A file or the answers of a server begin or end with the bytes EF BB BF, which are not part of JSON. They are "
        "removed; the event is logged once for each origin. On a wiki, one of its PHP files was saved with a mark: save "
        "it without one.",
        ("origin",),
    ),
    LogEvent(
        "file_format_unexpected",
        "warning",
        "The name of {file} states {stated}, but it is {format}; it is read as {format}.",
        "The first bytes of a file decide about its format. Its name is wrong, or a client has decompressed it.",
        ("file", "stated", "format"),
    ),
)

OUTPUT_LOG_EVENTS = (
    LogEvent(
        "output_appended",
        "info",
        "{file} has {contents} already: appending.",
        "A run begins, and a file of its output has lines of earlier runs. `contents` is their number, or the size of a "
        "large or compressed file.",
        ("file", "contents"),
    ),
    LogEvent(
        "output_repeated",
        "warning",
        "{file} has {contents} already: appending. This run reads {source} from its beginning, which may repeat them; "
        "--overwrite replaces the file.",
        "As `output_appended`, for a source without a stored position: a second run over it writes the same events again. "
        "`stream_manager.source.options.bookmark` stores the position of a file.",
        ("file", "contents", "source"),
    ),
    LogEvent(
        "file_not_locked",
        "warning",
        "The file {file} cannot be locked, so that a second process that writes to it is not noticed: {reason}.",
        "The file system has no locks, as some network file systems. Write to each file from one process only.",
        ("file", "reason"),
    ),
)

FAILURE_LOG_EVENTS = (
    LogEvent(
        "first_failure",
        "warning",
        "An event failed with {error_type} for the first time.",
        "Logged once for each error type of a run. The event is on the error stream, or the entity on the stream of fetch "
        "failures; the metrics count the further ones.",
        ("error_type", "reason"),
    ),
    LogEvent(
        "crash_marker_unavailable",
        "warning",
        "The file {file} cannot be used, so that a document which ends the process is parsed at each start: {reason}.",
        "The file names the documents that are parsed at the moment. Set `local.state` to a folder that can be written and "
        "outlives the process; another process may use the same one.",
        ("file", "reason"),
    ),
    LogEvent(
        "work_ended_process",
        "warning",
        "An earlier process ended {crashes} times while it parsed this: {work}.",
        "Logged at the start. The next process parses it alone; after the second time it is refused. A process that was "
        "killed from outside is counted as well.",
        ("work", "crashes"),
    ),
    LogEvent(
        "work_refused",
        "error",
        "This is not parsed again, because it ended the process {crashes} times: {work}.",
        "It becomes an error event or a fetch failure, and the position moves past it. Report it with the document. To try "
        "it again, stop the job and delete the file that the error event names.",
        ("work", "crashes"),
    ),
    LogEvent(
        "most_events_fail",
        "error",
        "Most events fail: {failed} of the last {attempts} with {error_type}.",
        "The settings, a release or an outside system are the likely cause; see `first_failure` of the same type. "
        "`/readyz` answers 503 and `wikistate_main_failure` is 1 until most events succeed. The settings are "
        "`failure_alarm`.",
        ("error_type", "failed", "attempts"),
    ),
    LogEvent(
        "most_events_succeed",
        "info",
        "Most events succeed again.",
        "The end of `most_events_fail`. The events that failed are on the error stream: `wikistate replay` processes them "
        "again.",
        ("error_type",),
    ),
    LogEvent(
        "run_failed",
        "error",
        "Most of this run failed: {failed} of {attempts} with {error_type}.",
        "Logged at the end of a run, which then has the exit code 8. The positions of the source are committed; when the "
        "cause is removed, replay the error stream by `wikistate replay`.",
        ("error_type", "failed", "attempts"),
    ),
    LogEvent(
        "store_complete_except",
        "warning",
        "The store is complete but for {failed} of {compared} entities, which could not be read.",
        "A full scan has ended. The entities are on the stream of fetch failures; each is tried again with its next event, "
        "and `wikistate store verify --repair` tries them at once.",
        ("failed", "compared", "until"),
    ),
)
