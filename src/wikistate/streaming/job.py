"""The seam between a job and a runner: all that a runner knows of a job that keeps no state.

A runner reads records, hands them over, keeps order within a key, bounds what is in flight, writes and commits.
A job decides. Neither knows more of the other than this page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from wikistate.streaming.record import OnDone, Record, WorkItem


class Job(Protocol):
    """A job without state: one record in, its outputs out.

    Protocol: the runner awaits `open` once, then calls `plan` and `execute` for each record on the loop's thread, in
    the order in which the records were read, and at the end awaits `close`. Neither `plan` nor `execute` blocks or
    raises, whatever the record holds: what cannot be done becomes an output with the role ``error``. `execute` may
    call `done` before it returns or any time later, exactly once; results may come in any order, because keeping the
    order within a key is the runner's part. After a crash a record may be accepted again; nothing is remembered.

    A callback and not a coroutine, because a task for each event costs more than all the rest of a pass-through event
    (measured: 9 µs; see ``docs/decisions``). A runner that wants to await wraps it in two lines.
    """

    async def open(self) -> None:
        """Open clients. Raises a `WikistateError` when the job cannot work at all."""

    def plan(self, record: Record) -> WorkItem:
        """Decode, filter and plan; pure and quick."""

    def execute(self, item: WorkItem, on_done: OnDone) -> None:
        """Do what was planned and hand the outputs to `on_done`."""

    async def close(self) -> None:
        """Release clients. What is still being performed may be abandoned: it was not committed."""
