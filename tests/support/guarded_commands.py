"""Commands of wikistate in guarded processes: bounded memory, and a list of the addresses that each one connects to."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.support.forked_commands import ForkedProcess, find_forker

if TYPE_CHECKING:
    import signal

MEMORY = 2 << 30
"""Bytes of address space of a command. A job needs about a third; the rest of it are stacks and pools not in use."""

CONNECTIONS, OUT, ERR = "connections.txt", "out.txt", "err.txt"
"""Files in the folder of a command: the addresses that it connected to, one a line, and its outputs."""


class EndedCommand(NamedTuple):
    """A command that has ended.

    Attributes:
        status: Exit status; ``-N`` for signal N.
        out: Its standard output.
        err: Its standard error.
        connections: Host and port of each connection.
    """

    status: int
    out: bytes
    err: bytes
    connections: frozenset[str]


@dataclass(frozen=True, slots=True)
class GuardedCommand:
    """A command that runs in a folder."""

    process: ForkedProcess
    folder: Path

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self.process.returncode is None

    def read_activity(self) -> str:
        """Return a text that differs from the one before if it has computed since; "R" if it is computing now."""
        try:
            stat = (Path("/proc") / str(self.process.pid) / "stat").read_text()
        except OSError:  # it has ended now
            return "R"
        state, *fields = stat.rpartition(") ")[2].split()  # behind the name of the program in parentheses
        return "R" if state == "R" else " ".join(fields[10:12])

    def send(self, number: signal.Signals) -> None:
        """Send a signal to it, unless it has ended."""
        self.process.send_signal(number)

    async def wait(self) -> EndedCommand:
        """Wait until it has ended."""
        status = await self.process.wait()
        await self.process.close()
        listed = self.folder / CONNECTIONS
        return EndedCommand(
            status,
            (self.folder / OUT).read_bytes(),
            (self.folder / ERR).read_bytes(),
            frozenset(listed.read_text().split() if listed.exists() else ()),
        )


async def start_guarded(*words: str, folder: Path, environment: dict[str, str]) -> GuardedCommand:
    """Start a command in a folder, with these variables beside those of this process."""
    streams = [
        os.open(file, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o600) for file in (os.devnull, folder / OUT, folder / ERR)
    ]
    guard = {"memory": MEMORY, "connections": str(folder / CONNECTIONS)}
    reports = find_forker().fork(words, folder, streams, environment=environment, guard=guard)
    return GuardedCommand(await ForkedProcess.watch(reports), folder)
