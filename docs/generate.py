"""Generator of ``docs/reference``: the code is the only source of these pages.

``python docs/generate.py`` writes the pages; a test compares the files with a new generation.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from pydantic import BaseModel
from typer.main import get_command

from wikistate.cli import exits
from wikistate.cli.app import app
from wikistate.config.flink_environments import FlinkEnvironments
from wikistate.config.model import Configuration
from wikistate.core.enrichment.failures import TABLE, FailureRule, RetryRule, SlowdownScope
from wikistate.core.enrichment.login_answers import LOGIN_TABLE, LoginAction
from wikistate.core.updater import decide
from wikistate.telemetry import log_events, metrics
from wikistate.wiring import registry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wikistate.telemetry.log_event import LogEvent


REFERENCE = Path(__file__).parent / "reference"

_HOW_TO_CONFIGURE = (
    "Configuration files are YAML; `--config FILE` names one and may be repeated. Later files override earlier files key "
    "by key, and `--set key=value` overrides all files. `wikistate config show` prints the resulting configuration, "
    "`wikistate config schema` the JSON Schema."
)

_NOTE = "<!-- Written by docs/generate.py: change the code, then `make docs`. -->\n"


def build_pages() -> dict[str, str]:
    """Return the pages by file name."""
    return {
        "configuration.md": configuration(),
        "flink-environments.md": flink_environments(),
        "metrics.md": metric_table(),
        "log-events.md": log_event_table(),
        "failures.md": failure_table(),
        "decisions.md": decision_table(),
        "command-line.md": command_line(),
        "jobs.md": job_table(),
    }


def job_table() -> str:
    """Return the page of all jobs, from the registry."""
    rows = [
        f"| `{spec.name}` | {spec.summary}. | {spec.reads} | {spec.writes} | {spec.kind} |" for spec in registry.JOBS
    ]
    lines = [
        _NOTE,
        "# Jobs",
        "",
        "`wikistate run JOB` starts a job. Stateless jobs run on the local runner or on Flink, all others on the local runner.",
        "",
        "| job | purpose | reads | writes | kind |",
        "|---|---|---|---|---|",
        *rows,
    ]
    return "\n".join(lines) + "\n"


def configuration() -> str:
    """Return the page of all settings, with one table for each section."""
    lines = [
        _NOTE,
        "# Configuration",
        "",
        _HOW_TO_CONFIGURE,
        "",
        "`stream_manager` and `enrich` are the keys of the public enrichment jobs, so their files run unchanged.",
        "",
        *_section(Configuration, ""),
    ]
    return "\n".join(lines).rstrip() + "\n"


def flink_environments() -> str:
    """Return the page of the file of environments."""
    lines = [
        _NOTE,
        "# The file of environments",
        "",
        "`wikistate flink --env ENV JOB COMMAND` reads it ([how-to](../how-to/flink-jobs.md)).",
        "",
        "`environments.NAME.jobs.NAME` overrides `jobs.NAME` key by key.",
        "",
        *_section(FlinkEnvironments, ""),
    ]
    return "\n".join(lines).rstrip() + "\n"


def _section(model: type[BaseModel], path: str) -> Iterator[str]:
    rows, nested = [], []
    for name, field in model.model_fields.items():
        inner, key = _inner_model(field.annotation), f"{path}{name}"
        if inner is None:
            rows.append(f"| `{key}` | {_default(field)} | {_text(field.description)} |")
        else:
            is_map = field.annotation is not inner
            nested.append((inner, f"{key}.NAME." if is_map else f"{key}.", _text(field.description)))
    if rows:
        yield from ("| key | default | meaning |", "|---|---|---|", *rows, "")
    for inner, prefix, description in nested:
        yield from (f"## {prefix.rstrip('.')}", "", description, "")
        yield from _section(inner, prefix)


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    for kind in (annotation, *get_args(annotation)):
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            return kind
    return None


def _default(field: Any) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    return "" if value in (None, "", [], {}) else f"`{value}`"


def _text(description: str | None) -> str:
    return " ".join((description or "").split()).replace("|", "\\|")


def metric_table() -> str:
    """Return the page of all metrics."""
    rows = [
        f"| `{metric.name}` | {type(metric).__name__.lower()} | {metric.unit} "
        f"| {', '.join(f'`{label}`' for label in metric.labels)} | {metric.help} |"
        for metric in metrics.ALL_METRICS
    ]
    head = ["| name | kind | unit | labels | meaning |", "|---|---|---|---|---|"]
    text = (
        "A job serves its metrics at `/metrics` if `--metrics-port` or `telemetry.metrics_port` is set. The number of values "
        "of a label is bounded: titles and ids are not labels."
    )
    return "\n".join([_NOTE, "# Metrics", "", text, "", *head, *rows]) + "\n"


def log_event_table() -> str:
    """Return the page of all log events."""
    rows = [
        f"| `{event.id}` | {event.level} | {event.sentence} | {_fields(event)} | {event.meaning} |"
        for event in log_events.LOG_EVENTS
    ]
    head = ["| event | level | sentence | fields | meaning |", "|---|---|---|---|---|"]
    text = (
        "Log lines go to standard error. As JSON (ECS) a line has the event in `message` and `event.action`, and its fields "
        "under `labels`. At a terminal it has the sentence, followed by the fields that are not part of it. "
        "`telemetry.log_format` selects the form, `telemetry.log_level` the lowest level. Search and alert by event and "
        "field: sentences may be reworded. Lines of custom enrichments and of libraries keep their own text."
    )
    return "\n".join([_NOTE, "# Log events", "", text, "", *head, *rows]) + "\n"


def _fields(event: LogEvent) -> str:
    optional = [f"`{name}` (optional)" for name in event.optional]
    return ", ".join([*(f"`{name}`" for name in event.fields), *optional])


_RETRIED = {
    RetryRule.NEVER: "no",
    RetryRule.UNTIL_LIMIT: "up to the limit",
    RetryRule.WHILE_YOUNG: "while the event is young",
    RetryRule.UNTIL_SUCCESS: "without a limit",
}
_AFTER_LOGIN = {
    LoginAction.RENEW: "a new login at once, up to three; then waits that grow",
    LoginAction.RENEW_ONCE: "one new login at once; then final",
    LoginAction.WAIT: "the events wait",
    LoginAction.WAIT_IF_PROVEN: "the events wait if a login has succeeded before; else final",
    LoginAction.FINAL: "final; the next login after a minute, then after up to 15 minutes",
}
_SLOWS = {SlowdownScope.NOTHING: "", SlowdownScope.WIKI: "the wiki", SlowdownScope.FARM: "the farm"}


def _format_retry(row: FailureRule) -> str:
    limit = "" if row.max_attempts is None else f", {row.max_attempts} attempts"
    return f"{_RETRIED[row.retry_rule]}{limit}"


def failure_table() -> str:
    """Return the page of the failures of requests to a wiki."""
    rows = [
        f"| {row.description} | {_format_retry(row)} | {_SLOWS[row.slowdown]} | `{row.kind.value}` | {row.note} |"
        for row in TABLE
    ]
    head = ["| failure | retried | slowed down | `error_type` | reason |", "|---|---|---|---|---|"]
    text = (
        "Each failure becomes an event on the error stream if retries do not help. The limit is "
        "`enrich.retry.max_attempts`; an event is young for `enrich.retry.acceptable_lag` seconds. A revision that makes a "
        "request fail never fails the other revisions of the request: see [guarantees](../concepts/guarantees.md)."
    )
    logins = [f"| {row.description} | {_AFTER_LOGIN[row.action]} | {row.note} |" for row in LOGIN_TABLE]
    login_head = [
        "## Answers to a login",
        "",
        (
            "One login serves all requests to a wiki. While it is renewed the events of the wiki wait, and it does not count "
            "as an attempt for them. A final answer makes them fail as `LoginFailed`."
        ),
        "",
        "| answer | what follows | reason or advice |",
        "|---|---|---|",
    ]
    table = [_NOTE, "# Failures of requests to a wiki", "", text, "", *head, *rows, "", *login_head, *logins]
    return "\n".join(table) + "\n"


def decision_table() -> str:
    """Return the page of the decisions about the events of an entity."""
    head = ["| event | known state | action | reason | inconsistency |", "|---|---|---|---|---|"]
    rows = [
        f"| {row.event_kind.value} | {_seen(row)} | {_done(row)} | `{row.reason}` | {_inconsistency(row.reason)} |"
        for row in decide.TABLE
    ]
    text = (
        "A decision compares the revision of the event with the known state of the entity. `wikistate_decisions_total` counts "
        "decisions by reason. An inconsistency is an event on the stream of inconsistencies; for `unknown_entity` it is "
        "emitted only if `rdf.tell_unknown_deletions` is set. See [order and decisions](../how-to/rdf-updater.md#order)."
    )
    return "\n".join([_NOTE, "# Decisions about the events of an entity", "", text, "", *head, *rows]) + "\n"


def _seen(row: decide.DecisionRule) -> str:
    return (
        "anything"
        if len(row.known_states) == len(decide.KnownState)
        else ", ".join(seen.value for seen in row.known_states)
    )


def _done(row: decide.DecisionRule) -> str:
    return row.action.value if row.action is decide.Action.NOTHING else f"{row.action.value}, at {row.target.value}"


def _inconsistency(reason: decide.DecisionReason) -> str:
    return f"`{decide.INCONSISTENCIES[reason]}`" if reason in decide.INCONSISTENCIES else ""


def command_line() -> str:
    """Return the page of all commands with their help, and of the exit codes."""
    codes = (exits.__doc__ or "").partition("\n\n")[2].strip()
    lines = [
        _NOTE,
        "# Command line",
        "",
        *_commands(get_command(app), "wikistate"),
        "## Exit codes",
        "",
        "```",
        codes,
        "```",
    ]
    return "\n".join(lines) + "\n"


def _commands(command: Any, path: str, parent: Any = None) -> Iterator[str]:  # typer contains a copy of click
    context = command.make_context(path.rpartition(" ")[2], [], parent=parent, resilient_parsing=True)
    context.terminal_width = context.max_content_width = 100
    yield from (f"## {path}", "", "```", command.get_help(context).strip(), "```", "")
    for name, inner in getattr(command, "commands", {}).items():
        yield from _commands(inner, f"{path} {name}", context)


def main() -> None:
    """Write the pages."""
    REFERENCE.mkdir(exist_ok=True)
    for name, text in build_pages().items():
        (REFERENCE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
