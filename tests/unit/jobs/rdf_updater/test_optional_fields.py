"""Inputs may lack any optional field: each side event and each error event about them follows its schema."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.jobs.rdf_updater.updater_bench import DOMAIN, UpdaterBench

from wikistate.core.events.bundled import SCHEMAS, read_bundled
from wikistate.core.events.repository import SchemaRepository
from wikistate.streaming.keyed_job import EMPTY_STATE, KeyedState
from wikistate.streaming.record import Role
from wikistate.testing.wikibase import build_legacy_event, build_page_change

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from wikistate.streaming.record import Output

REPOSITORY = SchemaRepository([SCHEMAS], read_bundled)
PAGE_CHANGES, LEGACY = (
    UpdaterBench("rdf.reconcile=rdf-streaming-updater.reconcile"),
    UpdaterBench("rdf.legacy_inputs=true"),
)
NEVER, LONG_AFTER = None, 2**50


def reconciliation() -> dict[str, Any]:
    """Return the request of a reconciliation with all fields."""
    origin = {"dt": "2023-11-14T22:13:19Z", "stream": "x", "id": "b", "domain": DOMAIN, "uri": "x", "request_id": "c"}
    return {
        "$schema": "/rdf_streaming_updater/reconcile/1.0.0",
        "meta": origin | {"stream": "rdf-streaming-updater.reconcile", "id": "a"},
        "dt": "2023-11-14T22:13:20Z",
        "item": "Q1",
        "revision_id": 1,
        "reconciliation_source": "check",
        "reconciliation_action": "CREATION",
        "original_event_info": {"$schema": "/x/1.0.0", "dt": "2023-11-14T22:13:19Z", "meta": origin},
    }


def build_events() -> Mapping[str, tuple[UpdaterBench, dict[str, Any]]]:
    """Return one event of each kind, with all its fields and the updater that reads it."""
    repository = LEGACY.repository
    changes = [LEGACY.save(), repository.delete("Q1"), repository.restore("Q1")]
    found = {str(change.kind): (PAGE_CHANGES, build_page_change(change, repository.wiki)) for change in changes}
    legacy = {f"legacy {change.kind}": (LEGACY, build_legacy_event(change, repository.wiki)) for change in changes}
    legacy_events = {name: (bench, event) for name, (bench, event) in legacy.items() if event is not None}
    return {**found, **legacy_events, "reconciliation": (PAGE_CHANGES, reconciliation())}


EVENTS = build_events()


def optional_fields(schema: Mapping[str, Any], event: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Return the paths of the fields of an event that its schema does not require, outer fields first."""
    paths: list[tuple[str, ...]] = []
    for name, value in event.items():
        field = schema.get("properties", {}).get(name, {})
        if name not in schema.get("required", ()):
            paths.append((name,))
        if isinstance(value, dict):
            paths += [(name, *path) for path in optional_fields(field, value)]
    return paths


def remove(event: Mapping[str, Any], paths: list[tuple[str, ...]]) -> dict[str, Any]:
    """Return a copy of an event without some fields."""
    copy: dict[str, Any] = orjson.loads(orjson.dumps(event))
    for *folders, name in paths:
        place = copy
        for folder in folders:
            place = place.get(folder, {})
        place.pop(name, None)
    return copy


def paths_of(name: str) -> list[tuple[str, ...]]:
    """Return the optional fields of an event of a kind."""
    event = EVENTS[name][1]
    return optional_fields(REPOSITORY.get_by_uri(event["$schema"]).document, event)


def run(bench: UpdaterBench, event: dict[str, Any], state: KeyedState, watermark: int | None) -> list[Output]:
    """Return the outputs of an event, and of the timer after it."""

    async def process() -> None:
        await bench.read(event, watermark=watermark)
        await bench.wait()

    bench.state, bench.outputs = state, []
    asyncio.run(process())
    return bench.outputs


SITUATIONS: Mapping[str, Callable[[UpdaterBench, dict[str, Any]], list[Output]]] = {
    "late": lambda bench, event: run(bench, event, EMPTY_STATE, LONG_AFTER),
    "newer revision seen": lambda bench, event: run(bench, event, KeyedState(7), NEVER),
    "deleted before": lambda bench, event: run(bench, event, KeyedState(-7), NEVER),
    "no such revision": lambda bench, event: run(bench, event, EMPTY_STATE, NEVER),
}
"""States and watermarks in which an event leads to a side event."""


def check(outputs: list[Output]) -> list[dict[str, Any]]:
    """Return the events of the outputs, each of which follows its schema."""
    events = [orjson.loads(output.value) for output in outputs]
    for event in events:
        assert REPOSITORY.get_by_uri(event["$schema"]).describe_violations(event) == ""
        assert event.get("error_type") != "InvalidSideEvent", event["message"]
    return events


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("name", EVENTS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None)
@given(data=st.data())
def test_outputs_follow_their_schemas(name: str, situation: str, data: st.DataObject) -> None:
    """Any subset of the optional fields is missing."""
    bench, event = EVENTS[name]
    paths = paths_of(name)
    missing = data.draw(st.lists(st.sampled_from(paths), unique=True, max_size=len(paths)))
    check(SITUATIONS[situation](bench, remove(event, missing)))


@pytest.mark.parametrize(
    ("situation", "role"),
    [
        ("late", Role.LAPSED_ACTION),
        ("newer revision seen", Role.STATE_INCONSISTENCY),
        ("deleted before", Role.STATE_INCONSISTENCY),
        ("no such revision", Role.FETCH_FAILURE),
    ],
)
def test_each_situation_is_reported(situation: str, role: Role) -> None:
    """The tests above look at side events of each kind."""
    bench, event = EVENTS["create"]
    outputs = SITUATIONS[situation](bench, event)
    assert [output.role for output in outputs] == [role]
    check(outputs)


@pytest.mark.parametrize("name", ["create", "delete", "undelete"])
def test_late_event_without_its_time_of_receipt_is_reported(name: str) -> None:
    """The report has the event's own time in its place; without ids it has none."""
    bench, event = EVENTS[name]
    bare = remove(event, [("meta", field) for field in ("dt", "id", "request_id", "uri")])
    outputs = SITUATIONS["late"](bench, bare)
    assert [output.role for output in outputs] == [Role.LAPSED_ACTION]
    (reported,) = check(outputs)
    assert reported["original_event_info"]["meta"] == {
        "dt": event["dt"],
        "stream": event["meta"]["stream"],
        "domain": DOMAIN,
    }


def test_reconciliation_without_its_time_of_receipt_is_an_error_event() -> None:
    """The published schema of reconciliations requires it."""
    bench, event = EVENTS["reconciliation"]
    (error,) = check(SITUATIONS["late"](bench, remove(event, [("meta", "dt")])))
    assert error["error_type"] == "InvalidEvent"
    assert "dt" in error["message"]
