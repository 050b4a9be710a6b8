"""The ends in memory: faults as elements of the input, and a sink that hangs or breaks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from wikistate.adapters.connectors.memory import Crash, MemorySink, MemorySource, MemoryTopic, Revoke
from wikistate.errors import SinkError, SourceError
from wikistate.streaming.record import Output, Partition, Role

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from wikistate.streaming.record import Record

OUTPUTS = [Output(Role.SINK, None, b"%d" % number, None) for number in range(10)]


async def nothing_revoked(partitions: AbstractSet[Partition]) -> None:
    """Nobody takes anything away."""
    raise AssertionError(partitions)


def values(records: list[Record] | None) -> list[bytes | None]:
    """The values alone."""
    return [record.value for record in records or []]


async def test_a_crash_is_an_element_of_the_input() -> None:
    """The source fails there once; the next one on the topic goes on behind the last commit."""
    topic = MemoryTopic("t", [b"0", b"1"])
    topic.add(Crash())
    topic.append(b"2")
    source = MemorySource(topic)
    await source.open(nothing_revoked)
    assert values(await source.poll(10, 0.0)) == [b"0", b"1"]
    await source.commit({Partition("t"): 1})
    with pytest.raises(SourceError):
        await source.poll(10, 0.0)

    successor = MemorySource(topic)
    await successor.open(nothing_revoked)
    assert values(await successor.poll(10, 0.0)) == [b"1", b"2"]
    assert await successor.poll(10, 0.0) is None


async def test_a_revoked_partition_is_announced_and_then_read_again_from_its_commit() -> None:
    """What the callback commits counts; what was read and not committed comes again, for that partition alone."""
    topic = MemoryTopic("t")
    for number in range(3):
        topic.append(b"a%d" % number, partition=0)
        topic.append(b"b%d" % number, partition=1)
    topic.add(Revoke(frozenset({Partition("t", 0)})))
    topic.append(b"a3", partition=0)
    source = MemorySource(topic)
    announced: list[AbstractSet[Partition]] = []

    async def revoked(partitions: AbstractSet[Partition]) -> None:
        announced.append(partitions)
        await source.commit({Partition("t", 0): 2})

    await source.open(revoked)
    assert len(await source.poll(10, 0.0) or []) == 6
    assert values(await source.poll(10, 0.0)) == [b"a2", b"a3"]
    assert announced == [{Partition("t", 0)}]


async def test_lag_counts_what_is_left_of_each_partition() -> None:
    """The number goes down as records are read."""
    topic = MemoryTopic("t", [b"0", b"1", b"2"])
    source = MemorySource(topic)
    await source.open(nothing_revoked)
    assert source.lag() == {Partition("t"): 3}
    await source.poll(2, 0.0)
    assert source.lag() == {Partition("t"): 1}


async def test_a_full_sink_holds_the_writer() -> None:
    """While it hangs, a sink takes as much as its buffer holds; the rest waits and arrives in order."""
    sink = MemorySink(capacity=4)
    await sink.open()
    sink.hold()
    await sink.write(OUTPUTS[:4])
    blocked = asyncio.create_task(sink.write(OUTPUTS[4:]))
    await asyncio.sleep(0)
    assert not blocked.done()
    assert sink.delivered == []
    sink.release()
    await blocked
    await sink.flush()
    assert sink.delivered == OUTPUTS


async def test_a_broken_sink_loses_its_buffer_and_keeps_what_was_flushed() -> None:
    """As a process that dies: durable is what was flushed."""
    sink = MemorySink()
    await sink.open()
    await sink.write(OUTPUTS[:3])
    await sink.flush()
    await sink.write(OUTPUTS[3:])
    sink.fail_with()
    with pytest.raises(SinkError):
        await sink.flush()
    await sink.close()
    assert sink.delivered == OUTPUTS[:3]
