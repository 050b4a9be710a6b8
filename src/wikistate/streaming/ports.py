"""The two ports of the connectors: a source is read and committed, a sink is written and flushed.

`tests/contract/connectors` holds one suite for each port, and every implementation passes it.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple, Protocol, runtime_checkable

from wikistate.errors import RetryHint, SinkError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from wikistate.streaming.record import Output, Partition, Record

    OnRevoked = Callable[[AbstractSet[Partition]], Awaitable[None]]
    """Callback for revoked partitions; the source awaits it before it releases them."""

    ResumePositions = Callable[[], Mapping[Partition, int]]
    """The offsets at which to resume, kept outside the source: they have precedence over the positions that the source
    itself has committed. Called when the reading of a partition starts, from any thread."""


class Source(Protocol):
    """Port that reads records.

    Protocol: `open` once, then `poll` again and again from one task, `commit` from any task between polls, `close`
    once. Nothing runs in parallel on one source except `commit` beside `poll`. Order within a partition is the order
    of offsets. After a crash, a new source starts at the last committed positions; without them, at the start that its
    settings define.
    """

    async def open(self, on_revoked: OnRevoked) -> None:
        """Connect. Raises `SourceError` or `ConfigError` when the source cannot be read at all (no such file or topic).

        Args:
            on_revoked: Awaited before partitions move to another member of the group. Its commits are still valid.
        """

    async def poll(self, limit: int, wait: float) -> list[Record] | None:
        """Return up to `limit` records as soon as there is one, or an empty list after `wait` seconds.

        None means that a bounded source has ended. With ``limit=0`` nothing is read, but the source shows that it is
        alive (a Kafka consumer that does not poll is removed from its group): call it while there is no room.

        Raises:
            SourceError: Reading failed for good. After a transient failure (a broker that restarts) the source retries.
        """

    async def commit(self, positions: Mapping[Partition, int]) -> None:
        """Commit these offsets: everything before them is done. Return when that is durable."""

    def lag(self) -> Mapping[Partition, int]:
        """Return how many records are left in each partition, for partitions of which that is known."""

    async def close(self) -> None:
        """Disconnect without a commit. May be called when `open` failed, and twice."""


@runtime_checkable
class CheckableSource(Protocol):
    """A source that can be checked without the effects of `Source.open`.

    A check joins no consumer group and opens no checkpoint, so it does not disturb a job that is running.
    """

    async def check(self) -> None:
        """Connect, and read nothing. Raises a `WikistateError` if the source cannot be read. `close` follows."""


@runtime_checkable
class CheckableSink(Protocol):
    """A sink that can be checked without the effects of `Sink.open`, such as a new file."""

    async def check(self) -> None:
        """Check that the sink can be opened, and create nothing. Raises a `WikistateError`. `close` follows."""


class OversizeError(SinkError):
    """An output is larger than the sink accepts; a retry would fail as well.

    The sink still works: it accepted the outputs before this one, and neither this one nor those behind it.

    Attributes:
        position: The index of the output among those of the `write`.
        size: Its size in bytes.
        limit: The largest output that the sink accepts, in bytes.
    """

    retry = RetryHint.NEVER

    def __init__(self, message: str, *, hint: str = "", **ids: object) -> None:
        super().__init__(message, hint=hint, **ids)
        self.position = int(str(ids.get("position", 0)))
        self.size = int(str(ids.get("size", 0)))
        self.limit = int(str(ids.get("limit", 0)))


class RefusedOutput(NamedTuple):
    """An output that the target of a sink refused, alone or with the others of its batch.

    Attributes:
        digest: See `digest_output`.
        size: The size of key and value in bytes.
        target: The name of the target: a topic.
        reason: The reason that the target states.
        by_size: Whether the output or its batch is too large.
    """

    digest: bytes
    size: int
    target: str
    reason: str
    by_size: bool


def digest_output(key: bytes | None, value: bytes) -> bytes:
    """Return a digest by which a refused output is recognised without being kept."""
    digest = blake2b(key or b"", digest_size=16, person=b"key" if key is None else b"keyed")
    digest.update(value)
    return digest.digest()


class RefusedError(SinkError):
    """The target accepted a connection and refused an output: it is too large, too old, or lacks a key.

    Targets refuse batches, so the outputs that were refused together may include valid ones. The sink cannot be used again.

    Attributes:
        refused: The outputs.
        limits: The largest batch that a target accepts, in bytes, by its name; without targets whose limit is unknown.
    """

    retry = RetryHint.NEVER

    def __init__(self, message: str, *, hint: str = "", **ids: object) -> None:
        super().__init__(message, hint=hint, **ids)
        refused = ids.get("refused")
        self.refused: list[RefusedOutput] = refused if isinstance(refused, list) else []
        self.limits: dict[str, int] = {}


class Sink(Protocol):
    """Port that writes the outputs of one role.

    Protocol: `open` once, then `write` and `flush` from one task, `close` once. Order is kept as written for outputs
    of the same key.
    """

    async def open(self) -> None:
        """Connect. Raises `SinkError` or `ConfigError` when the sink cannot be written at all."""

    async def write(self, outputs: Sequence[Output]) -> None:
        """Take outputs. May buffer; waits while the buffer is full, which is the back-pressure.

        Raises:
            OversizeError: One of them is larger than the sink accepts. Only those before it were accepted.
            SinkError: The sink cannot accept them, or an earlier output failed. It fails until it is replaced.
        """

    async def flush(self) -> None:
        """Return when all that was written is durable.

        Raises:
            RefusedError: The target refused written outputs.
            SinkError: A written output did not arrive. Nothing read since the last commit may be committed, and each
                later call raises the error again.
        """

    async def close(self) -> None:
        """Flush as far as possible and disconnect. May be called when `open` failed, and twice."""
