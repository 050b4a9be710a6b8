"""The port through which a keyed job writes its changes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

Change_contra = TypeVar("Change_contra", contravariant=True)


class ChangeSink(Protocol[Change_contra]):
    """Port that writes the changes of a keyed job, such as mutations, and makes them durable.

    Protocol: `open` once, then `write` and `flush` from one task, `close` once. The changes of one key are written in
    their order. After a crash, changes since the last `flush` may be written again.
    """

    async def open(self) -> None:
        """Connect. Raises a `WikistateError` when the sink cannot be written at all."""

    async def write(self, changes: Sequence[Change_contra]) -> None:
        """Take changes. May buffer; waits while the buffer is full, which is the back-pressure.

        Raises:
            ExternalError: The system behind the sink cannot take them, and waiting does not help.
        """

    async def flush(self, *, timer: int | None = None) -> None:
        """Return when all that was written is durable.

        Args:
            timer: The event time of the next timer, milliseconds since the epoch; None when no timer is set. Events that
                wait for a timer are in the state but not written yet: a sink that reports progress must not count them.

        Raises:
            ExternalError: A written change did not arrive. Then no checkpoint may be taken.
        """

    async def close(self) -> None:
        """Disconnect without making anything durable. May be called when `open` failed, and twice."""
