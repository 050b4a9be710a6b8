"""The runners: their start, the settings that make them comparable, and their metrics."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol
from urllib.request import urlopen

from prometheus_client.parser import text_string_to_metric_families
from tests.contract.runner.flink_rest import FlinkRest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.telemetry.metrics import Counter


class RunnerUnderTest(Protocol):
    """A runner in the view of the process that starts a job with it."""

    @property
    def name(self) -> str:
        """The name on the command line."""

    @property
    def python(self) -> Path:
        """The Python with the packages of the runner."""

    def settings(self, port: int) -> Mapping[str, object]:
        """Return the settings of this runner alone; `port` serves its metrics."""

    def counter_total(self, port: int, metric: Counter, label: str = "") -> int:
        """Return the value of a counter.

        Args:
            port: As for `settings`.
            metric: The counter.
            label: Restricts the sum to series with this value in one of their labels.
        """


@dataclass(frozen=True, slots=True)
class LocalRunnerUnderTest:
    """The local runner: one process."""

    name: str = "local"
    python: Path = Path(sys.executable)

    def settings(self, port: int) -> Mapping[str, object]:
        """See `RunnerUnderTest`. A static member receives its partitions at once after a crash."""
        return {
            "telemetry.metrics_port": port,
            "local.commit_interval": 1.0,
            "stream_manager.source.options.properties": {"group.instance.id": "contract"},
        }

    def counter_total(self, port: int, metric: Counter, label: str = "") -> int:
        """See `RunnerUnderTest`. Over the Prometheus endpoint."""
        with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            families = list(text_string_to_metric_families(answer.read().decode()))
        samples = (sample for family in families for sample in family.samples if sample.name == metric.name)
        return int(sum(each.value for each in samples if not label or label in each.labels.values()))


@dataclass(frozen=True, slots=True)
class FlinkRunnerUnderTest:
    """The Flink runner with an embedded cluster.

    Attributes:
        python: The Python of the environment with PyFlink.
    """

    python: Path
    name: str = "flink"

    def settings(self, port: int) -> Mapping[str, object]:
        """See `RunnerUnderTest`."""
        return {
            "flink.rest.port": port,
            "flink.execution.checkpointing.interval": "1 s",
            "flink.parallelism.default": 1,
            "flink.metrics.fetcher.update-interval": 500,
        }

    def counter_total(self, port: int, metric: Counter, label: str = "") -> int:
        """See `RunnerUnderTest`. Over the REST interface, where labels are groups of the metric's name."""
        found = FlinkRest(port).metrics(metric.name)
        return sum(value for name, value in found.items() if not label or label in name.split("."))
