"""Metrics of a farm, bound to its labels once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.telemetry.metrics import (
    WIKI_BATCH_SIZE,
    WIKI_CONCURRENCY,
    WIKI_REQUEST_SECONDS,
    WIKI_REQUESTS,
    WIKI_RETRIES,
    WIKI_WAITING,
)

if TYPE_CHECKING:
    from wikistate.telemetry.meter import Meter, Report


class FarmMetrics:
    """Metrics of one farm.

    Attributes:
        batch_size: Number of revisions in a request.
        request_seconds: Time from sending a request to the end of its response.
        concurrency: Current limit of concurrent requests.
        waiting: Number of revisions that wait for a request.
    """

    def __init__(self, meter: Meter, farm: str) -> None:
        self.batch_size = meter.histogram(WIKI_BATCH_SIZE, farm=farm)
        self.request_seconds = meter.histogram(WIKI_REQUEST_SECONDS, farm=farm)
        self.concurrency = meter.gauge(WIKI_CONCURRENCY, farm=farm)
        self.waiting = meter.gauge(WIKI_WAITING, farm=farm)
        self._meter = meter
        self._farm = farm
        self._requests: dict[str, Report] = {}
        self._retries: dict[str, Report] = {}

    def count_request(self, status: str) -> None:
        """Count a request by its status, or as ``error``."""
        report = self._requests.get(status)
        if report is None:
            report = self._requests[status] = self._meter.counter(WIKI_REQUESTS, farm=self._farm, status=status)
        report(1)

    def count_retry(self, cause: str) -> None:
        """Count the retry of a revision by its cause."""
        report = self._retries.get(cause)
        if report is None:
            report = self._retries[cause] = self._meter.counter(WIKI_RETRIES, cause=cause)
        report(1)
