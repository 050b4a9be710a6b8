"""The entities that could not be brought into the store, and what follows for the store as a whole. Pure."""

from __future__ import annotations

from wikistate.errors import WikiError
from wikistate.streaming.main_failure import RecentFailures

FIRST_ENTITIES = 20
"""The least number of entities that fail at the start of a full scan, without a success, at which the run ends."""

MAX_KNOWN = 100_000
"""The largest number of entities that are known by id; beyond it they are only counted."""

_HINT = (
    "The store is not complete. Check that rdf.entity_data and rdf.concept_base belong to this wiki and that its account "
    "may read; the next run compares all entities again. The stream of fetch failures has the reason of each."
)


class UnreadEntities:
    """The entities of a run that failed last time, and the share of failures.

    Attributes:
        compared: The number of entities that the full scan has compared.
        must_restart: Whether the next full scan must start from the beginning, because most of this one failed.
    """

    def __init__(self) -> None:
        self.compared = 0
        self.must_restart = False
        self._known: set[str] = set()
        self._others = 0
        self._has_read = False
        self._last_failure = ""
        self._recent = RecentFailures()

    @property
    def count(self) -> int:
        """The number of entities that the store lacks in their newest revision."""
        return len(self._known) + self._others

    @property
    def are_most(self) -> bool:
        """Whether more than half of the entities of the full scan failed."""
        return self.count * 2 > self.compared

    @property
    def are_most_recent(self) -> bool:
        """Whether most of the latest operations failed for the same reason."""
        return self._recent.main is not None

    def resume(self, *, compared: int, failed: int) -> None:
        """Continue with the numbers of the last run of an unfinished full scan."""
        self.compared, self._others = compared, failed

    def note_read(self, entity: str) -> None:
        """Note that an entity was read and is in the store in its newest revision."""
        self._has_read = True
        self._known.discard(entity)
        self._recent.add(1)

    def note_solved(self, entity: str) -> None:
        """Note that the store has the newest state of an entity, for which nothing was read."""
        self._known.discard(entity)

    def note_failure(self, entity: str, failure: str) -> None:
        """Note that an entity could not be read.

        Args:
            entity: Entity id.
            failure: The error type and the reason.

        Raises:
            WikiError: None of the first entities of a full scan could be read.
        """
        self._last_failure = failure
        self._recent.add(0, {failure.partition(":")[0]: 1})
        if entity in self._known:
            return
        if len(self._known) < MAX_KNOWN:
            self._known.add(entity)
        else:
            self._others += 1
        # A scan of a store in step may find the few entities that can never be read: they are not most of those compared.
        if self.compared and not self._has_read and self.count >= FIRST_ENTITIES and self.are_most:
            raise self._end(f"None of the first {self.count} entities could be read")

    def check_scan(self) -> None:
        """Check the result of a full scan that has ended.

        Raises:
            WikiError: More than half of the entities could not be read.
        """
        if self.count and self.are_most:
            raise self._end(f"{self.count} of {self.compared} entities could not be read")

    def _end(self, summary: str) -> WikiError:
        self.must_restart = True
        return WikiError(f"{summary}. The last one failed with {self._last_failure.rstrip('.')}.", hint=_HINT)
