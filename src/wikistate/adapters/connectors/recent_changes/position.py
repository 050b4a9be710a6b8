"""Which changes are done, so that reading a span of time again finds what was committed late, and nothing twice. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable


class ChangeWindow:
    """Remembers the changes of the last `overlap` milliseconds before the newest one.

    A wiki stamps a change before it commits it, to the second. So a change may appear behind newer ones, and changes
    that share a second may appear one by one: a position in time alone would pass them over.

    Args:
        overlap: Longer than a change may take from its timestamp to its commit.
        begin: Milliseconds since the epoch; changes before are nobody's.
    """

    def __init__(self, overlap: int, begin: int) -> None:
        self._overlap = overlap
        self._begin = begin
        self._newest = begin
        self._changes: dict[str, int] = {}

    @property
    def start(self) -> int:
        """From where to read again, in milliseconds since the epoch."""
        return max(self._begin, self._newest - self._overlap)

    def __contains__(self, identity: str) -> bool:
        return identity in self._changes

    def add(self, changes: Iterable[tuple[str, int]]) -> None:
        """Remember changes by their identities and timestamps, and forget those that are not read again."""
        self._changes.update(changes)
        self._newest = max([self._newest, *self._changes.values()])
        start = self.start
        self._changes = {identity: time for identity, time in self._changes.items() if time >= start}

    def dump(self) -> str:
        """The window as a token."""
        return orjson.dumps({"begin": self._begin, "newest": self._newest, "changes": self._changes}).decode()

    @classmethod
    def load(cls, token: str, overlap: int) -> ChangeWindow:
        """The window that `dump` wrote."""
        stored = orjson.loads(token)
        window = cls(overlap, stored["begin"])
        window._newest = stored["newest"]
        window.add(stored["changes"].items())
        return window
