"""The changes that are done, so that a repeated request finds late changes and repeats none. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from wikistate.core.events.fields import FieldError, load_fields
from wikistate.core.events.integers import MAX_TIME, MIN_TIME
from wikistate.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Iterable


class ChangeWindow:
    """The changes of the last `overlap` milliseconds before the newest change.

    The timestamp of a change has seconds, and the wiki sets it before it commits the change. A change may therefore
    appear after newer ones, and changes of the same second may appear one by one: a time as the position would miss them.

    Args:
        overlap: Milliseconds, longer than the time from the timestamp of a change to its commit.
        begin: Milliseconds since the epoch; earlier changes are ignored.
    """

    def __init__(self, overlap: int, begin: int) -> None:
        self._overlap = overlap
        self._begin = begin
        self._newest = begin
        self._changes: dict[str, int] = {}

    @property
    def start(self) -> int:
        """The start of the next request, in milliseconds since the epoch."""
        return max(self._begin, self._newest - self._overlap)

    def __contains__(self, identity: object) -> bool:
        return identity in self._changes

    def add(self, changes: Iterable[tuple[str, int]]) -> None:
        """Add changes by their identities and timestamps, and drop those before `start`."""
        self._changes.update(changes)
        self._newest = max([self._newest, *self._changes.values()])
        start = self.start
        self._changes = {identity: time for identity, time in self._changes.items() if time >= start}

    def dump(self) -> str:
        """Return the window as a resume token."""
        return orjson.dumps({"begin": self._begin, "newest": self._newest, "changes": self._changes}).decode()

    @classmethod
    def load(cls, token: str, overlap: int) -> ChangeWindow:
        """Return the window that `dump` wrote. Raise `StateError` for another text."""
        try:
            stored = load_fields(token)
            window = cls(overlap, stored.integer("begin", minimum=MIN_TIME, maximum=MAX_TIME))
            window._newest = stored.integer("newest", minimum=MIN_TIME, maximum=MAX_TIME)
            changes = stored.fields("changes")
            window.add((name, changes.integer(name, minimum=MIN_TIME, maximum=MAX_TIME)) for name in changes.values)
        except FieldError as error:
            raise StateError(
                f"The position in the recent changes cannot be read: {error.message}.",
                hint="Restore the state of the job from a backup, or remove it and set the start.",
            ) from error
        return window
