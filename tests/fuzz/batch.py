"""Batch of cases in one child process: the parent's side, which watches the child and describes its death."""

from __future__ import annotations

import json
import mmap
import os
import shutil
import signal
import tempfile
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tests.fuzz.child import NONE, Progress, restore_signals, run_cases, silence_output
from tests.fuzz.finding import sign_stack

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from tests.fuzz.target import Target

_STUCK_SECONDS = 90.0
"""Seconds without progress after which a child is killed, although it uses no CPU: a machine may be busy."""

_POLL = 0.005  # seconds between looks at the progress
_DUMP_SECONDS = 5.0  # seconds to write the stack of a child that is stuck
_EMPTY = 4096


class BatchResult(NamedTuple):
    """Result of a batch.

    Attributes:
        found: Case, signature and details of each finding.
        following: The first case that was not read.
        read: Number of inputs that were read.
    """

    found: list[tuple[int, str, str]]
    following: int
    read: int


class HarnessError(Exception):
    """Defect of the suite, or of the seed that a target reads first."""


def run_batch(
    target: Target, cases: Sequence[int], build: Callable[[int], bytes], *, warm_up: bytes, seconds: float | None
) -> BatchResult:
    """Read the inputs of some cases in a child. A child that dies ends the batch behind the case that killed it.

    Raises:
        HarnessError: The child died outside of a case.
    """
    scratch = Path(tempfile.mkdtemp(prefix="wikistate-fuzz-"))
    progress = Progress(mmap.mmap(-1, _EMPTY))
    progress.set(NONE, cases[0])
    try:
        pid = os.fork()
        if pid == 0:
            _be_child(target, cases, build, warm_up=warm_up, progress=progress, scratch=scratch, seconds=seconds)
        status = _watch(pid, progress)
        return _describe(status, progress, scratch, cases)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
        progress.memory.close()


def _be_child(
    target: Target,
    cases: Sequence[int],
    build: Callable[[int], bytes],
    *,
    warm_up: bytes,
    progress: Progress,
    scratch: Path,
    seconds: float | None,
) -> None:
    """Run the cases and end the process, which never returns to the code of the parent."""
    code = 1
    try:
        restore_signals()
        silence_output()
        folder = scratch / "files"
        folder.mkdir()
        with (scratch / "report").open("w", encoding="utf-8") as report, (scratch / "dump").open("w") as dump:
            try:
                run_cases(
                    target,
                    cases,
                    build,
                    warm_up=warm_up,
                    progress=progress,
                    folder=folder,
                    report=report,
                    dump=dump,
                    seconds=seconds,
                )
                code = 0
            except BaseException:  # noqa: BLE001  (a defect of the suite, which the parent reports)
                traceback.print_exc(file=dump)
    finally:
        os._exit(code)


def _watch(pid: int, progress: Progress) -> int:
    """Return the status of a child after its end. Kill it if it makes no progress."""
    before, since = progress.get(), time.monotonic()
    try:
        while (found := os.waitpid(pid, os.WNOHANG)) == (0, 0):
            time.sleep(_POLL)
            now = progress.get()
            if now != before:
                before, since = now, time.monotonic()
            elif time.monotonic() - since >= _STUCK_SECONDS:
                os.kill(pid, signal.SIGABRT)  # its handler writes the stack
                time.sleep(_DUMP_SECONDS)
                os.kill(pid, signal.SIGKILL)
                return os.waitpid(pid, 0)[1]
    except BaseException:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        raise
    return found[1]


def _describe(status: int, progress: Progress, scratch: Path, cases: Sequence[int]) -> BatchResult:
    current, following = progress.get()
    report, dump = scratch / "report", (scratch / "dump").read_text(errors="replace")
    found = [
        (case, signature, details) for case, signature, details in map(json.loads, report.read_text().splitlines())
    ]
    if status:
        if current == NONE:
            raise HarnessError(f"The child ended with the status {status} outside of a case.\n{dump[-4000:]}")
        found.append((current, *sign_stack(_name_death(status), dump)))
    count = sum(1 for case in cases if case < following)
    return BatchResult(found, following, count)


def _name_death(status: int) -> str:
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        match number:
            case signal.SIGPROF:
                return "hang (CPU)"
            case signal.SIGABRT:
                return "SIGABRT"
            case signal.SIGKILL:
                return "SIGKILL (a hang without CPU, or no memory)"
            case _:
                return signal.Signals(number).name
    return f"exit {os.waitstatus_to_exitcode(status)}"
