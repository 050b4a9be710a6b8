"""The seam between a stateless job and a runner: a runner knows nothing else about such a job.

A runner reads records, submits them, keeps order within a key, bounds the records in flight, writes and commits.
A job decides. Neither knows more about the other than this page.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    from wikistate.streaming.record import OnDone, Output, Record, WorkItem


class Job(Protocol):
    """A job without state: one record in, its outputs out.

    Protocol: the runner awaits `open` once, then calls `plan` and `execute` for each record on the loop's thread, in
    the order in which the records were read, and at the end awaits `close`. Neither `plan` nor `execute` blocks or
    raises, whatever the record holds: a failed record becomes an output with the role ``error``. `execute` may call
    `on_done` before it returns or at any later time, exactly once. Results may come in any order, because the runner
    keeps the order within a key. After a crash a record may be planned again; a job has no memory of it.

    `execute` takes a callback and is not a coroutine, because a task for each event costs more than all the other work
    on a pass-through event (measured: 9 µs; see ``docs/decisions``). A runner that awaits wraps it in two lines.
    """

    async def open(self) -> None:
        """Open clients. Raises a `WikistateError` when the job cannot work at all."""

    def plan(self, record: Record) -> WorkItem:
        """Decode, filter and plan; pure and quick."""

    def execute(self, item: WorkItem, on_done: OnDone) -> None:
        """Execute the work item and pass the outputs to `on_done`."""

    async def close(self) -> None:
        """Release clients. Work in progress may be abandoned: its records were not committed."""


@runtime_checkable
class RefusalReporter(Protocol):
    """A job that reports outputs that the target of a sink refused. A refusal ends the run of any other job."""

    def report_refusal(self, record: Record, reason: str, *, by_size: bool) -> Output:
        """Return the error event that takes the place of a refused output.

        Args:
            record: The record of the output.
            reason: The reason of the refusal, as a sentence.
            by_size: Whether the output was too large.
        """

    def shorten(self, error: Output, max_bytes: int) -> Output:
        """Return the error event with a shorter copy of its source event.

        Args:
            error: The output with the role ``error``.
            max_bytes: The largest value; without any copy, the value may still be larger.
        """
