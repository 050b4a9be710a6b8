"""Text of others in logs, metrics and pages: visible at a terminal, exact in JSON, bounded as a label."""

from __future__ import annotations

import io
import json
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.cli.hostile_text import EVERYTHING, HOSTILE, find_faults

from wikistate.config.model import LogFormat, Telemetry
from wikistate.telemetry import metrics
from wikistate.telemetry.log_events import LOG_EVENTS
from wikistate.telemetry.logs import configure_logs
from wikistate.telemetry.meter import RecordingMeter
from wikistate.telemetry.outside_text import MAX_CELL, MAX_LINE, show_lines, show_text
from wikistate.telemetry.prometheus import serve
from wikistate.telemetry.standard_streams import GuardedStream, make_encodable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wikistate.telemetry.log_event import LogEvent


@pytest.mark.parametrize("kind", HOSTILE)
def test_each_kind_becomes_one_bounded_line_of_visible_characters(kind: str) -> None:
    """The text stays readable: what is visible is not changed."""
    shown = show_text(HOSTILE[kind])
    assert find_faults(shown) == []
    assert len(shown) <= MAX_LINE
    assert "\n" not in shown


@given(st.text(alphabet=st.characters(), max_size=300), st.integers(min_value=1, max_value=400))
def test_any_text_becomes_visible_and_bounded(text: str, limit: int) -> None:
    """The result is stable: a text that is shown twice is the same."""
    shown = show_text(text, limit)
    assert shown.isprintable()
    assert len(shown) <= limit
    assert show_text(shown, limit) == shown


@pytest.mark.parametrize("text", ["", "Zürich", "東京", "العربية", "a\\b", "x [red] :smile:", "{}", "100 %"])
def test_visible_text_is_not_changed(text: str) -> None:
    """Titles of any script are shown as they are."""
    assert show_text(text) == text


def test_lines_of_a_traceback_stay_lines() -> None:
    """Only a line feed divides; each other separator is escaped."""
    assert show_lines("a\nb\rc\u2028d") == ["a", "b\\rc\\u2028d"]


@pytest.mark.parametrize(
    ("encoding", "shown"), [("ascii", "a\\u6771\\xe9"), ("latin-1", "a\\u6771é"), ("utf-8", "a東é")]
)
def test_characters_that_an_encoding_lacks_are_escaped(encoding: str, shown: str) -> None:
    """A command must not end at a name because a terminal has an old encoding."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding=encoding)
    assert make_encodable("a東é", stream) == shown


def test_guard_escapes_what_a_library_writes() -> None:
    """It passes line feeds, and all other attributes of the stream."""
    stream = io.StringIO()
    guarded = GuardedStream(stream)
    assert guarded.write(f"{EVERYTHING}\n") == len(EVERYTHING) + 1
    guarded.writelines(["a\x1b", "b\n"])
    assert [fault for fault in find_faults(stream.getvalue()) if "forged" not in fault] == []
    assert stream.getvalue().endswith("a\\x1bb\n")
    assert not guarded.isatty()


@pytest.fixture
def logs() -> Iterator[None]:
    """Restore the logging of other tests."""
    yield
    structlog.reset_defaults()


@pytest.mark.usefixtures("logs")
@pytest.mark.parametrize("event", LOG_EVENTS, ids=lambda event: event.id)
def test_lines_of_each_event_are_visible_at_a_terminal(capsys: pytest.CaptureFixture[str], event: LogEvent) -> None:
    """Each field may hold text of others, in the sentence or behind it."""
    configure_logs(Telemetry(log_format=LogFormat.HUMAN, log_level="debug"))
    getattr(structlog.get_logger(), event.level)(
        event.id, **dict.fromkeys((*event.fields, *event.optional), EVERYTHING)
    )
    shown = capsys.readouterr().err
    assert find_faults(shown) == []
    _, *others = shown.splitlines()
    assert all(line.startswith("  ") for line in others if line)
    assert not others or "stack" in event.fields


@pytest.mark.usefixtures("logs")
def test_lines_of_custom_code_and_tracebacks_are_visible_at_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    """An undeclared line, a list of texts, and the text of an exception, whose lines are indented."""
    configure_logs(Telemetry(log_format=LogFormat.HUMAN))
    logger = structlog.get_logger()
    write = logger.info  # the text of a custom enrichment is not an id
    write(EVERYTHING, titles=[EVERYTHING], title=EVERYTHING, empty="", words="two words", number=3)
    try:
        _fail()
    except ValueError:
        logger.exception("job_failed")
    shown = capsys.readouterr().err
    assert find_faults(shown) == []
    first, *trace = shown.splitlines()
    assert "empty='' " in first
    assert "words='two words'" in first
    assert "number=3" in first
    assert any(line.startswith("  Traceback") for line in trace)


def _fail() -> None:
    raise ValueError(EVERYTHING)


@pytest.mark.usefixtures("logs")
@pytest.mark.parametrize("kind", [kind for kind in HOSTILE if kind != "surrogate"])
def test_json_lines_hold_the_exact_text_without_control_characters(
    capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    """JSON escapes them, so that a collector has the text and a terminal is safe."""
    configure_logs(Telemetry(log_format=LogFormat.ECS))
    structlog.get_logger().info(HOSTILE[kind], title=HOSTILE[kind])
    shown = capsys.readouterr().err.removesuffix("\n")
    assert shown.isascii()
    assert shown.isprintable()
    line = json.loads(shown)
    assert (line["message"], line["labels"]["title"]) == (HOSTILE[kind], HOSTILE[kind])


def test_labels_of_metrics_are_visible_and_bounded() -> None:
    """Both pages of the endpoint hold names of others."""
    meter = RecordingMeter()
    for text in HOSTILE.values():
        meter.gauge(metrics.MAIN_FAILURE, error_type=text)(1)
        meter.counter(metrics.EVENTS_ERRORS, error_type=text)(1)
    port, stop = serve(meter, host="127.0.0.1", port=0)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
            pages = [answer.read().decode()]
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10)
        with caught.value:
            pages.append(caught.value.read().decode())
            assert caught.value.headers["X-Content-Type-Options"] == "nosniff"
    finally:
        stop()
    for page in pages:
        assert find_faults(page) == []
        assert "[/b][red]x[/red]" in page
    assert all(len(label) <= MAX_CELL for (label,) in meter.by_label(metrics.MAIN_FAILURE))
