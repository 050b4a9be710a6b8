"""Names of outputs for people, and outputs on this machine, which hold the output of earlier runs and can be emptied."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class NamedPlace(Protocol):
    """Endpoint of a sink with a name for people."""

    @property
    def place(self) -> str:
        """Path of a file or folder, ``-`` for a standard stream, or the URL of a topic."""


@runtime_checkable
class LocalOutput(NamedPlace, Protocol):
    """Endpoint of a sink that is a file."""

    def describe_contents(self) -> str:
        """Return what the file holds, such as ``2,818 lines``; empty for a new or empty file. Blocks."""

    def clear(self) -> None:
        """Remove the contents. Blocks.

        Raises:
            ConfigError: Another process writes to the file.
            SinkError: It cannot be changed.
        """
