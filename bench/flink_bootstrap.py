"""The initial state of rdf-updater on Flink: seconds of each step, size of the savepoint, memory of each process.

Two runs of different size give the cost of an entity without that of the start of Flink.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import orjson
from tests.contract.runner.runs import Run
from tests.support.dependencies import FLINK_PYTHON
from tests.support.processes import read_tail

from bench.figures import Figure, Target
from bench.memory import read_sizes
from wikistate.core.events.timestamps import parse_timestamp
from wikistate.errors import PartError

if TYPE_CHECKING:
    from bench.stage import Stage

_TIMES = 5
"""Size of the larger run in that of the smaller one."""

_WIKIDATA = 120_000_000  # entities, for the extrapolated figures
_LARGEST_REVISION = 2_500_000_000
_SEED = 20_260_101
_POLL_SECONDS = 0.1
_DEADLINE = 900.0  # seconds for a run
_MIB = 1024**2
_SETTINGS = (
    "rdf.hostname=wikibase.example",
    "rdf.entity_namespaces=[120]",
    "stream_manager.sink.connector=kafka",
    "stream_manager.sink.options.bootstrap_servers=127.0.0.1:1",
)


@dataclass(frozen=True, slots=True)
class Steps:
    """One run.

    Attributes:
        sort: Seconds until the lists were read, sorted and packed.
        load: Seconds until Flink had loaded them, its start included.
        save: Seconds until the savepoint was complete, and the process had ended.
        size: Bytes of the savepoint.
        memory: Largest resident size of the command, the JVM and the Python worker, in MiB.
    """

    sort: float
    load: float
    save: float
    size: int
    memory: dict[str, float]

    @property
    def seconds(self) -> float:
        """Seconds of the whole run."""
        return self.sort + self.load + self.save


@dataclass(frozen=True, slots=True)
class FlinkBootstrap:
    """Result of a run with `entities`, and of one with so many times as many."""

    entities: int
    small: Steps
    large: Steps

    def figures(self) -> list[Figure]:
        """See `Result`."""
        more = self.entities * (_TIMES - 1)
        sort = self.large.sort - self.small.sort
        load = self.large.load + self.large.save - self.small.load - self.small.save
        whole = self.small.seconds + (sort + load) * (_WIKIDATA - self.entities) / more
        bytes_each = (self.large.size - self.small.size) / more
        return [
            Figure("entities", self.entities, ""),
            Figure("whole command", self.small.seconds, "s"),
            Figure("whole command, five times as many", self.large.seconds, "s"),
            Figure("read and sorted", more / sort, "entities/s"),
            Figure("loaded and saved by Flink", more / load, "entities/s", Target(at_least=20_000)),
            Figure("size of the savepoint", self.small.size / _MIB, "MiB"),
            Figure("savepoint", bytes_each, "bytes/entity", Target(at_most=20)),
            *(Figure(f"memory, {name}", size, "MiB") for name, size in self.large.memory.items()),
            Figure("on paper, 120 million entities", whole / 60, "min"),
            Figure("on paper, savepoint of 120 million", bytes_each * _WIKIDATA / 1e9, "GB"),
        ]


async def measure_flink_bootstrap(stage: Stage) -> FlinkBootstrap:
    """Bootstrap from a list in random order, and from a longer one.

    Raises:
        PartError: There is no environment with Flink, or a run failed.
    """
    if not FLINK_PYTHON.exists():
        raise PartError("There is no environment with Flink.", hint="Build it: make flink.")
    entities = stage.sizes.bootstrap_entities
    small, large = [await asyncio.to_thread(_bootstrap, stage.folder, count) for count in (entities, entities * _TIMES)]
    return FlinkBootstrap(entities, small, large)


def _bootstrap(folder: Path, entities: int) -> Steps:
    path, log = folder / f"{entities}.csv", folder / f"{entities}.log"
    _write_list(path, entities)
    command: list[str | Path] = [FLINK_PYTHON, "-m", "wikistate", "rdf-bootstrap", path, "--runner", "flink"]
    command += ["--source", f"kafka://127.0.0.1:1/changes?group={entities}"]
    for setting in _SETTINGS:
        command += ["--set", setting]
    began = time.time()
    run = Run(command, log=log, environment={"XDG_STATE_HOME": str(folder / "state")})
    try:
        memory = _watch(run)
        ended = time.time()
        if run.wait() != 0:
            raise PartError(f"The bootstrap failed:\n{read_tail(log)}")
    finally:
        run.ensure_stopped()
    lines = log.read_text().splitlines()
    prepared, loaded = (_time_of(lines, f"flink_bootstrap_{name}") for name in ("prepared", "loaded"))
    (savepoint,) = (line for line in lines if line.startswith("file:"))
    size = sum(each.stat().st_size for each in Path(urlsplit(savepoint).path).iterdir())
    return Steps(prepared - began, loaded - prepared, ended - loaded, size, memory)


def _write_list(path: Path, entities: int) -> None:
    random = Random(_SEED)
    numbers = list(range(1, entities + 1))
    random.shuffle(numbers)
    with path.open("w") as file:
        file.writelines(f"Q{number},{random.randrange(1, _LARGEST_REVISION)}\n" for number in numbers)


def _watch(run: Run) -> dict[str, float]:
    """Return the largest resident sizes, in MiB, at the end of the run."""
    sizes: dict[str, float] = {}
    deadline = time.monotonic() + _DEADLINE
    while run.is_running and time.monotonic() < deadline:
        for process in run.process_ids():
            if (name := _name(process)) and (found := read_sizes(process)):
                sizes[name] = max(sizes.get(name, 0.0), found["VmHWM"])
        time.sleep(_POLL_SECONDS)
    return dict(sorted(sizes.items()))


def _name(process: int) -> str:
    try:
        words = Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")
    except OSError:  # it has just ended
        return ""
    if b"rdf-bootstrap" in words:
        return "the command"
    if words[0].endswith(b"java"):
        return "the JVM"
    return "the Python worker" if any(b"beam_boot" in word or b"pyflink" in word for word in words) else ""


def _time_of(lines: list[str], event: str) -> float:
    (line,) = (line for line in lines if event in line)
    return (parse_timestamp(orjson.loads(line)["@timestamp"]) or 0) / 1000
