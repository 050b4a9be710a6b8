"""Keyed state of Python jobs on Flink: one value a key, a map a bucket, or one packed value a bucket."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from tests.support.dependencies import FLINK_PYTHON

from bench.figures import Figure, Target
from wikistate.errors import PartError

if TYPE_CHECKING:
    from bench.stage import Stage

_JOB = Path(__file__).with_name("flink_state_job.py")
_BUCKET_SIZE = 128
_UPDATES = 20_000
_KEYS = 20_000


@dataclass(frozen=True, slots=True)
class FlinkState:
    """Rates of one slot, rows or events a second."""

    rates: dict[str, float]

    def figures(self) -> list[Figure]:
        """See `Result`."""
        targets = {"load by bucket": Target(at_least=20_000.0)}
        return [Figure(way, rate, "keys/s", targets.get(way)) for way, rate in self.rates.items()]


async def measure_flink_state(stage: Stage) -> FlinkState:
    """Measure each way several times, in turn.

    Raises:
        PartError: There is no environment with Flink, or a job failed.
    """
    if not FLINK_PYTHON.exists():
        raise PartError("There is no environment with Flink.", hint="Build it: make flink.")
    ways = ("update by key", "update by map", "update by bucket", "load by key", "load by map", "load by bucket")
    rates: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(stage.sizes.flink_runs):
        idle = await _run("update by bucket", 1, 1)
        for way in ways:
            elements = _UPDATES * (1 if way != "load by bucket" else 2)
            keys = elements if way.startswith("load") else _KEYS
            seconds = (await _run(way, elements, keys) - idle) / 1000
            rates[way].append(elements * (_BUCKET_SIZE if way == "load by bucket" else 1) / seconds)
    return FlinkState({way: median(found) for way, found in rates.items()})


async def _run(way: str, elements: int, keys: int) -> int:
    process = await asyncio.create_subprocess_exec(
        FLINK_PYTHON,
        _JOB,
        way,
        str(elements),
        str(keys),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    stdout, stderr = await process.communicate()
    if process.returncode != 0:
        raise PartError(f"The job on Flink failed: {stderr.decode()[-2000:]}")
    return int(stdout.split()[-1])
