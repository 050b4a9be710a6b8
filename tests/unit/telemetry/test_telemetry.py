"""Metrics are declared once and served as declared; logs are lines for collectors or for eyes, without secrets."""

from __future__ import annotations

import json
import re
import socket
import urllib.request
from typing import TYPE_CHECKING

import pytest
import structlog

from wikistate.config.model import LogFormat, Telemetry
from wikistate.errors import ConfigError
from wikistate.telemetry import metrics
from wikistate.telemetry.logs import configure_logs
from wikistate.telemetry.meter import RecordingMeter
from wikistate.telemetry.prometheus import serve

if TYPE_CHECKING:
    from collections.abc import Iterator


def bound_to_everything() -> RecordingMeter:
    """A meter to which each declared metric was bound and reported once, with the value 2."""
    meter = RecordingMeter()
    for metric in metrics.ALL_METRICS:
        labels = dict.fromkeys(metric.labels, "x")
        match metric:
            case metrics.Counter():
                meter.counter(metric, **labels)(2)
            case metrics.Gauge():
                meter.gauge(metric, **labels)(2)
            case metrics.Histogram():
                meter.histogram(metric, **labels)(2)
    return meter


def scrape(port: int) -> str:
    """What Prometheus gets."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text: str = answer.read().decode()
    return text


def test_every_declared_metric_is_served_under_its_name_with_its_labels() -> None:
    """Counters and gauges with their value; histograms with buckets, sum and count."""
    port, end = serve(bound_to_everything(), host="127.0.0.1", port=0)
    try:
        served = scrape(port)
    finally:
        end()
    for metric in metrics.ALL_METRICS:
        suffix = "_sum" if isinstance(metric, metrics.Histogram) else ""
        line = re.search(rf"^{metric.name}{suffix}(?:{{(.*)}})? (.*)$", served, re.MULTILINE)
        assert line, metric.name
        assert sorted(re.findall(r'(\w+)="x"', line[1] or "")) == sorted(metric.labels)
        assert float(line[2]) == 2
    assert 'wikistate_event_latency_seconds_bucket{le="1.0"} 0.0' in served
    assert 'wikistate_event_latency_seconds_bucket{le="2.5"} 1.0' in served
    assert 'wikistate_event_latency_seconds_bucket{le="+Inf"} 1.0' in served


def test_names_follow_the_rules_of_prometheus_and_are_unique() -> None:
    """Counters end in `_total`; durations say that they are seconds."""
    names = [metric.name for metric in metrics.ALL_METRICS]
    assert len(set(names)) == len(names) > 10
    for metric in metrics.ALL_METRICS:
        assert re.fullmatch(r"wikistate_[a-z_]+", metric.name)
        assert metric.help.endswith(".")
        assert isinstance(metric, metrics.Counter) == metric.name.endswith("_total")
        assert (metric.unit == "seconds") == metric.name.endswith("_seconds")


def test_labels_that_are_not_declared_are_a_defect_that_is_seen() -> None:
    """At once, not as a series that nobody finds."""
    with pytest.raises(TypeError, match="declared with the labels"):
        RecordingMeter().counter(metrics.EVENTS_ERRORS, kind="x")


def test_a_port_that_is_taken_is_an_error_that_says_what_to_do() -> None:
    """And names the setting."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigError, match=r"cannot listen on 127\.0\.0\.1") as caught:
            serve(RecordingMeter(), host="127.0.0.1", port=taken.getsockname()[1])
    assert "--metrics-port" in caught.value.hint


@pytest.fixture
def logs() -> Iterator[None]:
    """Leaves the logging of other tests as it was."""
    yield
    structlog.reset_defaults()


@pytest.mark.usefixtures("logs")
def test_ecs_lines_are_json_with_our_fields_under_labels(capsys: pytest.CaptureFixture[str]) -> None:
    """One object a line; a traceback is text; the job is the service."""
    configure_logs(Telemetry(log_format=LogFormat.ECS), job_name="job")
    logger = structlog.get_logger()
    logger.debug("not worth a line")
    logger.warning("A topic is slow.", topic="t", offset=3)
    try:
        int("a defect")
    except ValueError:
        logger.exception("It failed.")
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert (first["message"], first["log.level"], first["labels"]) == (
        "A topic is slow.",
        "warning",
        {"topic": "t", "offset": 3},
    )
    assert first["service"] == {"name": "job"}
    assert "ValueError: invalid literal" in second["error"]["stack_trace"]


@pytest.mark.usefixtures("logs")
def test_human_lines_show_no_local_variables(capsys: pytest.CaptureFixture[str]) -> None:
    """A traceback must not hold what a variable held, which may be a secret."""
    configure_logs(Telemetry(log_format=LogFormat.HUMAN))
    password = "not" + "-to-be-seen"
    try:
        int(f"{len(password)} characters")
    except ValueError:
        structlog.get_logger().exception("It failed.")
    shown = capsys.readouterr().err
    assert "It failed." in shown
    assert "Traceback" in shown
    assert password not in shown
