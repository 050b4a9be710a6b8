"""The two ports of the connectors: a source is read and committed, a sink is written and flushed.

`tests/contract/connectors` holds one suite for each port, and every implementation passes it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

from wikistate.errors import RetryHint, SinkError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from wikistate.streaming.record import Output, Partition, Record

    OnRevoked = Callable[[AbstractSet[Partition]], Awaitable[None]]
    """Told that partitions are being taken away; the source waits for it before it lets go of them."""

    ResumePositions = Callable[[], Mapping[Partition, int]]
    """The offsets to go on at, kept by somebody else than the source: whatever the source itself remembers of these
    partitions does not count. Asked when a partition is begun, from any thread."""


class Source(Protocol):
    """Where records come from.

    Protocol: `open` once, then `poll` again and again from one task, `commit` from any task between polls, `close`
    once. Nothing runs in parallel on one source except `commit` beside `poll`. Order within a partition is the order
    of offsets. After a crash, a new source starts at the last committed positions, or where its settings say when
    there are none.
    """

    async def open(self, on_revoked: OnRevoked) -> None:
        """Connect. Raises `SourceError` or `ConfigError` when the source cannot be read at all (no such file or topic).

        Args:
            on_revoked: Awaited when partitions go to another member of the group, before they do. What it commits counts.
        """

    async def poll(self, limit: int, wait: float) -> list[Record] | None:
        """Up to `limit` records, as soon as there is one, or an empty list after `wait` seconds.

        None means that a bounded source has ended. With ``limit=0`` nothing is read, but the source shows that it is
        alive (a Kafka consumer that does not poll is put out of its group): call it while there is no room.

        Raises:
            SourceError: Reading failed for good. What passes by itself (a broker that restarts) is waited for.
        """

    async def commit(self, positions: Mapping[Partition, int]) -> None:
        """Remember that everything before these offsets is done. Returns when it is durable."""

    def lag(self) -> Mapping[Partition, int]:
        """How many records are known to be left in each partition; empty where that is not known."""

    async def close(self) -> None:
        """Let go. Commits nothing. May be called when `open` failed, and twice."""


@runtime_checkable
class CheckableSource(Protocol):
    """A source that can be checked without the effects of `Source.open`.

    A check joins no consumer group and opens no checkpoint, so it does not disturb a job that is running.
    """

    async def check(self) -> None:
        """Connect, and read nothing. Raises a `WikistateError` if the source cannot be read. `close` follows."""


class OversizeError(SinkError):
    """One output is larger than the sink takes, and would be so again.

    The sink is as good as before: it took what came before this output and nothing from it on.

    Attributes:
        position: Which of the outputs of this `write` it is.
        size: Its size in bytes.
        limit: What the sink takes, in bytes.
    """

    retry = RetryHint.NEVER

    def __init__(self, message: str, *, hint: str = "", **ids: object) -> None:
        super().__init__(message, hint=hint, **ids)
        self.position = int(str(ids.get("position", 0)))
        self.size = int(str(ids.get("size", 0)))
        self.limit = int(str(ids.get("limit", 0)))


class Sink(Protocol):
    """Where the outputs of one role go.

    Protocol: `open` once, then `write` and `flush` from one task, `close` once. Order is kept as written for outputs
    of the same key.
    """

    async def open(self) -> None:
        """Connect. Raises `SinkError` or `ConfigError` when the sink cannot be written at all."""

    async def write(self, outputs: Sequence[Output]) -> None:
        """Take outputs. May buffer; waits while the buffer is full, which is the back-pressure.

        Raises:
            OversizeError: One of them is larger than the sink takes. Those before it were taken, it and the rest not.
            SinkError: The sink cannot take them, now or because an earlier one failed. It stays so until it is replaced.
        """

    async def flush(self) -> None:
        """Return when all that was written is durable.

        Raises:
            SinkError: Something that was written did not arrive. Nothing read since the last commit may be committed,
                and each later call raises it again.
        """

    async def close(self) -> None:
        """Flush what can be flushed and let go. May be called when `open` failed, and twice."""
