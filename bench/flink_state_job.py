"""``python bench/flink_state_job.py WAY ELEMENTS KEYS``: one job that only reads and writes keyed state, on Flink.

It runs on the interpreter of the environment with Flink, and prints the milliseconds that the job ran. The time of its
start is in them: `bench.flink_state` subtracts the time of a job without work.
"""

from __future__ import annotations

import os
import struct
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from pyflink.common import Configuration, Types, WatermarkStrategy
from pyflink.datastream import KeyedProcessFunction, StreamExecutionEnvironment
from pyflink.datastream.connectors.number_seq import NumberSequenceSource
from pyflink.datastream.state import MapStateDescriptor, ValueStateDescriptor

from wikistate.ops.java import find_java_home

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BUCKET_SIZE = 128
_SPREAD = 2_654_435_761  # a prime: the keys of following elements are far apart
_ENTRY = ">Bq"  # not a compiled one: Flink pickles it


class ByKey(KeyedProcessFunction):  # type: ignore[misc]  # pyflink ships no types
    """One value a key."""

    def open(self, runtime_context: Any) -> None:
        """Get the state."""
        self._state = runtime_context.get_state(ValueStateDescriptor("value", Types.LONG()))

    def process_element(self, _value: int, _: Any) -> Iterator[int]:
        """Read and write the state of the key."""
        self._state.update((self._state.value() or 0) + 1)
        yield from ()


class LoadByKey(ByKey):
    """One value a key, written only."""

    def process_element(self, value: int, _: Any) -> Iterator[int]:
        """Write the state of the key."""
        self._state.update(value)
        yield from ()


class ByMap(KeyedProcessFunction):  # type: ignore[misc]  # pyflink ships no types
    """A map a bucket, with an entry a key."""

    def open(self, runtime_context: Any) -> None:
        """Get the state."""
        self._state = runtime_context.get_map_state(MapStateDescriptor("map", Types.LONG(), Types.LONG()))

    def process_element(self, value: int, _: Any) -> Iterator[int]:
        """Read and write the entry of the key."""
        self._state.put(value, (self._state.get(value) or 0) + 1)
        yield from ()


class LoadByMap(ByMap):
    """A map a bucket, written only."""

    def process_element(self, value: int, _: Any) -> Iterator[int]:
        """Write the entry of the key."""
        self._state.put(value, value)
        yield from ()


class ByBucket(KeyedProcessFunction):  # type: ignore[misc]  # pyflink ships no types
    """One value a bucket, which packs the entries of its keys."""

    def open(self, runtime_context: Any) -> None:
        """Get the state."""
        self._state = runtime_context.get_state(ValueStateDescriptor("bucket", Types.PRIMITIVE_ARRAY(Types.BYTE())))

    def process_element(self, value: int, _: Any) -> Iterator[int]:
        """Read and write the bucket of the key."""
        entries = dict(struct.iter_unpack(_ENTRY, self._state.value() or b""))
        entries[value % BUCKET_SIZE] = entries.get(value % BUCKET_SIZE, 0) + 1
        self._state.update(_pack(entries))
        yield from ()


class LoadByBucket(ByBucket):
    """One value a bucket, written once with all its keys: an element is a bucket."""

    def process_element(self, value: int, _: Any) -> Iterator[int]:
        """Write the bucket."""
        self._state.update(_pack({place: value * BUCKET_SIZE + place for place in range(BUCKET_SIZE)}))
        yield from ()


def _pack(entries: dict[int, int]) -> bytes:
    return b"".join(struct.pack(_ENTRY, place, value) for place, value in entries.items())


WAYS: dict[str, tuple[type[KeyedProcessFunction], Callable[[int], int]]] = {
    "update by key": (ByKey, lambda element: element),
    "update by map": (ByMap, lambda element: element // BUCKET_SIZE),
    "update by bucket": (ByBucket, lambda element: element // BUCKET_SIZE),
    "load by key": (LoadByKey, lambda element: element),
    "load by map": (LoadByMap, lambda element: element // BUCKET_SIZE),
    "load by bucket": (LoadByBucket, lambda element: element),
}


def run(way: str, elements: int, keys: int, checkpoints: Path) -> int:
    """Run a job, and return the milliseconds that it took.

    Args:
        way: One of `WAYS`.
        elements: The number of elements.
        keys: Elements have so many different keys; following ones are far apart.
        checkpoints: Folder of the checkpoints.
    """
    os.environ.setdefault("JAVA_HOME", str(find_java_home()))
    settings = Configuration()
    for name, value in {
        "state.backend.type": "rocksdb",
        "execution.checkpointing.interval": "10 s",
        "execution.checkpointing.dir": checkpoints.as_uri(),
        "restart-strategy.type": "none",  # a failed run has no rate
        "python.executable": sys.executable,
        "parallelism.default": "1",
        "taskmanager.memory.managed.size": "512m",
    }.items():
        settings.set_string(name, value)
    env = StreamExecutionEnvironment.get_execution_environment(settings)
    function, select = WAYS[way]
    source = NumberSequenceSource(1, elements)
    stream = env.from_source(source, WatermarkStrategy.no_watermarks(), "read", Types.LONG())
    spread = stream.map(lambda element: element * _SPREAD % keys, Types.LONG())
    spread.key_by(select, Types.LONG()).process(function(), Types.LONG()).print()
    return int(env.execute(way).get_net_runtime())


if __name__ == "__main__":
    with TemporaryDirectory() as folder:
        print(run(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(folder)))
