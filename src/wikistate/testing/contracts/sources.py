"""The contract of sources: the tests that each implementation of `Source` passes.

A source over a queue is tested in these lines, in a file of your tests::

    class QueuePlace:
        def __init__(self): self.queue = Queue()
        def fill(self, values): self.queue.extend(values)
        def source(self): return QueueSource(self.queue, ends=True)
        def unbounded_source(self): return QueueSource(self.queue, ends=False)
        def missing_source(self): return QueueSource(None)

    class TestQueueSource(SourceContract, CommitContract, UnboundedSourceContract):
        @pytest.fixture
        def place(self): return QueuePlace()

`SourceContract` applies to each source, `CommitContract` to sources whose commits outlive them, and
`UnboundedSourceContract` to sources that wait for more records.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol

import pytest

from wikistate.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from collections.abc import Set as AbstractSet

    from wikistate.streaming.ports import Source
    from wikistate.streaming.record import Partition, Record

VALUES = [b'{"n":%d}' % number for number in range(100)]


class SourcePlace(Protocol):
    """A place with one partition that a source reads, empty at the start of each test."""

    def fill(self, values: Sequence[bytes]) -> None:
        """Append records with these values."""

    def source(self) -> Source:
        """Return a new source that reads all records of the place and then ends."""

    def missing_source(self) -> Source | None:
        """Return a source of a place that does not exist, with ``missing`` in its name; None if there is none."""


class UnboundedSourcePlace(SourcePlace, Protocol):
    """A place whose source can wait for more records."""

    def unbounded_source(self) -> Source:
        """Return a new source that reads all records of the place and then waits for more."""


async def reject_revocation(partitions: AbstractSet[Partition]) -> None:
    """Fail: no test revokes partitions."""
    raise AssertionError(partitions)


async def open_source(source: Source) -> Source:
    """Return the source, open."""
    await source.open(reject_revocation)
    return source


async def read_all(source: Source, limit: int = 500) -> list[Record]:
    """Return all records of a bounded source."""
    records: list[Record] = []
    while (batch := await source.poll(limit, 5.0)) is not None:
        assert len(batch) <= limit
        records += batch
    return records


async def read_some(source: Source, count: int, limit: int = 500) -> list[Record]:
    """Return a number of records of an unbounded source."""
    records: list[Record] = []
    async with asyncio.timeout(60):
        while len(records) < count:
            records += await source.poll(min(limit, count - len(records)), 5.0) or []
    return records


@pytest.mark.asyncio
class SourceContract:
    """The tests of each source."""

    @pytest.fixture
    def place(self) -> SourcePlace:
        """Return the place that is read. Subclasses override this fixture."""
        raise NotImplementedError("Override the fixture `place`.")

    async def test_records_are_in_order_with_growing_offsets_of_one_partition(self, place: SourcePlace) -> None:
        """Order within a partition is the order of offsets; no record is missing or repeated."""
        place.fill(VALUES)
        source = await open_source(place.source())
        records = await read_all(source)
        assert [record.value for record in records] == VALUES
        assert [record.offset for record in records] == list(range(100))
        assert len({record.partition for record in records}) == 1
        assert {record.truncated_bytes for record in records} == {0}
        await source.close()

    async def test_bounded_source_ends_and_stays_ended(self, place: SourcePlace) -> None:
        """`poll` returns None after the last record, and again at the next call."""
        place.fill(VALUES[:3])
        source = await open_source(place.source())
        await read_all(source)
        assert await source.poll(10, 0.0) is None
        await source.close()

    async def test_empty_place_ends_immediately(self, place: SourcePlace) -> None:
        """A bounded source of an empty place has neither records nor an error."""
        source = await open_source(place.source())
        assert await read_all(source) == []
        await source.close()

    @pytest.mark.parametrize("limit", [1, 7, 100, 1000])
    async def test_poll_returns_at_most_its_limit(self, place: SourcePlace, limit: int) -> None:
        """Small limits split batches and lose no record."""
        place.fill(VALUES)
        source = await open_source(place.source())
        assert [record.value for record in await read_all(source, limit)] == VALUES
        await source.close()

    async def test_poll_with_limit_zero_reads_no_record(self, place: SourcePlace) -> None:
        """`limit=0` returns an empty list; all records are still there afterwards."""
        place.fill(VALUES)
        source = await open_source(place.source())
        for _ in range(3):
            assert await source.poll(0, 0.0) == []
        assert [record.value for record in await read_all(source)] == VALUES
        await source.close()

    async def test_blank_unicode_and_binary_values_are_unchanged(self, place: SourcePlace) -> None:
        """A source returns bytes and does not interpret them."""
        values = [b"", "Ελλάς 中文 🦊".encode(), b"\r", b"\x00\xff", b"", b"{}"]
        place.fill(values)
        source = await open_source(place.source())
        assert [record.value for record in await read_all(source)] == values
        await source.close()

    async def test_record_of_several_megabytes_is_complete(self, place: SourcePlace) -> None:
        """Records are far larger than the chunks and packets that carry them."""
        huge = b"".join(b"%08d" % number for number in range(750_000))
        place.fill([b"before", huge, b"after"])
        source = await open_source(place.source())
        assert [record.value for record in await read_all(source)] == [b"before", huge, b"after"]
        await source.close()

    async def test_error_of_missing_source_names_it(self, place: SourcePlace) -> None:
        """The error names the missing place and the next step; the source can be closed afterwards."""
        source = place.missing_source()
        if source is None:
            return  # the caller of such a source passes a place that exists
        with pytest.raises(SourceError, match="missing") as caught:
            await source.open(reject_revocation)
        assert caught.value.hint
        await source.close()

    async def test_source_can_be_closed_twice_and_before_open(self, place: SourcePlace) -> None:
        """`close` is always safe."""
        source = place.source()
        await source.close()
        opened = await open_source(source)
        await opened.close()
        await opened.close()

    async def test_source_can_be_closed_before_its_end(self, place: SourcePlace) -> None:
        """A job that stops early releases the source without reading the rest."""
        place.fill(VALUES)
        source = await open_source(place.source())
        assert await source.poll(1, 5.0)
        assert all(count >= 0 for count in source.lag().values())
        await source.close()


@pytest.mark.asyncio
class CommitContract:
    """The tests of sources whose commits outlive them."""

    @pytest.fixture
    def place(self) -> SourcePlace:
        """Return the place that is read. Subclasses override this fixture."""
        raise NotImplementedError("Override the fixture `place`.")

    async def test_new_source_starts_at_last_commit(self, place: SourcePlace) -> None:
        """After a crash the next source reads the records that were not committed, and no others."""
        place.fill(VALUES)
        source = await open_source(place.source())
        partition = (await read_all(source))[0].partition
        await source.commit({partition: 40})
        await source.commit({partition: 60})
        await source.close()

        successor = await open_source(place.source())
        assert [record.offset for record in await read_all(successor)] == list(range(60, 100))
        await successor.close()

    async def test_all_records_are_read_again_without_commit(self, place: SourcePlace) -> None:
        """Neither reading nor closing commits."""
        place.fill(VALUES)
        source = await open_source(place.source())
        await read_all(source)
        await source.commit({})
        await source.close()

        successor = await open_source(place.source())
        assert [record.value for record in await read_all(successor)] == VALUES
        await successor.close()


@pytest.mark.asyncio
class UnboundedSourceContract:
    """The tests of sources that wait for more records."""

    @pytest.fixture
    def place(self) -> UnboundedSourcePlace:
        """Return the place that is read. Subclasses override this fixture."""
        raise NotImplementedError("Override the fixture `place`.")

    async def test_poll_without_records_waits_and_returns_empty_list(self, place: UnboundedSourcePlace) -> None:
        """An empty place is neither an end nor an error, and causes no busy loop."""
        source = await open_source(place.unbounded_source())
        begin = time.monotonic()
        assert await source.poll(10, 0.3) == []
        assert time.monotonic() - begin > 0.25
        await source.close()

    async def test_poll_returns_as_soon_as_there_is_a_record(self, place: UnboundedSourcePlace) -> None:
        """It does not wait for a full batch: the wait of the poll is much longer than the timeout of the test."""
        source = await open_source(place.unbounded_source())
        place.fill(VALUES[:1])
        async with asyncio.timeout(60):
            assert [record.value for record in await source.poll(500, 3600.0) or []] == VALUES[:1]
        await source.close()

    async def test_cancelled_poll_loses_no_record(self, place: UnboundedSourcePlace) -> None:
        """The next poll returns the records that a cancelled poll was about to return."""
        source = await open_source(place.unbounded_source())
        poll = asyncio.create_task(source.poll(500, 3600.0))
        await asyncio.sleep(0)
        poll.cancel()
        with pytest.raises(asyncio.CancelledError):
            await poll
        place.fill(VALUES)
        assert [record.value for record in await read_some(source, 100)] == VALUES
        await source.close()

    async def test_commit_does_not_wait_for_poll(self, place: UnboundedSourcePlace) -> None:
        """A commit beside a poll that waits for an hour returns soon."""
        source = await open_source(place.unbounded_source())
        place.fill(VALUES)
        partition = (await read_some(source, 100))[0].partition
        poll = asyncio.create_task(source.poll(500, 3600.0))
        await asyncio.sleep(0)
        async with asyncio.timeout(30):
            await source.commit({partition: 100})
        poll.cancel()
        with pytest.raises(asyncio.CancelledError):
            await poll
        await source.close()
