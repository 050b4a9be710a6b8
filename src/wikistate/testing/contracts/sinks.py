"""The contract of sinks: the tests that each implementation of `Sink` passes.

A sink over a queue is tested in these lines, in a file of your tests::

    class QueuePlace:
        def __init__(self): self.queue = Queue()
        def sink(self): return QueueSink(self.queue)
        def broken_sink(self): return QueueSink(FullQueue())
        def read_values(self): return [output.value for output in self.queue]

    class TestQueueSink(SinkContract):
        @pytest.fixture
        def place(self): return QueuePlace()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

from wikistate.errors import SinkError
from wikistate.streaming.record import Output, Role

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wikistate.streaming.ports import Sink

VALUES = [b'{"n":%d}' % number for number in range(250)]


class SinkPlace(Protocol):
    """A place that a sink writes, empty at the start of each test."""

    def sink(self) -> Sink:
        """Return a new sink that writes there."""

    def broken_sink(self) -> Sink:
        """Return a sink that cannot make its outputs durable; `open`, `write` or `flush` may report it."""

    def read_values(self) -> list[bytes]:
        """Return the values that another reader sees there now, in order."""


def make_outputs(values: Iterable[bytes]) -> list[Output]:
    """Return outputs of one key, at a fixed time."""
    return [Output(Role.SINK, b"key", value, 1_700_000_000_000) for value in values]


@pytest.mark.asyncio
class SinkContract:
    """The tests of each sink."""

    @pytest.fixture
    def place(self) -> SinkPlace:
        """Return the place that is written. Subclasses override this fixture."""
        raise NotImplementedError("Override the fixture `place`.")

    async def test_flushed_outputs_are_visible_to_others_in_order(self, place: SinkPlace) -> None:
        """After a flush another reader sees all outputs, while the sink is still open."""
        sink = place.sink()
        await sink.open()
        for start in range(0, 250, 50):
            await sink.write(make_outputs(VALUES[start : start + 50]))
        await sink.flush()
        assert place.read_values() == VALUES
        await sink.close()

    async def test_each_flush_publishes_outputs_since_last_flush(self, place: SinkPlace) -> None:
        """A flush without outputs changes nothing."""
        sink = place.sink()
        await sink.open()
        await sink.flush()
        assert place.read_values() == []
        await sink.write(make_outputs(VALUES[:10]))
        await sink.flush()
        await sink.flush()
        assert place.read_values() == VALUES[:10]
        await sink.write(make_outputs(VALUES[10:20]))
        await sink.write([])
        await sink.flush()
        assert place.read_values() == VALUES[:20]
        await sink.close()

    async def test_close_flushes(self, place: SinkPlace) -> None:
        """`close` makes the written outputs durable if that is possible."""
        sink = place.sink()
        await sink.open()
        await sink.write(make_outputs(VALUES))
        await sink.close()
        assert place.read_values() == VALUES

    async def test_next_sink_appends(self, place: SinkPlace) -> None:
        """A restart changes none of the earlier outputs."""
        for part in (VALUES[:100], VALUES[100:]):
            sink = place.sink()
            await sink.open()
            await sink.write(make_outputs(part))
            await sink.flush()
            await sink.close()
        assert place.read_values() == VALUES

    async def test_outputs_larger_than_any_buffer_are_complete(self, place: SinkPlace) -> None:
        """Ten megabytes in one call arrive in order."""
        values = [b"%05d" % number + b"x" * 1995 for number in range(5000)]
        sink = place.sink()
        await sink.open()
        await sink.write(make_outputs(values))
        await sink.flush()
        assert place.read_values() == values
        await sink.close()

    async def test_huge_and_unicode_outputs_are_unchanged(self, place: SinkPlace) -> None:
        """A page of six megabytes, a text in many scripts and an empty object arrive as written."""
        values = [b"%08d" % 7 * 750_000, "Ελλάς 中文 🦊".encode(), b"{}"]
        sink = place.sink()
        await sink.open()
        await sink.write(make_outputs(values))
        await sink.flush()
        assert place.read_values() == values
        await sink.close()

    async def test_outputs_without_key_and_timestamp_are_accepted(self, place: SinkPlace) -> None:
        """A stream may have no key, and an event may state no time."""
        sink = place.sink()
        await sink.open()
        await sink.write([Output(Role.ERROR, None, b"{}", None)])
        await sink.flush()
        assert place.read_values() == [b"{}"]
        await sink.close()

    async def test_failure_is_raised_by_each_later_call(self, place: SinkPlace) -> None:
        """An output that is not durable fails the flush and all later calls: nothing may be committed after it."""
        sink = place.broken_sink()
        with pytest.raises(SinkError) as caught:
            await _write_and_flush(sink)
        assert caught.value.message
        with pytest.raises(SinkError):
            await sink.write(make_outputs(VALUES[:1]))
        with pytest.raises(SinkError):
            await sink.flush()
        await sink.close()

    async def test_sink_can_be_closed_twice_and_before_open(self, place: SinkPlace) -> None:
        """`close` is always safe."""
        sink = place.sink()
        await sink.close()
        await sink.open()
        await sink.close()
        await sink.close()
        assert place.read_values() == []


async def _write_and_flush(sink: Sink) -> None:
    await sink.open()
    await sink.write(make_outputs([b"x" * 100_000]))
    await sink.flush()
