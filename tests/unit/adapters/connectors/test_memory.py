"""The memory connector: faults are elements of the input, and a sink may hang or break."""

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


async def ignore_revocation(partitions: AbstractSet[Partition]) -> None:
    """Commit nothing when partitions are revoked."""
    raise AssertionError(partitions)


def values(records: list[Record] | None) -> list[bytes | None]:
    """Return the values of records."""
    return [record.value for record in records or []]


async def test_crash_element_fails_source_once() -> None:
    """The next source on the topic resumes after the last commit."""
    topic = MemoryTopic("t", [b"0", b"1"])
    topic.add(Crash())
    topic.append(b"2")
    source = MemorySource(topic)
    await source.open(ignore_revocation)
    assert values(await source.poll(10, 0.0)) == [b"0", b"1"]
    await source.commit({Partition("t"): 1})
    with pytest.raises(SourceError):
        await source.poll(10, 0.0)

    successor = MemorySource(topic)
    await successor.open(ignore_revocation)
    assert values(await successor.poll(10, 0.0)) == [b"1", b"2"]
    assert await successor.poll(10, 0.0) is None


async def test_revoked_partition_is_read_again_from_its_commit() -> None:
    """The callback may commit; uncommitted records of that partition are read again."""
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


async def test_lag_counts_remaining_records_of_each_partition() -> None:
    """The number decreases as records are read."""
    topic = MemoryTopic("t", [b"0", b"1", b"2"])
    source = MemorySource(topic)
    await source.open(ignore_revocation)
    assert source.lag() == {Partition("t"): 3}
    await source.poll(2, 0.0)
    assert source.lag() == {Partition("t"): 1}


async def test_full_sink_blocks_writer() -> None:
    """A sink that hangs accepts as many outputs as its buffer holds; the others wait and arrive in order."""
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


async def test_broken_sink_loses_its_buffer_and_keeps_flushed_outputs() -> None:
    """As in a crash of the process, only flushed outputs are durable."""
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
