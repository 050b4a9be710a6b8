"""What every sink must do, whatever it writes to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from wikistate.errors import SinkError
from wikistate.streaming.record import Output, Role

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.contract.connectors.conftest import SinkHarness

    from wikistate.streaming.ports import Sink

VALUES = [b'{"n":%d}' % number for number in range(250)]


def outputs(values: Iterable[bytes]) -> list[Output]:
    """Outputs of one key, at a fixed time."""
    return [Output(Role.SINK, b"key", value, 1_700_000_000_000) for value in values]


async def test_what_was_flushed_is_there_for_others_in_order(sink_place: SinkHarness) -> None:
    """After a flush another reader sees everything, while the sink is still open."""
    sink = sink_place.sink()
    await sink.open()
    for start in range(0, 250, 50):
        await sink.write(outputs(VALUES[start : start + 50]))
    await sink.flush()
    assert sink_place.read_values() == VALUES
    await sink.close()


async def test_several_flushes_follow_one_another(sink_place: SinkHarness) -> None:
    """Each flush makes what came since the last one visible; an empty one changes nothing."""
    sink = sink_place.sink()
    await sink.open()
    await sink.flush()
    assert sink_place.read_values() == []
    await sink.write(outputs(VALUES[:10]))
    await sink.flush()
    await sink.flush()
    assert sink_place.read_values() == VALUES[:10]
    await sink.write(outputs(VALUES[10:20]))
    await sink.write([])
    await sink.flush()
    assert sink_place.read_values() == VALUES[:20]
    await sink.close()


async def test_closing_flushes(sink_place: SinkHarness) -> None:
    """What can be flushed when the sink closes is flushed."""
    sink = sink_place.sink()
    await sink.open()
    await sink.write(outputs(VALUES))
    await sink.close()
    assert sink_place.read_values() == VALUES


async def test_the_next_sink_writes_behind_the_last_one(sink_place: SinkHarness) -> None:
    """A restart appends, and changes nothing of what is there."""
    for part in (VALUES[:100], VALUES[100:]):
        sink = sink_place.sink()
        await sink.open()
        await sink.write(outputs(part))
        await sink.flush()
        await sink.close()
    assert sink_place.read_values() == VALUES


async def test_more_than_any_buffer_arrives(sink_place: SinkHarness) -> None:
    """Ten megabytes in one call go through, in order."""
    values = [b"%05d" % number + b"x" * 1995 for number in range(5000)]
    sink = sink_place.sink()
    await sink.open()
    await sink.write(outputs(values))
    await sink.flush()
    assert sink_place.read_values() == values
    await sink.close()


async def test_huge_and_unicode_outputs_arrive_as_they_are(sink_place: SinkHarness) -> None:
    """A page of six megabytes, one in many scripts, and an empty object."""
    values = [b"%08d" % 7 * 750_000, "Ελλάς 中文 🦊".encode(), b"{}"]
    sink = sink_place.sink()
    await sink.open()
    await sink.write(outputs(values))
    await sink.flush()
    assert sink_place.read_values() == values
    await sink.close()


async def test_outputs_without_key_and_timestamp_are_taken(sink_place: SinkHarness) -> None:
    """An unkeyed stream, and an event that states no time."""
    sink = sink_place.sink()
    await sink.open()
    await sink.write([Output(Role.ERROR, None, b"{}", None)])
    await sink.flush()
    assert sink_place.read_values() == [b"{}"]
    await sink.close()


async def test_a_failure_is_raised_and_stays(sink_place: SinkHarness) -> None:
    """Whatever could not be made durable fails the flush, and every later call: nothing may be committed after it."""
    sink = sink_place.broken_sink()
    with pytest.raises(SinkError) as caught:
        await _use(sink)
    assert caught.value.message
    with pytest.raises(SinkError):
        await sink.write(outputs(VALUES[:1]))
    with pytest.raises(SinkError):
        await sink.flush()
    await sink.close()


async def _use(sink: Sink) -> None:
    """Open, write and flush."""
    await sink.open()
    await sink.write(outputs([b"x" * 100_000]))
    await sink.flush()


async def test_a_sink_may_be_closed_twice_and_unopened(sink_place: SinkHarness) -> None:
    """Closing is always safe."""
    sink = sink_place.sink()
    await sink.close()
    await sink.open()
    await sink.close()
    await sink.close()
    assert sink_place.read_values() == []
