"""Puts mutations together whose triples did not fit into one message. Pure.

The messages of a mutation follow each other in one partition, numbered from 0. A reader that starts in the middle, or
a writer that was cut off, leaves pieces; a piece that is taken for the whole would, for a reconciliation, replace an
entity by its tail. So nothing that is not whole ever becomes a mutation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from wikistate.core.events.rejection import RejectedEvent
from wikistate.core.updater.messages import merge_chunks
from wikistate.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wikistate.core.updater.messages import Message
    from wikistate.core.updater.mutation import Mutation
    from wikistate.streaming.record import Record

MAX_MUTATION_BYTES = 1024**3
"""The most bytes of messages that are kept for one mutation: an entity with all its triples has a hundredth of it."""


class ReassemblyResult(NamedTuple):
    """What a message led to.

    Attributes:
        mutation: The one that it completes.
        rejected: Records that will never be part of one, each with the reason.
    """

    mutation: Mutation | None = None
    rejected: tuple[tuple[Record, RejectedEvent], ...] = ()


_NOTHING_YET = ReassemblyResult()


class Reassembly:
    """The messages of one partition. Give it every message that is wanted, in order.

    Args:
        max_bytes: The most that is kept for one mutation.
        check: Raises an `InputError` for a mutation that cannot be used; then all its messages are refused.
    """

    def __init__(self, max_bytes: int = MAX_MUTATION_BYTES, *, check: Callable[[Mutation], object] = bool) -> None:
        self._max_bytes = max_bytes
        self._check = check
        self._pending: list[tuple[Record, Message]] = []
        self._pending_bytes = 0

    @property
    def first_pending_offset(self) -> int | None:
        """The offset of the first message of a mutation that is not whole yet: to go on means to go on there."""
        return self._pending[0][0].offset if self._pending else None

    def add(self, record: Record, message: Message) -> ReassemblyResult:
        """The mutation that this message completes, if any; and what turned out never to become whole."""
        size = len(record.value or b"")
        if message.sequence_length == 1 and not self._pending and size <= self._max_bytes:  # as nearly all are
            return self._merge([(record, message)])
        left = self.reject_pending() if self._pending and not self._continues(message) else ()
        if message.sequence != len(self._pending):
            return ReassemblyResult(rejected=(*left, (record, _reject_orphan(message))))
        self._pending.append((record, message))
        self._pending_bytes += size
        if self._pending_bytes > self._max_bytes:
            return ReassemblyResult(
                rejected=(*left, *self._reject("MutationTooLarge", f"It has more than {self._max_bytes} bytes."))
            )
        if message.sequence + 1 < message.sequence_length:
            return ReassemblyResult(rejected=left) if left else _NOTHING_YET
        pieces, self._pending, self._pending_bytes = self._pending, [], 0
        whole = self._merge(pieces)
        return ReassemblyResult(whole.mutation, (*left, *whole.rejected))

    def reject_pending(self) -> tuple[tuple[Record, RejectedEvent], ...]:
        """What is left when nothing more comes: the records of a mutation that was cut off."""
        if not self._pending:
            return ()
        last = self._pending[-1][1]
        found = f"{last.entity}: {len(self._pending)} of {last.sequence_length} messages came."
        return self._reject("IncompleteMutation", found)

    def _continues(self, message: Message) -> bool:
        first = self._pending[0][1]
        return message.sequence == len(self._pending) and _identity(message) == _identity(first)

    def _merge(self, pieces: Sequence[tuple[Record, Message]]) -> ReassemblyResult:
        try:
            mutation = merge_chunks([message for _, message in pieces])
            self._check(mutation)
        except InputError as error:
            return ReassemblyResult(rejected=_reject_all(pieces, "InvalidMutation", error.message))
        return ReassemblyResult(mutation)

    def _reject(self, error_type: str, found: str) -> tuple[tuple[Record, RejectedEvent], ...]:
        pieces, self._pending, self._pending_bytes = self._pending, [], 0
        return _reject_all(pieces, error_type, found)


def _reject_all(
    pieces: Sequence[tuple[Record, Message]], error_type: str, found: str
) -> tuple[tuple[Record, RejectedEvent], ...]:
    return tuple((record, RejectedEvent(error_type, found)) for record, _ in pieces)


def _identity(message: Message) -> tuple[object, ...]:
    return message.entity, message.revision, message.operation, message.origin.request_id, message.sequence_length


def _reject_orphan(message: Message) -> RejectedEvent:
    found = (
        f"{message.entity}: message {message.sequence + 1} of {message.sequence_length} came without those before it."
    )
    return RejectedEvent("IncompleteMutation", found)
