"""The job on Flink that enriches a stream of changes: killed whole, or one of its Python workers."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from tests.contract.runner.runs import Run
from tests.e2e.change_stream import ChangeStream
from tests.e2e.enrichment_job import setting_arguments

if TYPE_CHECKING:
    from collections.abc import Callable

WORKER = b"pyflink.fn_execution.beam.beam_boot"
"""The module that each of Flink's Python workers runs, by which its command line is known."""

OPTIONS: dict[str, object] = {
    "flink.parallelism.default": 2,
    "flink.execution.checkpointing.interval": "1 s",
    # A checkpoint waits for the end of a bundle, and nothing comes out before it: at this rate, a second.
    "flink.python.fn-execution.bundle.size": 200,
}


@dataclass(kw_only=True)
class FlinkStream(ChangeStream):
    """A stream, and the job that reads it: two subtasks, one for each partition.

    Attributes:
        python: Of the environment that has PyFlink.
    """

    python: Path
    partitions: int = 2

    def __post_init__(self) -> None:
        super().__post_init__()
        self._run: Run | None = None
        self._lost = set[int]()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Leave nothing behind."""
        if self._run is not None:
            self._run.ensure_stopped()

    @property
    def run(self) -> Run:
        """The run that was started last."""
        assert self._run is not None, "it was not started"
        return self._run

    @property
    def read_log(self) -> Path:
        """What all runs have said."""
        return self.folder / "job.log"

    def start(self) -> None:
        """Start the job, or start it again: it goes on by itself from what it kept."""
        command = ["-m", "wikistate", "run", "page-content-change", "--runner", "flink", "--no-progress"]
        self._run = Run(
            [self.python, *command, *self.arguments(rate=20), *setting_arguments(**OPTIONS)],
            log=self.read_log,
            environment={"XDG_STATE_HOME": str(self.folder / "state")},
        )

    def wait_for_growth(self, records: int) -> None:
        """Wait until the outputs have so many records more."""
        self.run.wait_until(self.make_growth_check(records))

    def wait_for_log(self, text: str) -> None:
        """Wait until a run has said this."""
        self.run.wait_until(lambda: text in self.read_log.read_text())

    def wait_until_recovered(self) -> None:
        """Wait until the job, which lost a worker, has another in its place."""
        self.run.wait_until(lambda: len(self.worker_ids() - self._lost) == self.partitions)

    def finish(self) -> int:
        """Wait until every change is out, and stop the job as its users do; its exit code. Nothing of it is left."""
        self.run.wait_until(self.is_complete)
        self.run.terminate()
        return self.run.wait()

    def worker_ids(self) -> set[int]:
        """The ids of the job's Python workers."""
        return {pid for pid in self.run.process_ids() if WORKER in _read_command(pid)}

    def kill_worker(self, choose: Callable[[list[int]], int]) -> None:
        """Kill one of the Python workers; all else of the job lives."""
        lost = choose(sorted(self.worker_ids()))
        self._lost.add(lost)
        os.kill(lost, signal.SIGKILL)

    def kill(self) -> None:
        """Kill the job with all of its processes."""
        self.run.kill()


def _read_command(pid: int) -> list[bytes]:
    try:
        return (Path("/proc") / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:  # it ended just now
        return []
