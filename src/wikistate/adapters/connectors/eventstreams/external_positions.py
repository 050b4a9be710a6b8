"""The positions of an EventStreams source whose offsets a sink stores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.adapters.connectors.checkpoint import ResumePosition
from wikistate.adapters.connectors.eventstreams.event_id import EventIdEntry, format_event_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wikistate.streaming.ports import ResumePositions
    from wikistate.streaming.record import Partition


class ExternalPositions:
    """Resume positions from offsets, instead of a `Checkpoint`. It stores nothing, because the sink does.

    Args:
        resume: Returns the offsets of the sink.
    """

    def __init__(self, resume: ResumePositions) -> None:
        self._resume = resume

    def open(self) -> None:
        """See `PositionStore`."""

    def load_positions(self) -> dict[Partition, ResumePosition]:
        """See `PositionStore`."""
        return {
            partition: ResumePosition(offset, format_event_id([EventIdEntry(partition, offset=offset - 1)]))
            for partition, offset in self._resume().items()
        }

    def commit(self, positions: Mapping[Partition, ResumePosition]) -> None:
        """See `PositionStore`."""

    def load_metadata(self, names: Iterable[str]) -> dict[str, str]:  # noqa: ARG002  (see `PositionStore`)
        """See `PositionStore`."""
        return {}

    def save_metadata(self, values: Mapping[str, str]) -> None:
        """See `PositionStore`."""

    def close(self) -> None:
        """See `PositionStore`."""
