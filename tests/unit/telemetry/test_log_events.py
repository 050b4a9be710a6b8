"""Log events are declared once: the code logs declared ids and fields, and a terminal shows their sentences."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest
import structlog

from wikistate.config.model import LogFormat, Telemetry
from wikistate.telemetry.log_events import LOG_EVENTS, OF_CUSTOM
from wikistate.telemetry.logs import configure_logs

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(__file__).parents[3] / "src/wikistate"

LEVELS = {
    "debug": "debug",
    "info": "info",
    "warning": "warning",
    "error": "error",
    "exception": "error",
}
"""The level of the lines of each method."""

METHODS = {*LEVELS, "bind", "critical", "fatal", "log", "msg", "new", "warn"}
"""All methods of a logger that log, or that add fields to its lines."""

DECLARED = {event.id: event for event in LOG_EVENTS}


class Call(NamedTuple):
    """A call of a logger.

    Attributes:
        place: File and line.
        method: Its name.
        call: The call.
    """

    place: str
    method: str
    call: ast.Call


def calls() -> Iterator[Call]:
    """Yield each call of a logger in the package."""
    for file in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in METHODS:
                logger = ast.unparse(node.func.value).rpartition(".")[2]
                if re.fullmatch(r"_?log(ger)?", logger):
                    yield Call(f"{file.relative_to(PACKAGE)}:{node.lineno}", node.func.attr, node)


CALLS = list(calls())


def event_id(call: ast.Call) -> object:
    """Return the literal that is the only positional argument; None if there is another form."""
    match call.args:
        case [ast.Constant(value=str() as name)]:
            return name
        case _:
            return None


@pytest.mark.parametrize("found", CALLS, ids=lambda found: found.place)
def test_log_call_uses_a_declared_event_with_its_level_and_fields(found: Call) -> None:
    """The id is a literal, so that a search for it finds the call; fields are named one by one."""
    event = DECLARED.get(str(event_id(found.call)))
    assert event is not None, "declare the event in wikistate.telemetry.log_events"
    assert LEVELS.get(found.method) == event.level
    fields = [keyword.arg for keyword in found.call.keywords]
    assert set(event.fields) <= set(fields) <= {*event.fields, *event.optional}


def test_every_declared_event_and_field_is_logged() -> None:
    """A declaration without a call would document nothing."""
    logged: dict[object, set[str | None]] = {}
    for found in CALLS:
        logged.setdefault(event_id(found.call), set()).update(keyword.arg for keyword in found.call.keywords)
    assert logged == {event.id: {*event.fields, *event.optional} for event in LOG_EVENTS}
    assert len(CALLS) >= len(LOG_EVENTS) > 40


def test_every_logger_has_the_name_by_which_its_calls_are_found() -> None:
    """The only other logger is that of custom enrichments, whose lines are not declared."""
    named, others = [], []
    for file in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        assigned = {id(node.value): node.targets for node in ast.walk(tree) if isinstance(node, ast.Assign)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("get_logger"):
                if targets := assigned.get(id(node)):
                    named += [ast.unparse(target) for target in targets]
                else:
                    others.append(str(file.relative_to(PACKAGE)))
    assert set(named) == {"log"}
    assert others == ["wiring/enrichment.py"]


def test_ids_are_unique_and_in_snake_case_and_texts_are_sentences() -> None:
    """A sentence contains only fields that each line has; `event` and `level` belong to structlog."""
    assert len(DECLARED) == len(LOG_EVENTS)
    for event in LOG_EVENTS:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)+", event.id)
        assert re.fullmatch(r"[^.].*\.", event.sentence)
        assert re.fullmatch(r"[^.].*\.", event.meaning)
        assert set(event.placeholders) <= set(event.fields), event.id
        assert len({*event.fields, *event.optional}) == len(event.fields) + len(event.optional)
        assert not {"event", "level", "timestamp", OF_CUSTOM} & {*event.fields, *event.optional}


@pytest.fixture
def logs() -> Iterator[None]:
    """Restore the logging of other tests."""
    yield
    structlog.reset_defaults()


def shown(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """Return the lines of standard error without their time and level."""
    lines = capsys.readouterr().err.splitlines()
    return [re.sub(r"^\S+ \[\w+ *\] ", "", line).rstrip() for line in lines]


@pytest.mark.usefixtures("logs")
def test_terminal_shows_the_sentence_and_after_it_the_other_fields(capsys: pytest.CaptureFixture[str]) -> None:
    """A field that is part of the sentence is not repeated."""
    configure_logs(Telemetry(log_format=LogFormat.HUMAN))
    log = structlog.get_logger()
    log.info("partition_assigned", topic="edits", partition=2, offset=70)
    log.warning("store_unavailable", store="http://store.example", reason="{refused}")
    log.warning("drain_timeout_reached", keys=3)
    assigned, unavailable, drained = shown(capsys)
    assert assigned == "Partition 2 of edits assigned, from offset 70."
    assert re.fullmatch(
        r"The store http://store\.example is unavailable; waiting for it\. +reason=\{refused\}", unavailable
    )
    assert re.fullmatch(
        r"Drain timeout reached; uncommitted events will be processed again on restart\. +keys=3", drained
    )


@pytest.mark.usefixtures("logs")
def test_json_has_the_id_as_message_and_action_and_the_fields_as_labels(capsys: pytest.CaptureFixture[str]) -> None:
    """A collector finds an event by `event.action`, whatever its sentence says."""
    configure_logs(Telemetry(log_format=LogFormat.ECS), job_name="job")
    structlog.get_logger().info("partition_assigned", topic="edits", partition=2, offset=70)
    line = json.loads(capsys.readouterr().err)
    assert line["message"] == "partition_assigned"
    assert line["event"] == {"action": "partition_assigned"}
    assert line["labels"] == {"topic": "edits", "partition": 2, "offset": 70}


UNDECLARED: list[tuple[object, dict[str, object]]] = [
    ("Looked it up.", {"page": 3}),
    ("topic_created", {}),  # lacks the field of the declared event
    ("contact_missing", {OF_CUSTOM: "lookup:enrich"}),
    ({"page": 3}, {}),
]
"""Lines of a custom enrichment or of a library, some of which resemble declared events."""


@pytest.mark.parametrize(("event", "fields"), UNDECLARED)
@pytest.mark.usefixtures("logs")
def test_other_lines_keep_their_text(
    event: object, fields: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    """The rule holds in both formats; none of the lines gets an action."""
    configure_logs(Telemetry(log_format=LogFormat.HUMAN))
    structlog.get_logger().info(event, **fields)
    assert shown(capsys)[0].startswith(str(event))
    configure_logs(Telemetry(log_format=LogFormat.ECS))
    structlog.get_logger().info(event, **fields)
    line = json.loads(capsys.readouterr().err)
    assert line["message"] == str(event)
    assert line.get("labels", {}) == fields
    assert "event" not in line


class Unprintable:
    """Field that must not become text."""

    def __str__(self) -> str:
        raise AssertionError

    __repr__ = __str__


@pytest.mark.usefixtures("logs")
def test_lines_below_the_level_are_not_rendered(capsys: pytest.CaptureFixture[str]) -> None:
    """A disabled level has only the cost of a call: no processor runs, no field becomes text."""
    configure_logs(Telemetry(log_format=LogFormat.HUMAN))
    structlog.get_logger().debug("flink_unavailable", reason=Unprintable())
    assert capsys.readouterr().err == ""
