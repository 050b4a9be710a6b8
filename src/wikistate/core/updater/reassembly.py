"""Puts mutations together whose triples did not fit into one message. Pure.

The messages of a mutation follow each other in one partition, numbered from 0. A reader that starts in the middle, or
a writer that was cut off, leaves pieces; a piece that is taken for the whole would, for a reconciliation, replace an
entity by its tail. So nothing that is not whole ever becomes a mutation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from wikistate.core.events.refusal import Refused
from wikistate.core.updater.messages import join
from wikistate.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from wikistate.core.record import Record
    from wikistate.core.updater.messages import Message
    from wikistate.core.updater.mutation import Mutation

MAX_BYTES = 1024**3
"""The most bytes of messages that are kept for one mutation: an entity with all its triples has a hundredth of it."""


class Taken(NamedTuple):
    """What a message led to.

    Attributes:
        mutation: The one that it completes.
        refused: Records that will never be part of one, each with the reason.
    """

    mutation: Mutation | None = None
    refused: tuple[tuple[Record, Refused], ...] = ()


_NOTHING_YET = Taken()


class Reassembly:
    """The messages of one partition. Give it every message that is wanted, in order.

    Args:
        max_bytes: The most that is kept for one mutation.
        check: Raises an `InputError` for a mutation that cannot be used; then all its messages are refused.
    """

    def __init__(self, max_bytes: int = MAX_BYTES, *, check: Callable[[Mutation], object] = bool) -> None:
        self._max_bytes = max_bytes
        self._check = check
        self._pieces: list[tuple[Record, Message]] = []
        self._bytes = 0

    @property
    def begun(self) -> int | None:
        """The offset of the first message of a mutation that is not whole yet: to go on means to go on there."""
        return self._pieces[0][0].offset if self._pieces else None

    def take(self, record: Record, message: Message) -> Taken:
        """The mutation that this message completes, if any; and what turned out never to become whole."""
        size = len(record.value or b"")
        if message.sequence_length == 1 and not self._pieces and size <= self._max_bytes:  # as nearly all are
            return self._join([(record, message)])
        left = self.end() if self._pieces and not self._continues(message) else ()
        if message.sequence != len(self._pieces):
            return Taken(refused=(*left, (record, _orphan(message))))
        self._pieces.append((record, message))
        self._bytes += size
        if self._bytes > self._max_bytes:
            return Taken(
                refused=(*left, *self._let_go("MutationTooLarge", f"It has more than {self._max_bytes} bytes."))
            )
        if message.sequence + 1 < message.sequence_length:
            return Taken(refused=left) if left else _NOTHING_YET
        pieces, self._pieces, self._bytes = self._pieces, [], 0
        whole = self._join(pieces)
        return Taken(whole.mutation, (*left, *whole.refused))

    def end(self) -> tuple[tuple[Record, Refused], ...]:
        """What is left when nothing more comes: the records of a mutation that was cut off."""
        if not self._pieces:
            return ()
        last = self._pieces[-1][1]
        found = f"{last.entity}: {len(self._pieces)} of {last.sequence_length} messages came."
        return self._let_go("IncompleteMutation", found)

    def _continues(self, message: Message) -> bool:
        first = self._pieces[0][1]
        return message.sequence == len(self._pieces) and _identity(message) == _identity(first)

    def _join(self, pieces: Sequence[tuple[Record, Message]]) -> Taken:
        try:
            mutation = join([message for _, message in pieces])
            self._check(mutation)
        except InputError as error:
            return Taken(refused=_refused(pieces, "InvalidMutation", error.message))
        return Taken(mutation)

    def _let_go(self, error_type: str, found: str) -> tuple[tuple[Record, Refused], ...]:
        pieces, self._pieces, self._bytes = self._pieces, [], 0
        return _refused(pieces, error_type, found)


def _refused(
    pieces: Sequence[tuple[Record, Message]], error_type: str, found: str
) -> tuple[tuple[Record, Refused], ...]:
    return tuple((record, Refused(error_type, found)) for record, _ in pieces)


def _identity(message: Message) -> tuple[object, ...]:
    return message.entity, message.revision, message.operation, message.origin.request_id, message.sequence_length


def _orphan(message: Message) -> Refused:
    found = (
        f"{message.entity}: message {message.sequence + 1} of {message.sequence_length} came without those before it."
    )
    return Refused("IncompleteMutation", found)
