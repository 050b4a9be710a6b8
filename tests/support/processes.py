"""Processes of tests and tools: they always end, have a log, and start within a time limit."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from wikistate.errors import PartError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

# Kills a process group unless it reads a line. End of file means that the process with the other end of the pipe has
# ended for any reason. It is a watchdog and not the parent-death signal of the kernel: that signal depends on the thread
# that started the process, and the workers that PHP forks do not inherit it.
_WATCHDOG = 'read -r released || kill -s KILL -- "-$1"'

_PORTS = range(18_000, 30_000)
_POLL_SECONDS = 0.05  # seconds between two checks of a process that is not ready


def find_free_port() -> int:
    """Return an unused port of the loopback interface.

    It is below the range of the kernel for outgoing connections: a client that retries an unused port of that range
    connects to itself sooner or later, and then a killed part could not start on its port again.
    """
    for port in random.sample(_PORTS, k=200):
        with socket.socket() as probe:
            # As in servers: a port with connections in TIME_WAIT only is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise PartError("No free port was found on the loopback interface.", hint=f"Free some of {_PORTS}.")


class Process:
    """Running command in a separate process group, which ends at the latest with this process.

    Args:
        command: Program and arguments.
        log: File to which its output is appended, so that a restart keeps the earlier output.
        environment: Variables beside those of this process.
        folder: Working directory; that of this process when None.

    Raises:
        PartError: The program cannot be started.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        environment: Mapping[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self.name = os.path.basename(command[0])  # noqa: PTH119 (a name for messages; str and Path alike)
        self.log = log
        with log.open("ab") as output:
            try:
                self._process = subprocess.Popen(
                    [str(word) for word in command],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **(environment or {})},
                    cwd=folder,
                    start_new_session=True,
                )
            except OSError as error:
                raise PartError(f"{command[0]} cannot be started: {error.strerror}.") from error
        self._watchdog = _start_watchdog(self.pid)
        self._released = False

    @property
    def pid(self) -> int:
        """Id of the process and of its group."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the process has not ended."""
        return self._process.poll() is None

    def send(self, signal_number: signal.Signals) -> None:
        """Send a signal to the whole group, for example SIGSTOP and SIGCONT to suspend and resume it."""
        if self.is_running:
            os.killpg(self.pid, signal_number)

    def stop(self, *, within: float = 30.0) -> int:
        """Terminate the process, kill it after `within` seconds, and return the exit status, ``-N`` for signal N."""
        self.send(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(within)
        return self.kill()

    def kill(self) -> int:
        """Kill the whole group and return the exit status. Further calls have no effect."""
        if not self._released:
            with suppress(ProcessLookupError):  # the whole group has ended
                os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
            self._watchdog.communicate(b"released\n")
            self._released = True  # from now on another process may have the id
        return self._process.wait()

    def wait_until(self, ready: Callable[[], bool], *, within: float) -> None:
        """Wait until `ready` returns true.

        Raises:
            PartError: The process ended, or was killed after `within` seconds. Shows the end of the log.
        """
        deadline = time.monotonic() + within
        while not ready():
            if not self.is_running:
                raise self._make_error(f"{self.name} ended with status {self.kill()} before it was ready")
            if time.monotonic() > deadline:
                self.kill()
                raise self._make_error(f"{self.name} was not ready within {within:g} s")
            time.sleep(_POLL_SECONDS)

    def _make_error(self, message: str) -> PartError:
        return PartError(f"{message}. The end of its log:\n{read_tail(self.log)}", hint=f"\nThe whole log: {self.log}")


def read_tail(log: Path, *, lines: int = 40) -> str:
    """Return the last lines of a log, for an error message."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def _start_watchdog(group: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["/bin/sh", "-c", _WATCHDOG, "watchdog", str(group)],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
