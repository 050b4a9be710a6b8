"""Where an EventStreams source goes on when somebody else keeps its offsets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.adapters.connectors.checkpoint import Place
from wikistate.adapters.connectors.eventstreams.event_id import Entry, format_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wikistate.adapters.connectors.ports import Resume
    from wikistate.core.record import Partition


class ResumedPlaces:
    """Places out of offsets; in the place of a `Checkpoint`. Keeps nothing, because who resumes us does.

    Args:
        resume: The offsets.
    """

    def __init__(self, resume: Resume) -> None:
        self._resume = resume

    def open(self) -> None:
        """See `Places`."""

    def places(self) -> dict[Partition, Place]:
        """See `Places`."""
        return {
            partition: Place(offset, format_id([Entry(partition, offset=offset - 1)]))
            for partition, offset in self._resume().items()
        }

    def commit(self, places: Mapping[Partition, Place]) -> None:
        """See `Places`."""

    def notes(self, names: Iterable[str]) -> dict[str, str]:  # noqa: ARG002  (see `Places`)
        """See `Places`."""
        return {}

    def note(self, notes: Mapping[str, str]) -> None:
        """See `Places`."""

    def close(self) -> None:
        """See `Places`."""
