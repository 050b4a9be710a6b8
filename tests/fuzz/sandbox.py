"""Limits of the child processes that read inputs: memory, CPU time, file sizes, places of files, and addresses.

The memory limit is on the address space (`RLIMIT_AS`), and not on the resident pages: the kernel enforces it at each
allocation, also within C and Rust, before the machine is short of memory. It is 512 MB above the size of the process after
all imports and the first run of the target, so libraries do not count.
"""

from __future__ import annotations

import ctypes
import faulthandler
import os
import resource
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from wikistate.runners.process_tuning import limit_malloc_arenas

if TYPE_CHECKING:
    from collections.abc import Callable

MEMORY = 512 * 1024 * 1024
"""Bytes that the reading of inputs may add to the address space of a process."""

FILE_SIZE = 256 * 1024 * 1024
"""Bytes of the largest file that may be written."""

_PAGE = resource.getpagesize()
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_PATH_EVENTS: dict[str, tuple[int, ...]] = {
    **dict.fromkeys(
        ("os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.chmod", "os.chown", "shutil.rmtree"), (0,)
    ),
    **dict.fromkeys(("os.rename", "os.link", "os.symlink", "shutil.copyfile", "shutil.move"), (0, 1)),
    "sqlite3.connect": (0,),
}
"""Audit events that change files, with the places of the paths in their arguments."""


class Guard:
    """Audit hook that reports and forbids files outside of a folder and connections to foreign addresses.

    Attributes:
        violations: Forbidden actions since the last call of `begin`, for people.
        allowed: Addresses that may be connected to.
    """

    def __init__(self) -> None:
        self.violations: list[str] = []
        self.allowed: set[tuple[str, int]] = set()
        self._folder = ""
        self._checks: dict[str, Callable[[tuple[Any, ...]], None]] = {
            "open": self._check_open,
            "socket.connect": self._check_connect,
            "socket.sendto": self._check_connect,
            "socket.getaddrinfo": self._check_name,
            "socket.gethostbyname": self._check_name,
            "subprocess.Popen": self._check_process,
            "os.system": self._check_process,
            "os.exec": self._check_process,
            "os.posix_spawn": self._check_process,
        }
        sys.addaudithook(self._audit)

    def begin(self, folder: Path) -> None:
        """Allow files below a folder from now on, and forget what was tried before."""
        self._folder = f"{folder.resolve()}{os.sep}"
        self.violations.clear()

    def end(self) -> None:
        """Check nothing until the next call of `begin`."""
        self._folder = ""

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._folder:
            return
        if (check := self._checks.get(event)) is not None:
            check(arguments)
        elif (places := _PATH_EVENTS.get(event)) is not None:
            for place in places:
                self._check_path(arguments[place], event)

    def _check_open(self, arguments: tuple[Any, ...]) -> None:
        path, mode, flags = arguments
        if (isinstance(mode, str) and set(mode) & set("wax+")) or (isinstance(flags, int) and flags & _WRITING):
            self._check_path(path, "open for writing")

    def _check_path(self, path: object, event: str) -> None:
        if isinstance(path, int) or path == ":memory:":
            return
        text = os.fsdecode(path) if isinstance(path, bytes | str | os.PathLike) else str(path)
        full = str(Path(text).absolute().resolve())
        if not f"{full}{os.sep}".startswith(self._folder) and full != os.devnull:
            self._forbid(f"file outside of the given folder: {event} {text!r:.200}")

    def _check_connect(self, arguments: tuple[Any, ...]) -> None:
        address = arguments[1]
        if isinstance(address, tuple) and tuple(address[:2]) not in self.allowed:
            self._forbid(f"request to a host that is not allowed: {address!r:.200}")

    def _check_name(self, arguments: tuple[Any, ...]) -> None:
        host = arguments[0].decode(errors="replace") if isinstance(arguments[0], bytes) else arguments[0]
        if host is not None and host not in {name for name, _ in self.allowed}:
            self._forbid(f"resolution of a host that is not allowed: {host!r:.200}")

    def _check_process(self, arguments: tuple[Any, ...]) -> None:
        if str(arguments[0]) != sys.executable:  # a parser may run in another process of the same Python
            self._forbid(f"process: {arguments!r:.200}")

    def _forbid(self, violation: str) -> None:
        self.violations.append(violation)
        raise PermissionError(violation)


GUARD = Guard()
"""Guard of this process and of its children."""


def enter(dump: TextIO) -> None:
    """Apply the limits of a child that do not depend on the target; faults write the stack to `dump`."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_SIZE, FILE_SIZE))
    faulthandler.enable(dump, all_threads=True)
    faulthandler.register(signal.SIGPROF, dump, all_threads=True, chain=True)
    limit_malloc_arenas()


def limit_memory() -> None:
    """Limit the address space to its current size and `MEMORY` more."""
    ctypes.CDLL(None).malloc_trim(0)
    size = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * _PAGE
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))


def limit_cpu(seconds: float) -> None:
    """Kill the process by SIGPROF after so many seconds of CPU; 0 for no limit."""
    signal.setitimer(signal.ITIMER_PROF, seconds)
