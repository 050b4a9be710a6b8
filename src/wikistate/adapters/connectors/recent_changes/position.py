"""The changes that are done, so that a repeated request finds late changes and repeats none. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from wikistate.adapters.connectors.saved_values import read_saved
from wikistate.core.events.integers import MAX_TIME, is_integer
from wikistate.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable


MAX_CHANGES = 200_000
"""The most changes of one window, in memory and in the stored position: more than a thousand a second for two minutes."""


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
        """Add changes by their identities and timestamps, and drop those before `start`.

        Raises:
            SourceError: The window has more than `MAX_CHANGES`.
        """
        self._changes.update(changes)
        self._newest = max([self._newest, *self._changes.values()])
        start = self.start
        self._changes = {identity: time for identity, time in self._changes.items() if time >= start}
        if len(self._changes) > MAX_CHANGES:
            raise SourceError(
                f"The wiki lists more than the allowed {MAX_CHANGES} changes within the {self._overlap / 1000:g} seconds that "
                "each request covers again.",
                hint="Lower stream_manager.source.options.overlap, but not below the longest transaction of the wiki.",
            )

    def dump(self) -> str:
        """Return the window as a resume token."""
        return orjson.dumps({"begin": self._begin, "newest": self._newest, "changes": self._changes}).decode()

    @classmethod
    def load(cls, token: str, overlap: int) -> ChangeWindow:
        """Return the window that `dump` wrote. Raises `StateError` if it is damaged."""
        begin, newest, changes = read_saved("position", token, _decode)
        window = cls(overlap, begin)
        window._newest = newest
        window.add(changes.items())
        return window


def _decode(stored: object) -> tuple[int, int, dict[str, int]]:
    match stored:
        case {"begin": begin, "newest": newest, "changes": dict(changes)} if all(
            map(_is_time, (begin, newest, *changes.values()))
        ):
            return begin, newest, changes
    raise ValueError("not a window of changes")


def _is_time(value: object) -> bool:
    return is_integer(value, minimum=-MAX_TIME, maximum=MAX_TIME)
