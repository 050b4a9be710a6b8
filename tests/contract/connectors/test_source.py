"""What every source must do, whatever it reads from."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from wikistate.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from tests.contract.connectors.conftest import SourceHarness

    from wikistate.streaming.ports import Source
    from wikistate.streaming.record import Partition, Record

VALUES = [b'{"n":%d}' % number for number in range(100)]


async def nothing_revoked(partitions: AbstractSet[Partition]) -> None:
    """Nobody takes partitions away in this suite."""
    raise AssertionError(partitions)


async def read_all(source: Source, limit: int = 500) -> list[Record]:
    """Everything up to the end of a bounded source."""
    records: list[Record] = []
    while (batch := await source.poll(limit, 5.0)) is not None:
        assert len(batch) <= limit
        records += batch
    return records


async def read_some(source: Source, count: int, limit: int = 500) -> list[Record]:
    """As many records as are asked for, of a source that waits."""
    records: list[Record] = []
    async with asyncio.timeout(60):
        while len(records) < count:
            records += await source.poll(min(limit, count - len(records)), 5.0) or []
    return records


async def opened(source: Source) -> Source:
    """The source, open."""
    await source.open(nothing_revoked)
    return source


async def test_records_come_in_order_with_growing_offsets_of_one_partition(source_place: SourceHarness) -> None:
    """Order within a partition is the order of offsets, and nothing is left out or doubled."""
    source_place.fill(VALUES)
    source = await opened(source_place.source())
    records = await read_all(source)
    assert [record.value for record in records] == VALUES
    assert [record.offset for record in records] == list(range(100))
    assert len({record.partition for record in records}) == 1
    assert {record.truncated_bytes for record in records} == {0}
    await source.close()


async def test_a_bounded_source_ends_and_stays_ended(source_place: SourceHarness) -> None:
    """None comes once everything was read, and again when asked again."""
    source_place.fill(VALUES[:3])
    source = await opened(source_place.source())
    await read_all(source)
    assert await source.poll(10, 0.0) is None
    await source.close()


async def test_an_empty_place_ends_at_once(source_place: SourceHarness) -> None:
    """A bounded source of nothing has no records and no error."""
    source = await opened(source_place.source())
    assert await read_all(source) == []
    await source.close()


@pytest.mark.parametrize("limit", [1, 7, 100, 1000])
async def test_a_poll_never_returns_more_than_its_limit(source_place: SourceHarness, limit: int) -> None:
    """Small limits cut batches and lose nothing."""
    source_place.fill(VALUES)
    source = await opened(source_place.source())
    assert [record.value for record in await read_all(source, limit)] == VALUES
    await source.close()


async def test_a_poll_without_room_reads_nothing(source_place: SourceHarness) -> None:
    """`limit=0` returns an empty list; everything is still there afterwards."""
    source_place.fill(VALUES)
    source = await opened(source_place.source())
    for _ in range(3):
        assert await source.poll(0, 0.0) == []
    assert [record.value for record in await read_all(source)] == VALUES
    await source.close()


async def test_blank_unicode_and_odd_bytes_arrive_as_they_are(source_place: SourceHarness) -> None:
    """A source hands bytes over and judges none of them."""
    odd = [b"", "Ελλάς 中文 🦊".encode(), b"\r", b"\x00\xff", b"", b"{}"]
    source_place.fill(odd)
    source = await opened(source_place.source())
    assert [record.value for record in await read_all(source)] == odd
    await source.close()


async def test_a_record_of_several_megabytes_arrives_whole(source_place: SourceHarness) -> None:
    """Records are far larger than the chunks and packets that carry them."""
    huge = b"".join(b"%08d" % number for number in range(750_000))
    source_place.fill([b"before", huge, b"after"])
    source = await opened(source_place.source())
    assert [record.value for record in await read_all(source)] == [b"before", huge, b"after"]
    await source.close()


async def test_a_new_source_starts_at_the_last_commit(lasting_place: SourceHarness) -> None:
    """After a crash the next source reads what was not committed, and no more."""
    lasting_place.fill(VALUES)
    source = await opened(lasting_place.source())
    partition = (await read_all(source))[0].partition
    await source.commit({partition: 40})
    await source.commit({partition: 60})
    await source.close()

    successor = await opened(lasting_place.source())
    assert [record.offset for record in await read_all(successor)] == list(range(60, 100))
    await successor.close()


async def test_without_a_commit_everything_is_read_again(lasting_place: SourceHarness) -> None:
    """Reading commits nothing, and closing commits nothing."""
    lasting_place.fill(VALUES)
    source = await opened(lasting_place.source())
    await read_all(source)
    await source.commit({})
    await source.close()

    successor = await opened(lasting_place.source())
    assert [record.value for record in await read_all(successor)] == VALUES
    await successor.close()


async def test_an_empty_poll_waits_and_returns_an_empty_list(growing_place: SourceHarness) -> None:
    """Nothing to read is no end and no error, and costs no busy loop."""
    source = await opened(growing_place.unbounded_source())
    begin = time.monotonic()
    assert await source.poll(10, 0.3) == []
    assert time.monotonic() - begin > 0.25
    await source.close()


async def test_a_poll_returns_as_soon_as_there_is_a_record(growing_place: SourceHarness) -> None:
    """It does not wait for a full batch: the poll's patience is much longer than the test's."""
    source = await opened(growing_place.unbounded_source())
    growing_place.fill(VALUES[:1])
    async with asyncio.timeout(60):
        assert [record.value for record in await source.poll(500, 3600.0) or []] == VALUES[:1]
    await source.close()


async def test_a_cancelled_poll_loses_nothing(growing_place: SourceHarness) -> None:
    """What a cancelled poll was about to return comes with the next one."""
    source = await opened(growing_place.unbounded_source())
    poll = asyncio.create_task(source.poll(500, 3600.0))
    await asyncio.sleep(0)
    poll.cancel()
    with pytest.raises(asyncio.CancelledError):
        await poll
    growing_place.fill(VALUES)
    assert [record.value for record in await read_some(source, 100)] == VALUES
    await source.close()


async def test_a_commit_is_not_held_up_by_a_waiting_poll(growing_place: SourceHarness) -> None:
    """A commit beside a poll that waits an hour returns soon."""
    source = await opened(growing_place.unbounded_source())
    growing_place.fill(VALUES)
    partition = (await read_some(source, 100))[0].partition
    poll = asyncio.create_task(source.poll(500, 3600.0))
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        await source.commit({partition: 100})
    poll.cancel()
    with pytest.raises(asyncio.CancelledError):
        await poll
    await source.close()


async def test_opening_what_does_not_exist_says_so(source_place: SourceHarness) -> None:
    """The error names what is missing and says what to do; closing afterwards works."""
    source = source_place.missing_source()
    if source is None:
        return  # memory and pipes exist by being handed over
    with pytest.raises(SourceError, match="missing") as caught:
        await source.open(nothing_revoked)
    assert caught.value.hint
    await source.close()


async def test_a_source_may_be_closed_twice_and_unopened(source_place: SourceHarness) -> None:
    """Closing is always safe."""
    source = source_place.source()
    await source.close()
    opened_source = await opened(source)
    await opened_source.close()
    await opened_source.close()


async def test_a_source_may_be_closed_in_the_middle(source_place: SourceHarness) -> None:
    """A job that stops early lets go of the source without reading the rest."""
    source_place.fill(VALUES)
    source = await opened(source_place.source())
    assert await source.poll(1, 5.0)
    assert all(count >= 0 for count in source.lag().values())
    await source.close()
