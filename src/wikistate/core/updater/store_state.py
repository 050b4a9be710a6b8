"""State of a store between two updates, and the comparison of two states.

The write token names the last update that a store has applied. Each update demands the token of the one before. So a store
that lost an update, or received one from another process, rejects everything that builds on another state.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from wikistate.core.events.integers import MAX_INTEGER, parse_integer

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.core.updater.store_metadata import StorePosition
    from wikistate.streaming.record import Partition


class WriteToken(NamedTuple):
    """Name of an update. No two updates share one, also if their positions are equal.

    Attributes:
        number: Time of the update, milliseconds since the epoch, and always larger than that of the update before. So a
            backup has a smaller number than what was written later, also into a store that was empty meanwhile.
        batch: Identifier of the batch of the update: that of the run, a hyphen, and a number within the run.
    """

    number: int
    batch: str

    @property
    def run(self) -> str:
        """Identifier of the run that wrote the update."""
        return self.batch.partition("-")[0]

    def __str__(self) -> str:
        """Return the text that a store keeps."""
        return f"{self.number} {self.batch}"


def next_token(before: WriteToken | None, *, batch: str, now: int) -> WriteToken:
    """Return the token of the update after another one, or of the first one.

    Args:
        before: Token of the update before; None for the first one.
        batch: Identifier of the batch of the update.
        now: Milliseconds since the epoch.
    """
    return WriteToken(now if before is None else max(now, before.number + 1), batch)


def parse_token(text: str) -> WriteToken:
    """Return the token of a text. Raise `ValueError` if the text is not one."""
    number, _, batch = text.partition(" ")
    parsed = parse_integer(number)
    if parsed is None:
        raise ValueError(f"a token begins with {number!r:.60}, not with a number from 0 to {MAX_INTEGER}")
    return WriteToken(parsed, batch)


class StoreState(NamedTuple):
    """State of a store between two updates.

    Attributes:
        positions: Position in each partition from which it ever received changes.
        token: Token of the last update; None if the store has never received one that has a token.
    """

    positions: Mapping[Partition, StorePosition]
    token: WriteToken | None = None


class StoreComparison(StrEnum):
    """Relation of the state of a store to the state in which this process left it."""

    SAME = "same"
    """The store was not changed."""

    OLDER = "older"
    """The store lost updates: it is empty, or was restored from a backup."""

    NEWER = "newer"
    """The store received updates from another process."""


def compare_states(found: StoreState, left: StoreState) -> StoreComparison:
    """Compare a found state with the state in which this process left the store."""
    same_positions = _next_offsets(found) == _next_offsets(left)
    if found.token == left.token and same_positions:
        return StoreComparison.SAME
    if _number(found) > _number(left) or not all(
        partition in left.positions and position.next_offset <= left.positions[partition].next_offset
        for partition, position in found.positions.items()
    ):
        return StoreComparison.NEWER
    if _number(found) == _number(left) and found.token != left.token:
        return StoreComparison.NEWER  # two updates that follow the same one
    return StoreComparison.OLDER


def _number(state: StoreState) -> int:
    return -1 if state.token is None else state.token.number


def _next_offsets(state: StoreState) -> dict[Partition, int]:
    return {partition: position.next_offset for partition, position in state.positions.items()}
