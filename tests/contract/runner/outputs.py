"""The outputs of a job for a reader of its topics, and their order."""

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
    """One event that a job has written; `change` is None for an error event about a poison record."""

    role: Role
    change: Change | None
    record: TopicRecord


class Outputs:
    """The outputs of a job since the creation of this reader.

    Args:
        broker: The broker of the topics.
        sink: The topic of its results.
        errors: The topic of its error events.
        recognise: Returns the change of an event.
        isolation: ``read_committed``, or ``read_uncommitted`` to see outputs of open transactions.
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
        """Return all events so far, each partition in its order."""
        for found in self._reader.poll()[len(self._seen) :]:
            change = self._recognise(found.value or b"")
            self._seen.append(WrittenEvent(self._roles[found.topic], change, found))
        return self._seen

    def changes(self, role: Role = Role.SINK) -> list[Change]:
        """Return the changes in one of the streams, with repeats."""
        return [seen.change for seen in self.read() if seen.role is role and seen.change is not None]

    def error_events_without_change(self) -> list[WrittenEvent]:
        """Return the error events about poison records."""
        return [seen for seen in self.read() if seen.change is None]


def assert_in_order(changes: Iterable[Change], *, repeats: int = 0) -> None:
    """Assert that the changes of each page are in the order of their numbers.

    Args:
        changes: The changes in the order of reading.
        repeats: The number of times that the job resumed at an earlier position. First occurrences are always in order.
    """
    pages: dict[int, list[int]] = {}
    for page, number in changes:
        pages.setdefault(page, []).append(number)
    for page, numbers in pages.items():
        firsts = list(dict.fromkeys(numbers))
        assert firsts == sorted(firsts), f"page {page}: {numbers}"
        falls = sum(later <= earlier for earlier, later in pairwise(numbers))
        assert falls <= repeats, f"page {page}: {numbers}"
