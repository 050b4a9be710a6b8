"""The runners: what starts each of them, the settings that make them alike, where they show their metrics."""

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
    """A runner, as whoever starts a job with it sees it."""

    @property
    def name(self) -> str:
        """What the command line calls it."""

    @property
    def python(self) -> Path:
        """The Python that has what the runner needs."""

    def settings(self, port: int) -> Mapping[str, object]:
        """Settings that the other runner does not have; `port` is where it shows its metrics."""

    def counter_total(self, port: int, metric: Counter, label: str = "") -> int:
        """What a counter has come to.

        Args:
            port: As for `settings`.
            metric: The counter.
            label: Only what has this value in one of its labels.
        """


@dataclass(frozen=True, slots=True)
class LocalRunnerUnderTest:
    """One process."""

    name: str = "local"
    python: Path = Path(sys.executable)

    def settings(self, port: int) -> Mapping[str, object]:
        """See `RunnerName`. As a static member it has its partitions again at once after a crash."""
        return {
            "telemetry.metrics_port": port,
            "local.commit_interval": 1.0,
            "stream_manager.source.options.properties": {"group.instance.id": "contract"},
        }

    def counter_total(self, port: int, metric: Counter, label: str = "") -> int:
        """See `RunnerName`. Over the Prometheus endpoint."""
        with urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            families = list(text_string_to_metric_families(answer.read().decode()))
        samples = (sample for family in families for sample in family.samples if sample.name == metric.name)
        return int(sum(each.value for each in samples if not label or label in each.labels.values()))


@dataclass(frozen=True, slots=True)
class FlinkRunnerUnderTest:
    """A cluster of its own.

    Attributes:
        python: Of the environment that has PyFlink.
    """

    python: Path
    name: str = "flink"

    def settings(self, port: int) -> Mapping[str, object]:
        """See `RunnerName`."""
        return {
            "flink.rest.port": port,
            "flink.execution.checkpointing.interval": "1 s",
            "flink.parallelism.default": 1,
            "flink.metrics.fetcher.update-interval": 500,
        }

    def counter_total(self, port: int, metric: Counter, label: str = "") -> int:
        """See `RunnerName`. Over the REST interface, where labels are groups of the metric's name."""
        found = FlinkRest(port).metrics(metric.name)
        return sum(value for name, value in found.items() if not label or label in name.split("."))
