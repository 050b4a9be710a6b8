"""Metrics are declared once and served as declared; logs are lines for collectors or for people, without secrets."""

from __future__ import annotations

import json
import re
import socket
import urllib.error
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
    """Return a meter with each declared metric bound and reported once, with the value 2."""
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
    """Return the metrics that Prometheus gets."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=10) as answer:
        text: str = answer.read().decode()
    return text


def test_every_declared_metric_is_served_under_its_name_with_its_labels() -> None:
    """Counters and gauges have their value; histograms have buckets, sum and count."""
    port, stop = serve(bound_to_everything(), host="127.0.0.1", port=0)
    try:
        served = scrape(port)
    finally:
        stop()
    for metric in metrics.ALL_METRICS:
        suffix = "_sum" if isinstance(metric, metrics.Histogram) else ""
        line = re.search(rf"^{metric.name}{suffix}(?:{{(.*)}})? (.*)$", served, re.MULTILINE)
        assert line, metric.name
        assert sorted(re.findall(r'(\w+)="x"', line[1] or "")) == sorted(metric.labels)
        assert float(line[2]) == 2
    assert 'wikistate_event_latency_seconds_bucket{le="1.0"} 0.0' in served
    assert 'wikistate_event_latency_seconds_bucket{le="2.5"} 1.0' in served
    assert 'wikistate_event_latency_seconds_bucket{le="+Inf"} 1.0' in served


def test_readiness_is_served_beside_the_metrics() -> None:
    """The answer is 503 with the reasons while most events fail or an outside system is away, and 200 otherwise."""
    meter = RecordingMeter()
    port, stop = serve(meter, host="127.0.0.1", port=0)

    def ask() -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as answer:
            return answer.code, answer.read().decode()

    try:
        assert ask() == (200, "ready\n")
        meter.gauge(metrics.WAITING_FOR_DEPENDENCY, what="stream")(1)
        assert ask() == (200, "ready\n")
        meter.gauge(metrics.MAIN_FAILURE, error_type="MungeError")(1)
        meter.gauge(metrics.WAITING_FOR_DEPENDENCY, what="store")(1)
        lines = "wikistate_main_failure{error_type=MungeError}\nwikistate_waiting{what=store}\n"
        assert ask() == (503, lines)
        meter.gauge(metrics.MAIN_FAILURE, error_type="MungeError")(0)
        meter.gauge(metrics.WAITING_FOR_DEPENDENCY, what="store")(0)
        assert ask() == (200, "ready\n")
    finally:
        stop()


def test_names_follow_the_rules_of_prometheus_and_are_unique() -> None:
    """Counters end in `_total`; durations have seconds in their name."""
    names = [metric.name for metric in metrics.ALL_METRICS]
    assert len(set(names)) == len(names) > 10
    for metric in metrics.ALL_METRICS:
        assert re.fullmatch(r"wikistate_[a-z_]+", metric.name)
        assert metric.help.endswith(".")
        assert isinstance(metric, metrics.Counter) == metric.name.endswith("_total")
        assert (metric.unit == "seconds") == metric.name.endswith("_seconds")


def test_undeclared_labels_raise_at_once() -> None:
    """Otherwise there would be a series that no dashboard shows."""
    with pytest.raises(TypeError, match="declared with the labels"):
        RecordingMeter().counter(metrics.EVENTS_ERRORS, kind="x")


def test_used_port_is_an_error_with_a_hint() -> None:
    """The hint names the setting."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigError, match=r"cannot listen on 127\.0\.0\.1") as caught:
            serve(RecordingMeter(), host="127.0.0.1", port=taken.getsockname()[1])
    assert "--metrics-port" in caught.value.hint


@pytest.fixture
def logs() -> Iterator[None]:
    """Restore the logging of other tests."""
    yield
    structlog.reset_defaults()


@pytest.mark.usefixtures("logs")
def test_ecs_lines_are_json_with_fields_under_labels(capsys: pytest.CaptureFixture[str]) -> None:
    """There is one object a line; a traceback is text; the job is the service."""
    configure_logs(Telemetry(log_format=LogFormat.ECS), job_name="job")
    logger = structlog.get_logger()
    logger.debug("ignored_line")
    logger.warning("topic_slow", topic="t", offset=3)
    try:
        int("a defect")
    except ValueError:
        logger.exception("job_failed")
    first, second = map(json.loads, capsys.readouterr().err.splitlines())
    assert (first["message"], first["log.level"], first["labels"]) == (
        "topic_slow",
        "warning",
        {"topic": "t", "offset": 3},
    )
    assert first["service"] == {"name": "job"}
    assert "ValueError: invalid literal" in second["error"]["stack_trace"]


@pytest.mark.usefixtures("logs")
def test_human_lines_show_no_local_variables(capsys: pytest.CaptureFixture[str]) -> None:
    """A traceback must not show the value of a variable, which may be a secret."""
    configure_logs(Telemetry(log_format=LogFormat.HUMAN))
    password = "not" + "-to-be-seen"
    try:
        int(f"{len(password)} characters")
    except ValueError:
        structlog.get_logger().exception("job_failed")
    shown = capsys.readouterr().err
    assert "job_failed" in shown
    assert "Traceback" in shown
    assert password not in shown
