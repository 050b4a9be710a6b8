"""The report of the steps of a command to the person who runs it."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Report of steps."""

    def report(self, step: str) -> None:
        """Report a step that begins, or a state that changed."""
