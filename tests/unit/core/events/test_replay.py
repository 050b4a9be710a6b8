"""Replay: error events are read back."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wikistate.core.events.error_event import Emitter, build_error_event
from wikistate.core.events.replay import FailedEvent, ReplayFilter, ReplayStatus
from wikistate.core.events.timestamps import format_timestamp

NOON = 1_768_478_400_000
EMITTER = Emitter(emitter_id="job", stream="job.error", source_stream="changes", source_schema_uri="/page/change/1.7.0")


def failed(raw: bytes | None = b"{}", *, error_type: str = "ServerError", limit: int = 1000, **more: Any) -> bytes:
    """Return an error event as a job writes it."""
    event = build_error_event(
        EMITTER,
        error_type=error_type,
        message="Down.",
        raw=raw,
        event=None,
        now=NOON,
        event_id="id",
        max_raw_bytes=limit,
    )
    return orjson.dumps(event | more)


@given(st.text())
def test_original_event_comes_back_unchanged(text: str) -> None:
    """For any text: an original that the error event holds whole can be processed again."""
    raw = text.encode(errors="backslashreplace")
    assert ReplayFilter().classify(failed(raw, limit=10**6)) == FailedEvent("ServerError", ReplayStatus.REPLAYED, raw)


@pytest.mark.parametrize(
    ("value", "status"),
    [
        (failed(b"x" * 100, limit=50), ReplayStatus.TRUNCATED),
        (failed(None), ReplayStatus.NO_ORIGINAL),
        (failed(meta={"domain": "canary", "stream": "job.error"}), ReplayStatus.CANARY),
        (b'{"$schema":"/mediawiki/page/change/1.7.0"}', ReplayStatus.NOT_AN_ERROR_EVENT),
        (b"[]", ReplayStatus.NOT_AN_ERROR_EVENT),
        (b"no JSON", ReplayStatus.NOT_AN_ERROR_EVENT),
        (None, ReplayStatus.NOT_AN_ERROR_EVENT),
    ],
)
def test_event_that_cannot_be_replayed_has_a_status(value: bytes | None, status: ReplayStatus) -> None:
    """Nothing is guessed: a part of an event is not an event."""
    assert ReplayFilter().classify(value).status is status


@pytest.mark.parametrize(
    ("replay_filter", "is_selected"),
    [
        (ReplayFilter(types=frozenset({"ServerError", "Other"})), True),
        (ReplayFilter(types=frozenset({"Other"})), False),
        (ReplayFilter(since=NOON), True),
        (ReplayFilter(since=NOON + 1), False),
        (ReplayFilter(until=NOON + 1), True),
        (ReplayFilter(until=NOON), False),
    ],
)
def test_filter_selects_by_type_and_by_time_of_the_failure(replay_filter: ReplayFilter, is_selected: bool) -> None:  # noqa: FBT001  (a case)
    """`since` is inclusive and `until` is exclusive."""
    status = replay_filter.classify(failed()).status
    assert status is (ReplayStatus.REPLAYED if is_selected else ReplayStatus.NOT_SELECTED)


def test_error_event_without_a_time_is_outside_every_period() -> None:
    """Only a filter without bounds selects it."""
    value = failed(dt="yesterday")
    assert ReplayFilter().classify(value).status is ReplayStatus.REPLAYED
    assert ReplayFilter(since=0).classify(value).status is ReplayStatus.NOT_SELECTED
    assert format_timestamp(NOON) == orjson.loads(failed())["dt"]
