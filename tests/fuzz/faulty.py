"""``python -m tests.fuzz.faulty``: inputs with each kind of fault, to prove that the suite finds them.

It prints JSON: the signature by fault; null for a fault that was not found.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.fuzz.batch import run_batch
from tests.fuzz.target import Kind, Target, WrongResultError

from wikistate.errors import ConfigError, InputError, InternalError

if TYPE_CHECKING:
    from collections.abc import Callable


def _spin() -> None:
    while True:
        pass


def _allocate() -> None:
    kept = [bytearray(64 << 20) for _ in range(20)]
    raise WrongResultError(f"{len(kept)} pieces of memory were granted")


def _connect() -> None:
    with socket.socket() as client, contextlib.suppress(OSError):  # the guard reports it although the reader does not
        client.connect(("192.0.2.1", 80))


def _write_outside() -> None:
    with contextlib.suppress(OSError):
        Path("/tmp/wikistate-fuzz-escaped").write_text("x", encoding="ascii")


def _raise(error: Exception) -> None:
    raise error


FAULTS: dict[str, Callable[[], object]] = {
    "none": lambda: None,
    "documented": lambda: _raise(InputError("An input is wrong.")),
    "undocumented": lambda: _raise(KeyError("x")),
    "other-error": lambda: _raise(ConfigError("A setting is wrong.")),
    "defect": lambda: _raise(InternalError("A defect.")),
    "segmentation": lambda: ctypes.string_at(0),
    "abort": os.abort,
    "hang": _spin,
    "memory": _allocate,
    "socket": _connect,
    "name": lambda: socket.getaddrinfo("evil.invalid", 80),
    "file": _write_outside,
    "exit": lambda: sys.exit(0),
    "hard-exit": lambda: os._exit(3),
    "killed": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "slow-but-idle": lambda: time.sleep(0.6),
}


def _run(data: bytes, _: Path) -> None:
    FAULTS[data.decode()]()


def main() -> None:
    """Read the input of each fault and print what was found."""
    target = Target(name="faulty", kind=Kind.TEXT, run=_run, errors=(InputError, InternalError), seconds=0.5)
    names = list(FAULTS)
    signatures: dict[str, str | None] = dict.fromkeys(names)
    cases = range(len(names))
    while cases:
        result = run_batch(target, cases, lambda case: names[case].encode(), warm_up=b"none", seconds=None)
        signatures |= {names[case]: signature for case, signature, _ in result.found}
        cases = range(result.following, len(names))
    print(json.dumps(signatures))  # noqa: T201  (the output of the command)


if __name__ == "__main__":
    main()
