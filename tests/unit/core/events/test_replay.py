"""Error events read back."""

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
    """An error event as a job writes it."""
    event = build_error_event(
        EMITTER,
        error_type=error_type,
        message="Down.",
        raw=raw,
        event=None,
        now=NOON,
        new_id=lambda: "id",
        max_raw_bytes=limit,
    )
    return orjson.dumps(event | more)


@given(st.text())
def test_the_original_comes_back_as_it_was(text: str) -> None:
    """Any text: what an error event holds whole can be done again."""
    raw = text.encode(errors="backslashreplace")
    assert ReplayFilter().classify(failed(raw, limit=10**6)) == FailedEvent("ServerError", ReplayStatus.REPLAYED, raw)


@pytest.mark.parametrize(
    ("value", "fate"),
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
def test_what_cannot_be_done_again_is_named(value: bytes | None, fate: ReplayStatus) -> None:
    """Nothing is guessed: half an event is none."""
    assert ReplayFilter().classify(value).status is fate


@pytest.mark.parametrize(
    ("choice", "chosen"),
    [
        (ReplayFilter(types=frozenset({"ServerError", "Other"})), True),
        (ReplayFilter(types=frozenset({"Other"})), False),
        (ReplayFilter(since=NOON), True),
        (ReplayFilter(since=NOON + 1), False),
        (ReplayFilter(until=NOON + 1), True),
        (ReplayFilter(until=NOON), False),
    ],
)
def test_a_choice_is_by_type_and_by_the_time_of_the_failure(choice: ReplayFilter, chosen: bool) -> None:  # noqa: FBT001  (a case)
    """From `since` on and before `until`."""
    fate = choice.classify(failed()).status
    assert fate is (ReplayStatus.REPLAYED if chosen else ReplayStatus.NOT_SELECTED)


def test_an_error_event_without_a_time_is_in_no_period() -> None:
    """Only a choice without bounds takes it."""
    value = failed(dt="yesterday")
    assert ReplayFilter().classify(value).status is ReplayStatus.REPLAYED
    assert ReplayFilter(since=0).classify(value).status is ReplayStatus.NOT_SELECTED
    assert format_timestamp(NOON) == orjson.loads(failed())["dt"]
