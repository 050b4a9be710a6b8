"""The Prometheus endpoint, which exposes the values of a `RecordingMeter`."""

from __future__ import annotations

import socket
from itertools import accumulate
from socketserver import ThreadingMixIn
from threading import Thread
from typing import TYPE_CHECKING
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app
from prometheus_client.core import CollectorRegistry, CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from wikistate.errors import ConfigError
from wikistate.telemetry.metrics import MAIN_FAILURE, WAITING_FOR_DEPENDENCY, Counter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

    from prometheus_client import Metric as Family

    from wikistate.telemetry.meter import Distribution, RecordingMeter
    from wikistate.telemetry.metrics import Histogram, Metric


class MeterCollector(Collector):
    """Collector that reads a meter at each scrape. It copies the values, as the thread of the loop changes them."""

    def __init__(self, meter: RecordingMeter) -> None:
        self._meter = meter

    def collect(self) -> Iterable[Family]:
        """Yield all metrics that were bound so far."""
        for metric, series in list(self._meter.numbers.items()):
            yield _number_family(metric, dict(series))
        for histogram, distributions in list(self._meter.distributions.items()):
            yield _histogram_family(histogram, dict(distributions))


def _number_family(metric: Metric, series: dict[tuple[str, ...], float]) -> Family:
    kind = CounterMetricFamily if isinstance(metric, Counter) else GaugeMetricFamily
    family = kind(metric.name, metric.help, labels=metric.labels)
    for labels, value in series.items():
        family.add_metric(labels, value)
    return family


def _histogram_family(histogram: Histogram, series: dict[tuple[str, ...], Distribution]) -> Family:
    family = HistogramMetricFamily(histogram.name, histogram.help, labels=histogram.labels)
    for labels, distribution in series.items():
        family.add_metric(labels, list(_cumulative_buckets(distribution)), distribution.total)
    return family


def _cumulative_buckets(distribution: Distribution) -> Iterator[tuple[str, float]]:
    bounds = [*map(str, distribution.bounds), "+Inf"]
    yield from zip(bounds, map(float, accumulate(list(distribution.counts))), strict=True)


_IDLE_STREAM = ("stream",)
"""The label of the wait for further messages of a stream, which does not matter."""

READINESS_GAUGES = (MAIN_FAILURE, WAITING_FOR_DEPENDENCY)
"""Gauges that are not 0 while the job cannot do its work."""


def find_obstacles(meter: RecordingMeter) -> list[str]:
    """Return a line for each reason why the job cannot do its work now; empty if it is ready."""
    return [
        f"{gauge.name}{{{', '.join(f'{name}={value}' for name, value in zip(gauge.labels, labels, strict=True))}}}"
        for gauge in READINESS_GAUGES
        for labels, number in meter.by_label(gauge).items()
        if number and labels != _IDLE_STREAM
    ]


def _build_application(meter: RecordingMeter) -> WSGIApplication:
    """Return the pages ``/readyz`` and, on each other path, the metrics."""
    registry = CollectorRegistry()
    registry.register(MeterCollector(meter))
    metrics_page: WSGIApplication = make_wsgi_app(registry)

    def respond(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if environ.get("PATH_INFO") != "/readyz":
            return metrics_page(environ, start_response)
        obstacles = find_obstacles(meter)
        status = "503 Service Unavailable" if obstacles else "200 OK"
        headers = [("Content-Type", "text/plain; charset=utf-8"), ("X-Content-Type-Options", "nosniff")]
        start_response(status, headers)
        return ["\n".join(obstacles or ["ready"]).encode() + b"\n"]

    return respond


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the name of the standard library)
        """Log nothing: each scrape would be a line."""


def serve(meter: RecordingMeter, *, host: str, port: int) -> tuple[int, Callable[[], None]]:
    """Serve ``/metrics`` and ``/readyz`` on a separate thread.

    Args:
        meter: Meter with the values.
        host: Address to bind to.
        port: Port; 0 for a free one.

    Returns:
        The port, and a function that stops the endpoint.

    Raises:
        ConfigError: The address cannot be bound.
    """
    try:
        server = make_server(host, port, _build_application(meter), _server_class(host), _QuietHandler)
    except OSError as error:
        raise ConfigError(
            f"The metrics endpoint cannot listen on {host}:{port}: {error.strerror}.",
            hint="Set another --metrics-port; 0 selects a free port.",
            key="telemetry.metrics_port",
        ) from None

    thread = Thread(target=server.serve_forever, name="metrics", daemon=True)
    thread.start()

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return server.server_port, stop


def _server_class(host: str) -> type[_Server]:
    class Server(_Server):
        address_family = socket.AF_INET6 if ":" in host else socket.AF_INET

    return Server
