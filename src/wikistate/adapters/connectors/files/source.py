"""NDJSON files and standard input as a source."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING

from wikistate.adapters.connectors.client_thread import ClientThread
from wikistate.adapters.connectors.files.position import OffsetFile
from wikistate.adapters.connectors.files.reader import LineReader, file_partition
from wikistate.errors import ConfigError
from wikistate.streaming.record import Partition

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wikistate.streaming.ports import OnRevoked, ResumePositions
    from wikistate.streaming.record import Record

STANDARD_INPUT = 0
"""The descriptor, as a target of `FileSource`."""

MAX_RECORD_BYTES = 64 * 1024 * 1024
"""The default of the longest line that is read as a whole, in bytes."""

_SLICE = 0.1  # seconds that the thread waits for a pipe at a time; the longest delay of a commit or a close


class FileSource:
    """A source that reads files one after the other and then ends. See `Source` for the protocol.

    Each file is a partition. A record is a line, and its offset is the number of the line from 0; see `LineReader`. An
    empty line is a record with an empty value. NDJSON has neither keys nor timestamps: both are None. ``.gz`` and
    ``.zst`` are recognised by their first bytes. A line above the bound is a record with the beginning of the line and
    `Record.truncated_bytes`.

    Args:
        targets: Paths, or open descriptors such as `STANDARD_INPUT`.
        max_record_bytes: The bound of a line in bytes.
        offset_file: The file that stores commits. Without it each start reads from the beginning. A pipe cannot be read
            twice and has no position.
        resume: The positions at which to resume, for sinks that store them; they override `offset_file`.

    Raises:
        ConfigError: A file is named twice, or none is named.
    """

    def __init__(
        self,
        targets: Sequence[Path | int],
        *,
        max_record_bytes: int = MAX_RECORD_BYTES,
        offset_file: Path | None = None,
        resume: ResumePositions | None = None,
    ) -> None:
        self._targets = _require_distinct(targets)
        self._bound = max_record_bytes
        self._offset_file = None if offset_file is None else OffsetFile(offset_file)
        self._resume = resume or (dict[Partition, int])
        self._done: dict[str, int] = {}
        self._readers: list[LineReader] = []
        self._thread = ClientThread("file-source")
        self._reading: asyncio.Future[list[Record] | None] | None = None
        self._ready: list[Record] = []
        self._handed_over = 0

    async def open(self, on_revoked: OnRevoked) -> None:  # noqa: ARG002  (a file has no rebalances)
        """See `Source`. Raises `SourceError` when a file cannot be opened."""
        self._thread.start()
        await self._thread.run(self._open)

    async def poll(self, limit: int, wait: float) -> list[Record] | None:
        """See `Source`."""
        if limit == 0:
            await asyncio.sleep(wait)
            return []
        deadline = time.monotonic() + wait
        while self._handed_over == len(self._ready):
            left = deadline - time.monotonic()
            records = await self._read(max(0.0, min(left, _SLICE)))
            if records is None:
                return None
            self._ready, self._handed_over = records, 0
            if left <= 0:
                break
        first = self._handed_over
        self._handed_over = min(first + limit, len(self._ready))
        return self._ready[first : self._handed_over]

    async def commit(self, positions: Mapping[Partition, int]) -> None:
        """See `Source`."""
        keys = {file_partition(target): _file_key(target) for target in self._targets if isinstance(target, Path)}
        self._done |= {keys[partition]: line for partition, line in positions.items() if partition in keys}
        if self._offset_file is not None and positions:
            bookmark, done = self._offset_file, dict(self._done)
            await self._thread.run(lambda: bookmark.store(done))

    def lag(self) -> Mapping[Partition, int]:
        """See `Source`. It is unknown: the lines of a file are not counted before they are read."""
        return {}

    async def close(self) -> None:
        """See `Source`."""
        if not self._thread.is_running:
            return
        if self._reading is not None:
            await asyncio.wait({self._reading})
            self._reading = None
        await self._thread.run(self._close)
        await self._thread.stop()

    async def _read(self, wait: float) -> list[Record] | None:
        # A cancelled poll leaves its read to the next poll, so that no record is lost.
        reading = self._reading = self._reading or self._thread.submit(lambda: self._next_chunk(wait))
        try:
            return await asyncio.shield(reading)
        finally:
            if reading.done():
                self._reading = None

    # These methods run on the thread.

    def _open(self) -> None:
        self._done = {} if self._offset_file is None else self._offset_file.load()
        kept = self._resume()
        for target in self._targets:
            start = 0
            if isinstance(target, Path):
                start = kept.get(file_partition(target), self._done.get(_file_key(target), 0))
            reader = LineReader(target, bound=self._bound, start=start)
            reader.open()
            self._readers.append(reader)

    def _next_chunk(self, wait: float) -> list[Record] | None:
        """Return the records of a chunk; None at the end of the last file."""
        while self._readers:
            if (records := self._readers[0].read(wait)) is not None:
                return records
            self._readers.pop(0).close()
        return None

    def _close(self) -> None:
        while self._readers:
            self._readers.pop().close()


def _file_key(path: Path) -> str:
    return str(path.resolve())


def _require_distinct(targets: Sequence[Path | int]) -> tuple[Path | int, ...]:
    names = [str(target if isinstance(target, int) else target.resolve()) for target in targets]
    twice = {name for name in names if names.count(name) > 1}
    if twice or not targets:
        raise ConfigError(
            f"The source names {min(twice)} twice." if twice else "The source names no file.",
            hint="Name each file once.",
        )
    return tuple(targets)
