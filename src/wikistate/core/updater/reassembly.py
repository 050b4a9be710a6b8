"""Reassembly of mutations whose triples do not fit into one message. Pure.

The messages of a mutation follow each other in one partition, numbered from 0. If a consumer starts in the middle, or a
producer was interrupted, some messages of a mutation are missing. If the rest were applied as a reconciliation, it would
replace an entity by a part of its triples. Therefore an incomplete mutation is never applied.
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

MAX_MUTATION_BYTES = 128 * 1024**2
"""Limit of the messages of one mutation, in bytes. The largest entities of Wikidata have a tenth of it."""

MAX_MUTATION_TRIPLES = 1_000_000
"""Limit of the triples of one mutation. The largest entities of Wikidata have some hundred thousand."""


class ReassemblyResult(NamedTuple):
    """Result of adding a message.

    Attributes:
        mutation: The mutation that the message completes; None if it completes none.
        rejected: Records that cannot become part of a mutation, each with the reason.
    """

    mutation: Mutation | None = None
    rejected: tuple[tuple[Record, RejectedEvent], ...] = ()


_NOTHING_YET = ReassemblyResult()


class Reassembly:
    """Reassembly of the messages of one partition. Every message that is not filtered is added, in order.

    Args:
        max_bytes: Limit of the messages of one mutation, in bytes.
        max_triples: Limit of the triples of one mutation.
        check: Function that raises an `InputError` for an invalid mutation; all its messages are then rejected.
    """

    def __init__(
        self,
        max_bytes: int = MAX_MUTATION_BYTES,
        *,
        max_triples: int = MAX_MUTATION_TRIPLES,
        check: Callable[[Mutation], object] = bool,
    ) -> None:
        self._max_bytes = max_bytes
        self._max_triples = max_triples
        self._check = check
        self._pending: list[tuple[Record, Message]] = []
        self._pending_bytes = 0
        self.pending_triples = 0
        """Number of triples of the incomplete mutation."""

    @property
    def first_pending_offset(self) -> int | None:
        """Offset of the first message of an incomplete mutation: a run has to resume there. None if there is none."""
        return self._pending[0][0].offset if self._pending else None

    def add(self, record: Record, message: Message) -> ReassemblyResult:
        """Return the mutation that this message completes, if any, and the records of mutations that stay incomplete."""
        size = len(record.value or b"")
        if (
            message.sequence_length == 1 and not self._pending and self._fits(size, message)
        ):  # the case of most messages
            return self._merge([(record, message)])
        left = self.reject_pending() if self._pending and not self._continues(message) else ()
        if message.sequence != len(self._pending):
            return ReassemblyResult(rejected=(*left, (record, _reject_out_of_sequence(message))))
        self._pending.append((record, message))
        self._pending_bytes += size
        self.pending_triples += sum(map(len, message.patch))
        if self._pending_bytes > self._max_bytes or self.pending_triples > self._max_triples:
            return ReassemblyResult(rejected=(*left, *self.reject_too_large()))
        if message.sequence + 1 < message.sequence_length:
            return ReassemblyResult(rejected=left) if left else _NOTHING_YET
        result = self._merge(self._take_pending())
        return ReassemblyResult(result.mutation, (*left, *result.rejected))

    def _fits(self, size: int, message: Message) -> bool:
        # A triple has two bytes or more, so only a large message has to be counted.
        return size <= self._max_bytes and (
            size <= self._max_triples or sum(map(len, message.patch)) <= self._max_triples
        )

    def reject_pending(self) -> tuple[tuple[Record, RejectedEvent], ...]:
        """Reject the records of an incomplete mutation, after the last message of the partition or before another one."""
        if not self._pending:
            return ()
        last = self._pending[-1][1]
        found = f"{last.entity}: only {len(self._pending)} of {last.sequence_length} messages arrived."
        return self._reject("IncompleteMutation", found)

    def reject_too_large(self) -> tuple[tuple[Record, RejectedEvent], ...]:
        """Reject the records of an incomplete mutation, because it exceeds a limit."""
        found = (
            f"{self._pending[-1][1].entity}: the mutation exceeds {self._max_bytes:,} bytes or {self._max_triples:,} "
            "triples. Raise store.max_mutation_bytes or store.max_mutation_triples if its entity is as large as that."
        )
        return self._reject("MutationTooLarge", found)

    def _continues(self, message: Message) -> bool:
        first = self._pending[0][1]
        return message.sequence == len(self._pending) and _identity(message) == _identity(first)

    def _merge(self, chunks: Sequence[tuple[Record, Message]]) -> ReassemblyResult:
        try:
            mutation = merge_chunks([message for _, message in chunks])
            self._check(mutation)
        except InputError as error:
            return ReassemblyResult(rejected=_reject_all(chunks, "InvalidMutation", error.message))
        return ReassemblyResult(mutation)

    def _reject(self, error_type: str, found: str) -> tuple[tuple[Record, RejectedEvent], ...]:
        return _reject_all(self._take_pending(), error_type, found)

    def _take_pending(self) -> list[tuple[Record, Message]]:
        chunks, self._pending, self._pending_bytes, self.pending_triples = self._pending, [], 0, 0
        return chunks


def _reject_all(
    chunks: Sequence[tuple[Record, Message]], error_type: str, found: str
) -> tuple[tuple[Record, RejectedEvent], ...]:
    return tuple((record, RejectedEvent(error_type, found)) for record, _ in chunks)


def _identity(message: Message) -> tuple[object, ...]:
    return message.entity, message.revision, message.operation, message.origin.request_id, message.sequence_length


def _reject_out_of_sequence(message: Message) -> RejectedEvent:
    found = (
        f"{message.entity}: message {message.sequence + 1} of {message.sequence_length} arrived without the messages "
        "before it."
    )
    return RejectedEvent("IncompleteMutation", found)
