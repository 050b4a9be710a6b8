"""The job on Flink that enriches a stream of changes: a test kills it whole, or one of its Python workers."""

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
    from collections.abc import Callable, Iterable

WORKER = b"pyflink.fn_execution.beam.beam_boot"
"""Module of each Python worker of Flink; it identifies a worker by its command line."""

OPTIONS: dict[str, object] = {
    "flink.parallelism.default": 2,
    "flink.execution.checkpointing.interval": "1 s",
    # A checkpoint waits for the end of a bundle, and no output appears before it: at this rate, a second.
    "flink.python.fn-execution.bundle.size": 200,
}


@dataclass(kw_only=True)
class FlinkStream(ChangeStream):
    """A stream, and the job that reads it: two subtasks, one for each partition.

    Attributes:
        python: Interpreter of the environment that has PyFlink.
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
        """Stop the run."""
        if self._run is not None:
            self._run.ensure_stopped()

    @property
    def run(self) -> Run:
        """Run that was started last."""
        assert self._run is not None, "it was not started"
        return self._run

    @property
    def log(self) -> Path:
        """Log of all runs."""
        return self.folder / "job.log"

    @property
    def flink_logs(self) -> Path:
        """The folder of Flink's logs; see `HasFlinkLogs`."""
        return self.folder / "state"

    def start(self) -> None:
        """Start the job, or start it again: it automatically resumes from its last checkpoint."""
        command = ["-m", "wikistate", "run", "page-content-change", "--runner", "flink", "--no-progress"]
        self._run = Run(
            [self.python, *command, *self.arguments(rate=20), *setting_arguments(**OPTIONS)],
            log=self.log,
            environment={"XDG_STATE_HOME": str(self.folder / "state")},
        )

    def wait_for_growth(self, records: int) -> None:
        """Wait until the outputs have so many additional records."""
        self.run.wait_until(self.make_growth_check(records))

    def wait_for_log(self, text: str) -> None:
        """Wait until the log of the runs has this text."""
        self.run.wait_until(lambda: text in self.log.read_text())

    def wait_until_recovered(self) -> None:
        """Wait until the job has started another worker in the place of a killed one."""
        self.run.wait_until(lambda: len(self.worker_ids() - self._lost) == self.partitions)

    def finish(self) -> int:
        """Wait until each change is in an output, stop the job as its users do, and return its exit code."""
        self.run.wait_until(self.is_complete)
        self.run.terminate()
        return self.run.wait()

    def worker_ids(self) -> set[int]:
        """Return the process ids of the job's Python workers."""
        return find_workers(self.run.process_ids())

    def kill_worker(self, choose: Callable[[list[int]], int]) -> None:
        """Kill one of the Python workers; the other processes of the job live."""
        lost = choose(sorted(self.worker_ids()))
        self._lost.add(lost)
        os.kill(lost, signal.SIGKILL)

    def kill(self) -> None:
        """Kill the job with all of its processes."""
        self.run.kill()


def find_workers(processes: Iterable[int]) -> set[int]:
    """Return the ids of those processes that are Python workers of Flink."""
    return {pid for pid in processes if WORKER in _read_command(pid)}


def find_group(group: int) -> set[int]:
    """Return the ids of the processes of a process group."""
    return {int(folder.name) for folder in Path("/proc").glob("[0-9]*") if _read_group(folder) == group}


def _read_group(folder: Path) -> int:
    try:
        return os.getpgid(int(folder.name))
    except OSError:  # the process has just ended
        return 0


def _read_command(pid: int) -> list[bytes]:
    try:
        return (Path("/proc") / str(pid) / "cmdline").read_bytes().split(b"\0")
    except OSError:  # the process has just ended
        return []
