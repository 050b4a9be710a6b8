"""Error events read back."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wikistate.core.events.error_event import Emitter, error_event
from wikistate.core.events.failed import Choice, Failed, Fate
from wikistate.core.events.timestamps import format_timestamp

NOON = 1_768_478_400_000
EMITTER = Emitter(emitter_id="job", stream="job.error", source_stream="changes", source_schema_uri="/page/change/1.7.0")


def failed(raw: bytes | None = b"{}", *, error_type: str = "ServerError", limit: int = 1000, **more: Any) -> bytes:
    """An error event as a job writes it."""
    event = error_event(
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
    assert Choice().judge(failed(raw, limit=10**6)) == Failed("ServerError", Fate.REPLAYED, raw)


@pytest.mark.parametrize(
    ("value", "fate"),
    [
        (failed(b"x" * 100, limit=50), Fate.CUT),
        (failed(None), Fate.NO_ORIGINAL),
        (failed(meta={"domain": "canary", "stream": "job.error"}), Fate.CANARY),
        (b'{"$schema":"/mediawiki/page/change/1.7.0"}', Fate.NO_ERROR_EVENT),
        (b"[]", Fate.NO_ERROR_EVENT),
        (b"no JSON", Fate.NO_ERROR_EVENT),
        (None, Fate.NO_ERROR_EVENT),
    ],
)
def test_what_cannot_be_done_again_is_named(value: bytes | None, fate: Fate) -> None:
    """Nothing is guessed: half an event is none."""
    assert Choice().judge(value).fate is fate


@pytest.mark.parametrize(
    ("choice", "chosen"),
    [
        (Choice(types=frozenset({"ServerError", "Other"})), True),
        (Choice(types=frozenset({"Other"})), False),
        (Choice(since=NOON), True),
        (Choice(since=NOON + 1), False),
        (Choice(until=NOON + 1), True),
        (Choice(until=NOON), False),
    ],
)
def test_a_choice_is_by_type_and_by_the_time_of_the_failure(choice: Choice, chosen: bool) -> None:  # noqa: FBT001  (a case)
    """From `since` on and before `until`."""
    fate = choice.judge(failed()).fate
    assert fate is (Fate.REPLAYED if chosen else Fate.NOT_CHOSEN)


def test_an_error_event_without_a_time_is_in_no_period() -> None:
    """Only a choice without bounds takes it."""
    value = failed(dt="yesterday")
    assert Choice().judge(value).fate is Fate.REPLAYED
    assert Choice(since=0).judge(value).fate is Fate.NOT_CHOSEN
    assert format_timestamp(NOON) == orjson.loads(failed())["dt"]
