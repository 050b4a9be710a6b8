"""The Prometheus endpoint, which exposes the values of a `RecordingMeter`."""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client import start_http_server
from prometheus_client.core import CollectorRegistry, CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.registry import Collector

from wikistate.errors import ConfigError
from wikistate.telemetry.metrics import Counter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

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


def serve(meter: RecordingMeter, *, host: str, port: int) -> tuple[int, Callable[[], None]]:
    """Serve ``/metrics`` on a separate thread.

    Args:
        meter: Meter with the values.
        host: Address to bind to.
        port: Port; 0 for a free one.

    Returns:
        The port, and a function that stops the endpoint.

    Raises:
        ConfigError: The address cannot be bound.
    """
    registry = CollectorRegistry()
    registry.register(MeterCollector(meter))
    try:
        server, thread = start_http_server(port, host, registry)
    except OSError as error:
        raise ConfigError(
            f"The metrics endpoint cannot listen on {host}:{port}: {error.strerror}.",
            hint="Set another --metrics-port; 0 selects a free port.",
            key="telemetry.metrics_port",
        ) from None

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return server.server_port, stop
