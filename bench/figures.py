"""Figures of a measurement, some with a target."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median, quantiles
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """Target of a figure: one of the two bounds, in the unit of the figure."""

    at_least: float | None = None
    at_most: float | None = None

    def __str__(self) -> str:
        return f"≥ {self.at_least:g}" if self.at_least is not None else f"≤ {self.at_most:g}"

    def is_met_by(self, value: float) -> bool:
        """Return whether the value is within the bound."""
        return (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)


@dataclass(frozen=True, slots=True)
class Figure:
    """Figure of a measurement: one line of the table."""

    name: str
    value: float
    unit: str
    target: Target | None = None

    @property
    def is_met(self) -> bool:
        """Whether the target is reached; true without a target."""
        return self.target is None or self.target.is_met_by(self.value)


class Result(Protocol):
    """Result of a measurement: a frozen dataclass of plain values, which is saved as JSON."""

    def figures(self) -> list[Figure]:
        """Return the lines of the table."""


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Percentiles of a distribution, in its unit."""

    p50: float
    p90: float
    p99: float


def compute_percentiles(values: Sequence[float]) -> Percentiles:
    """Return the percentiles of two values or more."""
    cuts = quantiles(values, n=100, method="inclusive")
    return Percentiles(cuts[49], cuts[89], cuts[98])


def median_percentiles(turns: Sequence[Percentiles]) -> Percentiles:
    """Return the median of each percentile over several turns."""
    return Percentiles(
        median(turn.p50 for turn in turns), median(turn.p90 for turn in turns), median(turn.p99 for turn in turns)
    )
