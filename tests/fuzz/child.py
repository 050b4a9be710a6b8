"""Child process that reads inputs one after the other within the limits of `sandbox`, and reports to its parent.

The number of the current case is in memory that both share, so a child that dies leaves the case that killed it.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import pickle
import shutil
import signal
import struct
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from tests.fuzz import sandbox
from tests.fuzz.finding import sign_exception

from wikistate.cli.exits import report_error
from wikistate.config.runtime import LogFormat, Telemetry
from wikistate.errors import InternalError, WikistateError
from wikistate.telemetry.logs import configure_logs

if TYPE_CHECKING:
    import mmap
    from collections.abc import Callable, Sequence

    from tests.fuzz.target import Target

_PROGRESS = struct.Struct("qq")
NONE = -1

_BUILD_SECONDS = 60.0
"""Seconds of CPU to build an input; a bomb takes some."""


@dataclass(frozen=True, slots=True)
class Progress:
    """Progress of a child in shared memory: the current case, `NONE` between cases, and the next case."""

    memory: mmap.mmap

    def set(self, current: int, following: int) -> None:
        """Set both numbers."""
        _PROGRESS.pack_into(self.memory, 0, current, following)

    def get(self) -> tuple[int, int]:
        """Return both numbers."""
        current, following = _PROGRESS.unpack_from(self.memory, 0)
        return current, following


def run_cases(
    target: Target,
    cases: Sequence[int],
    build: Callable[[int], bytes],
    *,
    warm_up: bytes,
    progress: Progress,
    folder: Path,
    report: TextIO,
    dump: TextIO,
    seconds: float | None,
) -> None:
    """Read the inputs of some cases. Return after the last one, after so many seconds, or when memory ran out.

    Args:
        target: The reader.
        cases: Numbers of the cases.
        build: Returns the input of a case.
        warm_up: A valid input, which is read before the limit of memory applies.
        progress: Progress for the parent.
        folder: Folder for the files of inputs; emptied after each.
        report: Takes a line of JSON for each finding: the case, its signature and the details.
        dump: Takes the stack of a fault.
        seconds: Seconds of the batch; None for no limit.
    """
    sandbox.enter(dump)
    os.environ |= {"XDG_STATE_HOME": str(folder), "XDG_CACHE_HOME": str(folder)}
    begin = time.monotonic()
    run_input(target, warm_up, folder)
    gc.collect()
    sandbox.limit_memory()
    for place, case in enumerate(cases):
        following = cases[place + 1] if place + 1 < len(cases) else case + 1
        progress.set(NONE, case)
        sandbox.limit_cpu(_BUILD_SECONDS)
        data = build(case)
        progress.set(case, following)
        found = run_input(target, data, folder)
        progress.set(NONE, following)
        if found is not None:
            signature, details = found
            report.write(json.dumps([case, signature, details]) + "\n")
            report.flush()
            if "MemoryError" in signature:
                return  # what is left of the heap may be too small for the next case
        if seconds is not None and time.monotonic() - begin > seconds:
            return


def run_input(target: Target, data: bytes, folder: Path) -> tuple[str, str] | None:
    """Read one input. Return the signature and the details of a finding; None if the reader does as it documents."""
    sandbox.GUARD.begin(folder)
    sandbox.limit_cpu(target.seconds)
    try:
        target.run(data, folder)
    except target.errors as error:
        found = _check_error(error)
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise
    except BaseException as error:  # noqa: BLE001  (each exception is a finding)
        found = sign_exception(error)
    else:
        found = None
    finally:
        sandbox.limit_cpu(0.0)
        violations = list(sandbox.GUARD.violations)
        sandbox.GUARD.end()
    _empty(folder)
    if violations:
        return violations[0].partition(":")[0], "\n".join(violations)
    return found


def _check_error(error: Exception) -> tuple[str, str] | None:
    """Return a finding if an error is a defect, cannot be sent between processes, or cannot be shown."""
    if not isinstance(error, WikistateError):
        return None
    if isinstance(error, InternalError):
        return sign_exception(error)
    try:
        pickle.loads(pickle.dumps(error))
        report_error(error)
    except Exception as unshown:  # noqa: BLE001  (each exception is a finding)
        _, details = sign_exception(error)
        return f"error cannot be shown: {type(unshown).__name__} after {type(error).__name__}", details
    return None


def _empty(folder: Path) -> None:
    for entry in os.scandir(folder):
        if entry.is_dir(follow_symlinks=False):
            shutil.rmtree(entry.path, ignore_errors=True)
        else:
            Path(entry.path).unlink()


def silence_output() -> None:
    """Send standard output, standard error and the log of this process to nowhere, encoded as for a terminal."""
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 1)
    os.dup2(null, 2)
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115  (open until the process ends)
    sys.stderr = open(2, "w", encoding="utf-8", closefd=False, errors="backslashreplace")  # noqa: SIM115
    configure_logs(Telemetry(log_format=LogFormat.ECS, log_level="debug"))


def restore_signals() -> None:
    """Let signals end this process, as if its parent had no handlers."""
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(OSError):
            signal.signal(number, signal.SIG_DFL)
