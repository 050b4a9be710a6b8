"""Processes that tests and tools start: never left behind, always with a log, awaited with a bound."""

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

# Ends the group that it is given, unless it is told by a line that there is no need. End of file means that the
# process which held the other end of the pipe is gone, whatever took it. A watchdog and not the kernel's parent-death
# signal: that one follows the thread that started the process, and is not handed on to the workers that PHP forks.
_WATCHDOG = 'read -r released || kill -s KILL -- "-$1"'

_PORTS = range(18_000, 30_000)
_POLL_SECONDS = 0.05  # seconds between two looks at something that is not ready yet


def find_free_port() -> int:
    """A port of the loopback interface that nobody listens on.

    Taken from below the kernel's own range for outgoing connections: a client that keeps dialling a dead port of
    that range connects to itself sooner or later, and a killed part could then not be started on its port again.
    """
    for port in random.sample(_PORTS, k=200):
        with socket.socket() as probe:
            # As servers do: a port whose last connections are only fading out is free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise PartError("No free port was found on the loopback interface.", hint=f"Free some of {_PORTS}.")


class Process:
    """A running command in a process group of its own, which ends at the latest when this process does.

    Args:
        command: Program and arguments.
        log: Where its output goes, appended, so that a restart keeps what was said before.
        environment: Added to our own environment.
        folder: Its working directory; ours when None.

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
        """The id of the process and of its group."""
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether it has not ended yet."""
        return self._process.poll() is None

    def send(self, signal_number: signal.Signals) -> None:
        """Send a signal to the whole group, for example SIGSTOP and SIGCONT for a part that hangs."""
        if self.is_running:
            os.killpg(self.pid, signal_number)

    def stop(self, *, within: float = 30.0) -> int:
        """Ask it to end, wait up to `within` seconds, then make it. Returns the exit status, ``-N`` for signal N."""
        self.send(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(within)
        return self.kill()

    def kill(self) -> int:
        """End the whole group at once. Returns the exit status. Does nothing more when called again."""
        if not self._released:
            with suppress(ProcessLookupError):  # nothing of the group is left
                os.killpg(self.pid, signal.SIGKILL)
            self._process.wait()
            self._watchdog.communicate(b"released\n")
            self._released = True  # from now on the id may be somebody else's
        return self._process.wait()

    def wait_until(self, ready: Callable[[], bool], *, within: float) -> None:
        """Return as soon as `ready` says so.

        Raises:
            PartError: The process ended first, or `within` seconds passed; it is ended then. Shows the end of the log.
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
        return PartError(f"{message}. The end of its log:\n{read_tail(self.log)}", hint=f"\nAll of it: {self.log}")


def read_tail(log: Path, *, lines: int = 40) -> str:
    """The last lines of a log, for an error message."""
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])


def _start_watchdog(group: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["/bin/sh", "-c", _WATCHDOG, "watchdog", str(group)],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
