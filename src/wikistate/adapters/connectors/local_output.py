"""Outputs on this machine, which hold the output of earlier runs and can be emptied."""

from __future__ import annotations

from typing import Protocol, runtime_checkable


@runtime_checkable
class LocalOutput(Protocol):
    """Endpoint of a sink that is a file."""

    @property
    def place(self) -> str:
        """Name of the file for people."""

    def describe_contents(self) -> str:
        """Return what the file holds, such as ``2,818 lines``; empty for a new or empty file. Blocks."""

    def clear(self) -> None:
        """Remove the contents. Blocks.

        Raises:
            ConfigError: Another process writes to the file.
            SinkError: It cannot be changed.
        """
