"""The keyed state of a job with many keys: bytes a key, look-ups a second, seconds to start."""

from __future__ import annotations

import time
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from bench.figures import Figure, Target
from wikistate.core.updater.entity_id import EntityId
from wikistate.runners.local.state_file import CheckpointData, PartitionProgress, StateFile
from wikistate.streaming.keyed_job import KeyedState
from wikistate.streaming.record import Partition

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from bench.stage import Stage

AT_ONCE = 500
"""Number of keys of a poll, which are looked up together."""

_WIKIDATA = 120_000_000  # entities, for the extrapolated figure
_LARGEST_REVISION = 2_500_000_000
_SEED = 20_260_101
_ROUNDS = 40


@dataclass(frozen=True, slots=True)
class State:
    """Result with `keys` keys."""

    keys: int
    fill: float
    start: float
    bytes_a_key: float
    lookups: float
    changes: float

    def figures(self) -> list[Figure]:
        """See `Result`."""
        return [
            Figure("keys", self.keys, ""),
            Figure("filled from a list", self.keys / self.fill, "keys/s", Target(at_least=200_000)),
            Figure("start", self.start, "s", Target(at_most=1.0)),
            Figure("disk", self.bytes_a_key, "bytes/key", Target(at_most=20)),
            Figure("on paper, 120 million keys", self.bytes_a_key * _WIKIDATA / 1e9, "GB", Target(at_most=4)),
            Figure("look-ups of random keys", self.lookups, "keys/s", Target(at_least=50_000)),
            Figure("checkpoints of random keys", self.changes, "keys/s", Target(at_least=10_000)),
        ]


async def measure_state(stage: Stage) -> State:
    """Fill a state file, start with it, look up keys, and change them."""
    keys = stage.sizes.state_keys
    path = stage.folder / "state.sqlite"
    fill = _fill(path, keys)
    began = time.perf_counter()
    file = StateFile(path)
    file.open()
    file.progress()
    file.timers()
    file.watermark()
    file.read([_key(1)])
    start = time.perf_counter() - began
    try:
        lookups, changes = _look_up(file, keys), _change(file, keys)
    finally:
        file.close()
    return State(keys, fill, start, path.stat().st_size / keys, lookups, changes)


def _fill(path: Path, keys: int) -> float:
    began = time.perf_counter()
    file = StateFile(path)
    file.open()
    file.fill(_revisions(keys))
    file.close()
    return time.perf_counter() - began


def _revisions(keys: int) -> Iterator[tuple[int, int]]:
    random = Random(_SEED)
    for number in range(1, keys + 1):
        yield _key(number), random.randrange(1, _LARGEST_REVISION)


def _key(number: int) -> int:
    return EntityId("Q", number).key


def _look_up(file: StateFile, keys: int) -> float:
    random = Random(_SEED)
    began = time.perf_counter()
    for _ in range(_ROUNDS):
        file.read([_key(random.randrange(1, keys)) for _ in range(AT_ONCE)])
    return _ROUNDS * AT_ONCE / (time.perf_counter() - began)


def _change(file: StateFile, keys: int) -> float:
    random = Random(_SEED)
    began = time.perf_counter()
    for turn in range(_ROUNDS):
        states = {_key(random.randrange(1, keys)): KeyedState(turn + 1) for _ in range(AT_ONCE)}
        file.commit(CheckpointData(states, {}, {Partition("topic"): PartitionProgress(turn, turn)}, turn))
    return _ROUNDS * AT_ONCE / (time.perf_counter() - began)
