"""Log events about wikis and their streams; see `wikistate.telemetry.log_events`."""

from __future__ import annotations

from wikistate.telemetry.log_event import LogEvent

STREAMS_OF_WIKIS = (
    LogEvent(
        "stream_opened",
        "info",
        "Reading the stream {stream} since {since}.",
        "The first connection to EventStreams is established.",
        ("stream", "since"),
    ),
    LogEvent(
        "stream_disconnected",
        "debug",
        "The connection to the stream {stream} ended; reconnecting.",
        "Servers of EventStreams close each connection after some minutes. Nothing is lost.",
        ("stream", "reason"),
    ),
    LogEvent(
        "stream_unavailable",
        "warning",
        "The stream {stream} is unavailable; retrying.",
        "EventStreams does not answer, or with something else than the stream. The job retries for `reconnect_limit`, by "
        "default without a limit, and resumes where it was.",
        ("stream", "reason"),
    ),
    LogEvent(
        "stream_available",
        "info",
        "The stream {stream} is available again.",
        "Reading resumes where it was. Nothing was lost.",
        ("stream",),
    ),
    LogEvent(
        "recent_changes_opened",
        "info",
        "Reading the recent changes of {wiki} since {since}.",
        "The source polls the Action API of the wiki from now on.",
        ("wiki", "since"),
    ),
)

WIKIS = (
    LogEvent(
        "wiki_warning",
        "warning",
        "The Action API of {wiki} sent a warning.",
        "Each text is logged once. A warning about a deprecated parameter is worth a report to wikistate.",
        ("wiki", "text"),
    ),
    LogEvent(
        "wiki_query_failed",
        "warning",
        "A query to {wiki} failed; retrying.",
        "A list or the site information could not be read twice in a row. Act only if it lasts.",
        ("wiki", "reason"),
    ),
    LogEvent(
        "wiki_available",
        "info",
        "Queries to {wiki} succeed again.",
        "The wiki answers again after `wiki_query_failed`.",
        ("wiki",),
    ),
    LogEvent(
        "entity_fetch_failed",
        "warning",
        "An entity could not be fetched after {tries} tries; retrying in {retry_in} s.",
        "The wiki is down, overloaded or limits the job. The events of the entity wait meanwhile.",
        ("tries", "retry_in", "reason"),
    ),
    LogEvent(
        "login_delayed",
        "warning",
        "The wiki {wiki} does not log the account in now; its events wait, and the next login is in {retry_in} s.",
        "The wiki throttles logins, asks for a captcha, lost the session or is down: see the answers to a login. Nothing is "
        "lost. Act if it lasts.",
        ("wiki", "reason", "retry_in"),
    ),
    LogEvent(
        "login_refused",
        "error",
        "The wiki {wiki} refuses the credentials.",
        "`reason` names the answer of the wiki and the setting to check. Requests to the wiki fail until a login succeeds, "
        "which is tried at long intervals only.",
        ("wiki", "reason"),
    ),
    LogEvent(
        "login_succeeded",
        "info",
        "The wiki {wiki} logs the account in again.",
        "The login works again after `login_delayed` or `login_refused`.",
        ("wiki",),
    ),
    LogEvent(
        "circuit_opened",
        "error",
        "The wiki {wiki} refuses every request; its events wait, and single requests probe it.",
        "Check `reason`, the URL of the wiki, the User-Agent and the credentials. `enrich.circuit_breaker` sets what happens "
        "to the events meanwhile.",
        ("wiki", "reason"),
    ),
    LogEvent(
        "circuit_closed",
        "info",
        "The wiki {wiki} answers again.",
        "A probe succeeded, and the events that waited are processed.",
        ("wiki",),
    ),
    LogEvent(
        "entity_data_redirected",
        "info",
        "The wiki redirects requests for entities to {target}; later requests are sent there.",
        "The wiki has another article path or content language. `rdf.entity_data` with this address saves the redirect.",
        ("requested", "target"),
    ),
    LogEvent(
        "fetch_defect",
        "error",
        "Unexpected error while fetching {revisions} revisions from {wiki}; please report it.",
        "A defect of wikistate. The events of these revisions go to the error stream.",
        ("wiki", "revisions", "stack"),
    ),
    LogEvent(
        "fetch_callback_defect",
        "error",
        "Unexpected error while processing the response for {subject}; please report it.",
        "A defect of wikistate. Other revisions of the same request are not affected.",
        ("subject", "stack"),
    ),
)
