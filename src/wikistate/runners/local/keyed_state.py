"""The keyed state of a job between checkpoints: a bounded cache over the state file."""

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
"""The bytes of a key in the cache without its blob: two integers, a tuple, and entries in two dictionaries (measured)."""


class KeyedStateStore:
    """Keyed state; changes stay in memory until `commit`.

    Call `load` before `get`: the file is read once for all keys of a poll, on a separate thread.

    Args:
        file: The state file; opened and closed here.
        cache_bytes: The most bytes of entries that have not changed since the last checkpoint.
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
        """The progress of each partition in the checkpoint at which this run started."""
        self.watermark: int | None = None
        """The watermark in the checkpoint at which this run started."""
        self.timers: Mapping[int, int] = {}
        """The timers in the checkpoint at which this run started, by key."""

    @property
    def positions(self) -> dict[Partition, int]:
        """The offsets at which the source resumes: those in the checkpoint at which this run started."""
        return {partition: progress.offset for partition, progress in self.progress.items()}

    @property
    def is_full(self) -> bool:
        """Whether the changes take so much memory that a checkpoint is due early."""
        return self._changed_bytes > self._cache_bytes

    @property
    def has_changes(self) -> bool:
        """Whether anything has changed since the last checkpoint."""
        return bool(self._changed)

    async def open(self) -> None:
        """Open the file and read the last checkpoint. Raises `StateError`."""
        self._thread.start()
        await self._thread.run(self._file.open)
        self.progress = await self._thread.run(self._file.progress)
        self.watermark = await self._thread.run(self._file.watermark)
        self.timers = await self._thread.run(self._file.timers)

    async def load(self, keys: Iterable[int]) -> None:
        """Load these keys, which stay in the cache until the next `evict`."""
        missing = {key for key in keys if key not in self._changed and key not in self._clean}
        if missing:
            found = await self._thread.run(lambda: self._file.read(missing))
            for key, state in found.items():
                if key not in self._changed:  # it may have changed while the file was read
                    self._cache_clean(key, state)

    def get(self, key: int) -> KeyedState:
        """Return the state of a key that was loaded."""
        changed = self._changed.get(key)
        return self._clean[key] if changed is None else changed

    def put(self, key: int, state: KeyedState) -> None:
        """Set the state of a key that was loaded."""
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
        """Evict the oldest unchanged entries until the cache fits."""
        while self._clean_bytes > self._cache_bytes:
            _, state = self._clean.popitem(last=False)
            self._clean_bytes -= _size_of(state)

    async def commit(
        self,
        *,
        timers: Mapping[int, int | None],
        progress: Mapping[Partition, PartitionProgress],
        watermark: int | None,
    ) -> None:
        """Make all changes durable, with these arguments; see `CheckpointData`. Nothing may change meanwhile.

        Raises:
            StateError: The checkpoint could not be written; nothing of it is durable.
        """
        changes = CheckpointData(self._changed, timers, progress, watermark)
        await self._thread.run(lambda: self._file.commit(changes))
        for key, state in self._changed.items():
            self._cache_clean(key, state)
        self._changed, self._changed_bytes = {}, 0
        self.evict()

    async def close(self) -> None:
        """Close the file and drop uncommitted changes. May be called when `open` failed, and twice."""
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
