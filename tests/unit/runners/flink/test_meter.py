"""The metrics of wikistate in the groups of Flink."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from wikistate.runners.flink.meter import FlinkMeter
from wikistate.streaming.record import Role
from wikistate.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass
class Counter:
    """A counter as that of PyFlink: integers that never decrease."""

    value: int = 0

    def inc(self, n: int = 1) -> None:
        """See `FlinkCounter`."""
        assert type(n) is int
        assert n >= 0
        self.value += n


@dataclass
class Group:
    """A group as that of PyFlink, with each metric registered once; its members by their full path."""

    path: tuple[str, ...] = ()
    counters: dict[tuple[str, ...], Counter] = field(default_factory=dict)
    gauges: dict[tuple[str, ...], Callable[[], int]] = field(default_factory=dict)

    def add_group(self, name: str, extra: str | None = None) -> Group:
        """See `FlinkGroup`."""
        words = (name,) if extra is None else (name, extra)
        return Group((*self.path, *words), self.counters, self.gauges)

    def counter(self, name: str) -> Counter:
        """See `FlinkGroup`."""
        path = (*self.path, name)
        assert path not in self.counters, f"{path} is registered twice"
        return self.counters.setdefault(path, Counter())

    def gauge(self, name: str, obj: Callable[[], int]) -> None:
        """See `FlinkGroup`."""
        path = (*self.path, name)
        assert path not in self.gauges, f"{path} is registered twice"
        self.gauges[path] = obj

    def end_bundle(self) -> dict[tuple[str, ...], int]:
        """Read every gauge, as Flink does then, and return all metrics without that of the meter itself."""
        for gauge in list(self.gauges.values()):
            gauge()
        shown = {path: counter.value for path, counter in self.counters.items()}
        return shown | {path: gauge() for path, gauge in self.gauges.items() if path != OWN}


OWN = ("wikistate", "wikistate_series")
CONSUMED = (metrics.EVENTS_CONSUMED.name,)


def test_counter_includes_reports_up_to_the_end_of_the_bundle() -> None:
    """Each report counts once, also over several bundles."""
    group = Group()
    consumed = FlinkMeter(group).counter(metrics.EVENTS_CONSUMED)
    consumed(2)
    consumed(1)
    assert group.counters == {}
    assert group.end_bundle()[CONSUMED] == 3
    assert group.end_bundle()[CONSUMED] == 3
    consumed(4)
    assert group.end_bundle()[CONSUMED] == 7


def test_counter_exists_before_the_first_report() -> None:
    """An alert on a rate needs the zero at its start."""
    group = Group()
    FlinkMeter(group).counter(metrics.EVENTS_PRODUCED, role=Role.ERROR)
    assert group.end_bundle() == {("role", "error", metrics.EVENTS_PRODUCED.name): 0}


def test_labels_become_groups_at_any_time() -> None:
    """A label value that first occurs later is a separate series from then on."""
    group = Group()
    meter = FlinkMeter(group)
    name = metrics.EVENTS_PRODUCED.name
    meter.counter(metrics.EVENTS_PRODUCED, role=Role.SINK)(5)
    assert group.end_bundle() == {("role", "sink", name): 5}
    meter.counter(metrics.EVENTS_PRODUCED, role=Role.ERROR)(1)
    assert group.end_bundle() == {("role", "sink", name): 5, ("role", "error", name): 1}


def test_gauge_has_the_latest_value() -> None:
    """As an integer that may increase and decrease."""
    group = Group()
    in_flight = FlinkMeter(group).gauge(metrics.EVENTS_IN_FLIGHT)
    in_flight(3.0)
    assert group.end_bundle() == {(metrics.EVENTS_IN_FLIGHT.name,): 3}
    in_flight(1.0)
    assert group.end_bundle() == {(metrics.EVENTS_IN_FLIGHT.name,): 1}


def test_histogram_has_the_form_of_prometheus() -> None:
    """Cumulative buckets by `le`, count and sum; the sum does not lose fractions of a unit."""
    group = Group()
    observe = FlinkMeter(group).histogram(metrics.EVENT_LATENCY)
    name, bounds = metrics.EVENT_LATENCY.name, metrics.EVENT_LATENCY.buckets
    for _ in range(4):
        observe(0.4)
        shown = group.end_bundle()
    observe(bounds[-1] + 1)
    shown = group.end_bundle()
    assert shown[f"{name}_count",] == 5
    assert shown[f"{name}_sum",] == int(4 * 0.4 + bounds[-1] + 1)
    buckets = {le: shown["le", le, f"{name}_bucket"] for le in (*map(str, bounds), "+Inf")}
    assert buckets == {**{str(bound): 4 * (bound >= 0.4) for bound in bounds}, "+Inf": 5}


def test_new_series_may_appear_while_others_are_passed() -> None:
    """The thread of the job does not wait for that of the bundle: the next bundle includes the new series."""
    group = Group()
    meter = FlinkMeter(group)
    name = metrics.EVENTS_PRODUCED.name
    meter.counter(metrics.EVENTS_PRODUCED, role=Role.SINK)(1)

    reports: list[str] = []

    class Meanwhile(Group):
        def add_group(self, name: str, extra: str | None = None) -> Group:
            reports.append(name)
            meter.counter(metrics.EVENTS_PRODUCED, role=Role.ERROR)(1)
            meter.counter(metrics.EVENTS_CONSUMED)(1)
            meter.histogram(metrics.EVENT_LATENCY)
            return super().add_group(name, extra)

    meter._group = Meanwhile((), group.counters, group.gauges)
    group.end_bundle()
    assert group.counters["role", "sink", name].value == 1
    meter._group = group
    shown = group.end_bundle()
    assert shown["role", "sink", name] == 1
    assert shown["role", "error", name] == shown[CONSUMED] == len(reports)


def test_concurrent_reports_are_not_lost() -> None:
    """The job reports from the thread of its loop, bundles end on another thread, and new series appear meanwhile."""
    group = Group()
    meter = FlinkMeter(group)
    rounds = 300

    def report() -> None:
        for number in range(rounds):
            meter.counter(metrics.WIKI_REQUESTS, farm=f"farm {number}", status="200")(1)
            meter.counter(metrics.EVENTS_CONSUMED)(1)

    reporter = threading.Thread(target=report)
    reporter.start()
    while reporter.is_alive():
        group.end_bundle()
    shown = group.end_bundle()
    assert shown.pop(CONSUMED) == rounds
    assert list(shown.values()) == [1] * rounds
