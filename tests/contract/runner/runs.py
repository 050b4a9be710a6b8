"""A job as a process: started by its command, stopped and killed with all processes that it has started."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import orjson
from tests.support.processes import Process, read_tail

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from tests.contract.runner.runners import RunnerUnderTest

TIMEOUT = 120.0
"""Seconds until a wait fails: the machine may be busy with other tests."""

_MARK = "WIKISTATE_CONTRACT_RUN"
_POLL_SECONDS = 0.05  # seconds between two polls


class Run:
    """One run of a job.

    The processes that it starts (a JVM, Python workers) are found by a mark in the environment. Every process inherits
    it, even a process that has left the group.

    Args:
        command: Program and arguments.
        log: The file to which its output is appended.
        environment: Variables beside those of this process.
    """

    def __init__(self, command: Sequence[str | Path], *, log: Path, environment: Mapping[str, str]) -> None:
        self._mark = uuid4().hex
        self._process = Process(command, log=log, environment={**environment, _MARK: self._mark})

    @property
    def is_running(self) -> bool:
        """Whether the process runs."""
        return self._process.is_running

    def process_ids(self) -> list[int]:
        """Return the ids of all processes of this run."""
        return [int(folder.name) for folder in Path("/proc").glob("[0-9]*") if self._has_mark(folder)]

    def _has_mark(self, folder: Path) -> bool:
        try:
            return f"{_MARK}={self._mark}".encode() in (folder / "environ").read_bytes().split(b"\0")
        except OSError:  # it has just ended, or belongs to another user
            return False

    def terminate(self) -> None:
        """Send SIGTERM to the started process alone."""
        os.kill(self._process.pid, signal.SIGTERM)

    def interrupt(self) -> None:
        """Send SIGINT to all processes of the group, as Ctrl+C in a terminal."""
        self._process.send(signal.SIGINT)

    def wait(self) -> int:
        """Wait until all processes have ended, and return the exit code."""
        wait_until(lambda: not self.is_running and not self.process_ids(), self._describe_state)
        return self._process.kill()  # it has ended: this returns the exit code

    def kill(self) -> None:
        """Kill the whole group at once, as a crash of the machine, and wait until no process is left."""
        self._process.kill()
        wait_until(lambda: not self.process_ids(), self._describe_state)

    def ensure_stopped(self) -> None:
        """Kill all processes that are left."""
        self._process.kill()
        for each in self.process_ids():
            with suppress(ProcessLookupError):  # it has ended meanwhile
                os.kill(each, signal.SIGKILL)

    def wait_until(self, condition: Callable[[], bool]) -> None:
        """Wait for a condition that must become true while the job runs."""

        def look() -> bool:
            assert self.is_running, f"the job has ended: {self._describe_state()}"
            return condition()

        wait_until(look, self._describe_state)

    def _describe_state(self) -> str:
        return f"{read_tail(self._process.log)}\nProcesses: {self.process_ids()}"


def start_job(
    runner: RunnerUnderTest, job: str, options: Sequence[str], settings: Mapping[str, object], *, folder: Path
) -> Run:
    """Start a job with the options of its endpoints.

    Args:
        runner: The runner.
        job: Name of the job.
        options: Options of its endpoints.
        settings: Values of settings by their names.
        folder: Folder of its log and its state.
    """
    words = [word for name, value in settings.items() for word in ("--set", f"{name}={orjson.dumps(value).decode()}")]
    command = [str(runner.python), "-m", "wikistate", "run", job, "--runner", runner.name, "--no-progress"]
    return Run(
        [*command, *options, *words], log=folder / "job.log", environment={"XDG_STATE_HOME": str(folder / "state")}
    )


def wait_until(condition: Callable[[], bool], describe: Callable[[], str]) -> None:
    """Wait for a condition; fail with the text of `describe` when it does not become true."""
    give_up = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < give_up, describe()
        time.sleep(_POLL_SECONDS)
