"""What a job remembers of each key, between checkpoints: a bounded cache over the state file."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING

from wikistate.adapters.connectors.client_thread import ClientThread
from wikistate.runners.local.state_file import CheckpointData

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from wikistate.runners.local.state_file import PartitionProgress, StateFile
    from wikistate.streaming.keyed_job import KeyedState
    from wikistate.streaming.record import Partition

_ENTRY_BYTES = 250
"""What a key takes in the cache beside its rest: two integers, a tuple, and its place in two dictionaries (measured)."""


class KeyedStateStore:
    """State by key; what changes is kept in memory until `commit`.

    `load` before `get`: the file is read once for all keys of a poll, on a thread of its own.

    Args:
        file: Where it lies; opened and closed here.
        cache_bytes: How much may be held of what has not changed since the last checkpoint.
    """

    def __init__(self, file: StateFile, *, cache_bytes: int) -> None:
        self._file = file
        self._cache_bytes = cache_bytes
        self._thread = ClientThread("state")
        self._clean: OrderedDict[int, KeyedState] = OrderedDict()
        self._clean_bytes = 0
        self._changed: dict[int, KeyedState] = {}
        self._changed_bytes = 0
        self.progress: Mapping[Partition, PartitionProgress] = {}
        """How far partitions were read at the checkpoint that this run began with."""
        self.watermark: int | None = None
        """The watermark of the checkpoint that this run began with."""
        self.timers: Mapping[int, int] = {}
        """When keys wanted to be woken at the checkpoint that this run began with."""

    @property
    def positions(self) -> dict[Partition, int]:
        """Where sources are to go on: the offsets of the checkpoint that this run began with."""
        return {partition: progress.offset for partition, progress in self.progress.items()}

    @property
    def is_full(self) -> bool:
        """Whether so much has changed that a checkpoint is due before its time."""
        return self._changed_bytes > self._cache_bytes

    @property
    def has_changes(self) -> bool:
        """Whether anything has changed since the last checkpoint."""
        return bool(self._changed)

    async def open(self) -> None:
        """Open the file, and read what the run begins with. Raises `StateError`."""
        self._thread.start()
        await self._thread.run(self._file.open)
        self.progress = await self._thread.run(self._file.progress)
        self.watermark = await self._thread.run(self._file.watermark)
        self.timers = await self._thread.run(self._file.timers)

    async def load(self, keys: Iterable[int]) -> None:
        """Have these keys at hand until the next `trim`."""
        missing = {key for key in keys if key not in self._changed and key not in self._clean}
        if missing:
            found = await self._thread.run(lambda: self._file.read(missing))
            for key, kept in found.items():
                if key not in self._changed:  # it may have changed while the file was read
                    self._cache_clean(key, kept)

    def get(self, key: int) -> KeyedState:
        """What is remembered of a key that was loaded."""
        changed = self._changed.get(key)
        return self._clean[key] if changed is None else changed

    def put(self, key: int, state: KeyedState) -> None:
        """Remember this of a key that was loaded."""
        before = self._changed.get(key)
        if before is None:
            clean = self._clean.pop(key)
            self._clean_bytes -= _size_of(clean)
            if clean == state:
                self._cache_clean(key, clean)
                return
        else:
            self._changed_bytes -= _size_of(before)
        self._changed[key] = state
        self._changed_bytes += _size_of(state)

    def evict(self) -> None:
        """Let go of what was loaded or written first, as far as there is too much."""
        while self._clean_bytes > self._cache_bytes:
            _, kept = self._clean.popitem(last=False)
            self._clean_bytes -= _size_of(kept)

    async def commit(
        self,
        *,
        timers: Mapping[int, int | None],
        progress: Mapping[Partition, PartitionProgress],
        watermark: int | None,
    ) -> None:
        """Make all changes durable, together with these; see `CheckpointData`. Nothing may change meanwhile.

        Raises:
            StateError: They could not be written; none of them counts.
        """
        changes = CheckpointData(self._changed, timers, progress, watermark)
        await self._thread.run(lambda: self._file.commit(changes))
        for key, kept in self._changed.items():
            self._cache_clean(key, kept)
        self._changed, self._changed_bytes = {}, 0
        self.evict()

    async def close(self) -> None:
        """Let go; what was not committed is forgotten. May be called when `open` failed, and twice."""
        if self._thread.is_running:
            await self._thread.run(self._file.close)
            await self._thread.stop()

    def _cache_clean(self, key: int, state: KeyedState) -> None:
        if (before := self._clean.pop(key, None)) is not None:
            self._clean_bytes -= _size_of(before)
        self._clean[key] = state
        self._clean_bytes += _size_of(state)


def _size_of(state: KeyedState) -> int:
    return _ENTRY_BYTES + len(state.blob)
