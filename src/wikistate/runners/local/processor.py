"""The seam between the local runner and the work on records: one processor for each kind of pipeline.

===============================================================  ==================================================
`wikistate.runners.local.stateless_processor.StatelessProcessor`  commits positions behind the written outputs
`wikistate.runners.local.keyed_processor.KeyedProcessor`          takes checkpoints of keyed state, timers, positions
`wikistate.runners.local.store_processor.StoreProcessor`          reports the positions that the store holds
===============================================================  ==================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine, Sequence
    from collections.abc import Set as AbstractSet

    from wikistate.streaming.ports import Source
    from wikistate.streaming.record import Partition, Record


class Polled(NamedTuple):
    """The result of one poll of the source.

    Attributes:
        records: The records, in the order of their offsets within each partition; empty when there was none.
        caught_up: Whether the source is known to hold nothing more at this moment.
        seconds: The duration of the poll. A partition counts as idle only by the time in which it was read.
    """

    records: Sequence[Record]
    caught_up: bool
    seconds: float


class Processor(Protocol):
    """The part of the local runner that handles the records of one kind of job.

    Protocol, in this order; the runner makes all calls on the thread of its loop:

    1. `open` once. The runner then opens `source` with `revoked` as the callback.
    2. `start` once for each opened source. The runner watches the tasks that it returns, ends the run with the first
       error of one of them, and cancels them at the end.
    3. In a loop: `checkpoint` when `checkpoint_due`, then `room`, and `submit` with the records of a poll of at most so
       many. While there is no room, the runner waits for `progressed` and keeps the source alive.
    4. When the source has ended or a stop was requested: `drain`, then `finish`.
    5. `close` once, also when an earlier call failed. The runner has closed the source before.

    `open`, `checkpoint`, `drain` and `rewind` may take long: the runner keeps the source alive meanwhile. It cancels
    them when a stop has waited for the drain timeout. `submit` returns soon, and `finish` is never cancelled by that
    timeout: it may commit. `stop` and `revoked` may be called beside any of these.

    Each call may raise a `WikistateError`, which ends the run. After `RewoundError` the store holds less than it was
    given: the runner closes the source, awaits `rewind` and opens the new `source`; without `rewind` it closes the
    processor and builds the whole pipeline again.

    After a `SourceInterruptedError` or a `SinkInterruptedError`, an outage has broken a connection. The runner closes the
    source, awaits `resume` and opens the new `source`; it calls `resume` again when that fails in the same way. Without
    `resume` it closes the processor and builds the whole pipeline again.

    After a crash nothing counts but what was durable: the next run reads again from the last committed positions, or
    from those in the checkpoint or the store. Outputs since then may be repeated, and none is lost.
    """

    source: Source
    """The source that the runner opens, reads and closes; a new one after `rewind` and `resume`."""

    progressed: asyncio.Event
    """Set when `room` may have grown or work has failed."""

    @property
    def rewind(self) -> Callable[[], Coroutine[Any, Any, None]] | None:
        """The call that goes back to the positions of the store and makes a new `source`.

        None when the processor cannot go back: then it must be built again.
        """

    @property
    def resume(self) -> Callable[[], Coroutine[Any, Any, None]] | None:
        """The call that drops everything since the last commit, connects the sinks again and makes a new `source`.

        None when the processor cannot resume: then it must be built again.
        """

    @property
    def checkpoint_due(self) -> bool:
        """Whether the runner is to call `checkpoint` now."""

    async def open(self) -> None:
        """Open everything but the source."""

    def start(self) -> Sequence[asyncio.Task[None]]:
        """Start the tasks that work beside the reading, and return them."""

    def room(self) -> int:
        """Return how many more records may be submitted now. Raises the error of work that has failed."""

    async def submit(self, polled: Polled) -> None:
        """Take the records of one poll; also called with none. Does not wait until they are processed."""

    async def checkpoint(self) -> None:
        """Make all that was done durable, with its positions."""

    def stop(self) -> None:
        """Begin nothing that can wait for the next run, such as the timers of later keys."""

    async def drain(self, *, ended: bool) -> None:
        """Process everything that was submitted.

        Args:
            ended: Whether the source has ended, so that no further record is to be expected.
        """

    async def finish(self, *, drained: bool) -> None:
        """Take the last checkpoint or commit.

        Args:
            drained: False when `drain` was cancelled: uncommitted records are processed again by the next run.
        """

    async def revoked(self, partitions: AbstractSet[Partition]) -> None:
        """Commit for partitions that move to another member of the consumer group, and forget them."""

    async def close(self) -> None:
        """Close everything but the source, and drop everything that is not durable."""
