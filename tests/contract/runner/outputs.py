"""What a job has written, as a reader of its topics sees it, and what must hold of it."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple, Self

from tests.support.topics import TopicReader

from wikistate.streaming.record import Role

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.contract.runner.jobs import Change
    from tests.support.broker import KafkaBroker
    from tests.support.topics import TopicRecord


class WrittenEvent(NamedTuple):
    """One event that a job has written; `change` is None for an error event about something that is none."""

    role: Role
    change: Change | None
    record: TopicRecord


class Outputs:
    """What a job has written since a moment.

    Args:
        broker: Where it writes.
        sink: The topic of its results.
        errors: The topic of its error events.
        recognise: The change that an event is about.
        isolation: ``read_committed``, or ``read_uncommitted`` to see what a transaction still may take back.
    """

    def __init__(
        self,
        broker: KafkaBroker,
        *,
        sink: str,
        errors: str,
        recognise: Callable[[bytes], Change | None],
        isolation: str,
    ) -> None:
        self._reader = TopicReader(broker, sink, errors, isolation=isolation)
        self._roles = {sink: Role.SINK, errors: Role.ERROR}
        self._recognise = recognise
        self._seen: list[WrittenEvent] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exit_: object) -> None:
        self._reader.__exit__(*exit_)

    def read(self) -> list[WrittenEvent]:
        """All that has come so far, each partition in its order."""
        for found in self._reader.poll()[len(self._seen) :]:
            change = self._recognise(found.value or b"")
            self._seen.append(WrittenEvent(self._roles[found.topic], change, found))
        return self._seen

    def changes(self, role: Role = Role.SINK) -> list[Change]:
        """The changes in one of the streams, as often as they are in it."""
        return [seen.change for seen in self.read() if seen.role is role and seen.change is not None]

    def error_events_without_change(self) -> list[WrittenEvent]:
        """The error events about records that were no events."""
        return [seen for seen in self.read() if seen.change is None]


def assert_in_order(changes: Iterable[Change], *, repeats: int = 0) -> None:
    """The changes of each page are in the order of their numbers.

    Args:
        changes: As they were read.
        repeats: How often the job went back and began anew. What comes for the first time is in order all the same.
    """
    pages: dict[int, list[int]] = {}
    for page, number in changes:
        pages.setdefault(page, []).append(number)
    for page, numbers in pages.items():
        firsts = list(dict.fromkeys(numbers))
        assert firsts == sorted(firsts), f"page {page}: {numbers}"
        falls = sum(later <= earlier for earlier, later in pairwise(numbers))
        assert falls <= repeats, f"page {page}: {numbers}"
