"""The outputs of single records under every runner: keys, timestamps, poison records, errors."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import orjson
from tests.contract.runner.jobs import PoisonRecord

from wikistate.streaming.record import Role
from wikistate.testing.faults import HttpStatus

if TYPE_CHECKING:
    from tests.contract.runner.deployment import Deployment
    from tests.contract.runner.restartable_wiki import RestartableWiki

HUGE = b"x" * 3_000_000
"""Larger than the default limit of a producer, and therefore larger than an error event may be."""

POISON = {
    "not-json": b"{not json",
    "not-utf-8": b"\x00\xff",
    "empty": b"",
    "no-object": b"[1, 2]",
    "another-schema": orjson.dumps({"$schema": "/another/1.0.0", "meta": {"stream": "another"}}),
    "huge": HUGE,
}


def test_output_has_the_key_of_its_page_and_the_time_of_its_event(running: Deployment) -> None:
    """The timestamp of the source record does not count."""
    changes = running.new_changes(pages=3, numbers=2)
    with running.outputs() as outputs:
        running.write(changes)
        running.wait_until(lambda: len(outputs.changes()) >= len(changes))
        found = {seen.change: (seen.record.key, seen.record.timestamp) for seen in outputs.read()}
    case = running.case
    assert found == {change: (case.key(change.page), case.timestamp(change)) for change in changes}


def test_each_poison_record_becomes_one_error_event(running: Deployment) -> None:
    """It holds the record, or its beginning if the record is too large. It has no key, and the current time."""
    (change,) = running.new_changes()
    started = int(time.time() * 1000)
    with running.outputs() as outputs:
        running.write([PoisonRecord(change.page, value) for value in POISON.values()])
        running.wait_until(lambda: len(outputs.error_events_without_change()) >= len(POISON))
        found = [seen.record for seen in outputs.error_events_without_change()]
        assert outputs.changes() == []
    raw = sorted(orjson.loads(each.value or b"")["raw_event"] for each in found)
    *whole, truncated = sorted(raw, key=len)
    assert sorted(whole) == sorted(
        value.decode(errors="backslashreplace") for value in POISON.values() if value != HUGE
    )
    assert HUGE.startswith(truncated.encode())
    assert {each.key for each in found} == {None}
    assert all(started - 1000 <= each.timestamp <= int(time.time() * 1000) + 1000 for each in found)


def test_poison_records_stop_no_other_event(running: Deployment) -> None:
    """Events of the same page before, between and behind them are written in order."""
    changes = running.new_changes(numbers=len(POISON) + 1)
    between = [PoisonRecord(changes[0].page, value) for value in POISON.values()]
    records = [record for pair in zip(changes, between, strict=False) for record in pair]
    with running.outputs() as outputs:
        running.write([*records, changes[-1]])
        running.wait_until(lambda: len(outputs.read()) >= len(changes) + len(POISON))
        assert outputs.changes() == changes


def test_tombstone_has_no_output_and_stops_no_other_event(running: Deployment) -> None:
    """The events around it are written, and it has no output on either stream."""
    first, second = running.new_changes(numbers=2)
    with running.outputs() as outputs:
        running.write([first, PoisonRecord(first.page, None), second])
        running.wait_until(lambda: second in outputs.changes())
        assert outputs.changes() == [first, second]
        assert outputs.error_events_without_change() == []


def test_failed_event_becomes_an_error_event_and_the_next_of_its_page_follows(
    running: Deployment, wiki: RestartableWiki
) -> None:
    """The error event names the change; the changes of the page before and behind it are enriched."""
    first, wrong, last = running.new_changes(numbers=3)
    wiki.set_faults(running.case.rule(HttpStatus(404), [wrong]))
    running.failed_changes.add(wrong)
    with running.outputs() as outputs:
        running.write([first, wrong, last])
        running.wait_until(lambda: len(outputs.read()) >= 3)
        assert outputs.changes() == [first, last]
        assert outputs.changes(Role.ERROR) == [wrong]
