"""Where the products of a stateful job go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

Change_contra = TypeVar("Change_contra", contravariant=True)


class ChangeSink(Protocol[Change_contra]):
    """Takes what a job makes, of the updater mutations, and makes it durable.

    Protocol: `open` once, then `write` and `flush` from one task, `close` once. What is made of one key is written in its
    order. After a crash, what was written since the last `flush` may be written again.
    """

    async def open(self) -> None:
        """Connect. Raises a `WikistateError` when it cannot be written at all."""

    async def write(self, changes: Sequence[Change_contra]) -> None:
        """Take products. May buffer; waits while the buffer is full, which is the back-pressure.

        Raises:
            ExternalError: What is behind it cannot take them, and waiting does not help.
        """

    async def flush(self, *, timer: int | None = None) -> None:
        """Return when all that was written is durable.

        Args:
            timer: When the job will be woken next, in event time, milliseconds since the epoch; None when nothing waits.
                What waits is remembered, but not written yet: who says how far everything is must not count it.

        Raises:
            ExternalError: Something that was written did not arrive. Then no checkpoint may be taken.
        """

    async def close(self) -> None:
        """Let go. Makes nothing durable. May be called when `open` failed, and twice."""
