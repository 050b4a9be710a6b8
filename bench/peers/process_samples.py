"""Samples of a run a few times a second: the resources of its processes and the number of outputs."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.processes import read_tail

from wikistate.errors import PartError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tests.support.processes import Process

_INTERVAL = 0.25  # seconds between two samples
_STILL = 4  # samples without a new output, after which no more are expected
_TICK = os.sysconf("SC_CLK_TCK")  # units of CPU time of the kernel in a second
_KIB = 1024  # in a MiB
_SESSION, _USER, _SYSTEM = 3, 11, 12  # fields of /proc/PID/stat after the name, see proc(5)


@dataclass(frozen=True, slots=True)
class Sample:
    """Sample of all processes of a run.

    Attributes:
        outputs: Records in the sink.
        cpu: Seconds of CPU of the running processes, in user and system mode.
        resident: Memory in MiB; shared pages are counted once (PSS).
    """

    outputs: int
    cpu: float
    resident: float


async def sample_processes(
    processes: Sequence[Process], outputs: Callable[[], int], *, until: int, within: float
) -> list[Sample]:
    """Take samples until the sink has so many records and their number no longer increases.

    With repeated events there are more records, and then their number does not show that an event is missing.

    Raises:
        PartError: A process ended, or the run took longer than `within` seconds. Shows the end of its log.
    """
    samples, deadline = list[Sample](), time.monotonic() + within
    while not _is_out(samples, until):
        await asyncio.sleep(_INTERVAL)
        samples.append(_take_sample(processes, outputs()))
        for process in processes:
            if not process.is_running or time.monotonic() > deadline:
                raise PartError(f"Of {until} events only {samples[-1].outputs} were written:\n{read_tail(process.log)}")
    return samples


def _is_out(samples: Sequence[Sample], until: int) -> bool:
    latest = samples[-_STILL:]
    return len(latest) == _STILL and latest[0].outputs == latest[-1].outputs >= until


def _take_sample(processes: Iterable[Process], outputs: int) -> Sample:
    # Each process leads a session, and its child processes stay in that session even if their parent changes.
    members = list(_members({process.pid for process in processes}))
    return Sample(outputs, sum(cpu for _, cpu in members), sum(_resident(folder) for folder, _ in members))


def _members(sessions: set[int]) -> Iterator[tuple[Path, float]]:
    """Yield the folder under /proc and the CPU time of each process of the sessions."""
    for folder in Path("/proc").iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):  # it has just ended
            continue
        if int(fields[_SESSION]) in sessions:
            yield folder, (int(fields[_USER]) + int(fields[_SYSTEM])) / _TICK


def _resident(folder: Path) -> float:
    try:
        lines = (folder / "smaps_rollup").read_text().splitlines()
    except (FileNotFoundError, ProcessLookupError):  # it has just ended
        return 0.0
    return next((int(line.split()[1]) / _KIB for line in lines if line.startswith("Pss:")), 0.0)
