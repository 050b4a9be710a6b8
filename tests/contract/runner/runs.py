"""A job as a process: started as its users start it, stopped and killed with all that it has started itself."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from tests.support.processes import Process, read_tail

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

TIMEOUT = 120.0
"""Seconds for anything that happens at all: the machine may be busy with other tests."""

_MARK = "WIKISTATE_CONTRACT_RUN"
_POLL_SECONDS = 0.05  # seconds between two looks


class Run:
    """One run of a job.

    What it starts (a JVM, Python workers) is known by a mark in the environment, which every process inherits, and so
    is found even where it has left the group.

    Args:
        command: Program and arguments.
        log: Where its output goes, appended.
        environment: Added to our own.
    """

    def __init__(self, command: Sequence[str | Path], *, log: Path, environment: Mapping[str, str]) -> None:
        self._mark = uuid4().hex
        self._process = Process(command, log=log, environment={**environment, _MARK: self._mark})

    @property
    def is_running(self) -> bool:
        """Whether it has not ended."""
        return self._process.is_running

    def process_ids(self) -> list[int]:
        """The ids of all processes that are left of it."""
        return [int(folder.name) for folder in Path("/proc").glob("[0-9]*") if self._has_mark(folder)]

    def _has_mark(self, folder: Path) -> bool:
        try:
            return f"{_MARK}={self._mark}".encode() in (folder / "environ").read_bytes().split(b"\0")
        except OSError:  # it ended just now, or is somebody else's
            return False

    def terminate(self) -> None:
        """Tell the process that the user has started, and no other, to stop."""
        os.kill(self._process.pid, signal.SIGTERM)

    def interrupt(self) -> None:
        """Press Ctrl+C: the terminal tells all processes of the group at once."""
        self._process.send(signal.SIGINT)

    def wait(self) -> int:
        """Wait for its end, which leaves nothing behind; its exit code."""
        wait_until(lambda: not self.is_running and not self.process_ids(), self._describe_state)
        return self._process.kill()  # it has ended: this tells how

    def kill(self) -> None:
        """End the whole group at once, as a crash of the machine would, and wait until nothing is left."""
        self._process.kill()
        wait_until(lambda: not self.process_ids(), self._describe_state)

    def ensure_stopped(self) -> None:
        """Make sure that nothing is left, whatever has happened."""
        self._process.kill()
        for each in self.process_ids():
            with suppress(ProcessLookupError):  # it ended by itself meanwhile
                os.kill(each, signal.SIGKILL)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait for something that must come while it runs."""

        def look() -> bool:
            assert self.is_running, f"the job has ended: {self._describe_state()}"
            return condition()

        wait_until(look, self._describe_state)

    def _describe_state(self) -> str:
        return f"{read_tail(self._process.log)}\nProcesses: {self.process_ids()}"


def wait_until(condition: Callable[[], bool], describe: Callable[[], str]) -> None:
    """Wait for something that must come; fails with what `describe` says when it does not."""
    give_up = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < give_up, describe()
        time.sleep(_POLL_SECONDS)
