"""A folder of Parquet files that changes by commits; blocking, for a separate thread.

::

    FOLDER/dt=2026-01-15/hour=09/part-….parquet     published, visible to readers
    FOLDER/_wikistate/pending/….open                pending, or left by a crash
    FOLDER/_wikistate/commit.json                   the last commit, see `CommitFile`
    FOLDER/_wikistate/lock                          held by the one process that writes

Hive, Spark and Trino ignore names that begin with an underscore. The names of pending files do not end in ``.parquet``,
so that readers with a pattern ignore them as well.
"""

from __future__ import annotations

import fcntl
import os
import uuid
from typing import TYPE_CHECKING

import structlog

from wikistate.adapters.connectors.parquet.columns import format_partition
from wikistate.adapters.connectors.parquet.commit_file import Commit, CommitFile
from wikistate.adapters.connectors.parquet.files import OpenFile
from wikistate.adapters.durable_files import rename_durably, sync_folder
from wikistate.adapters.private_files import open_private
from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from wikistate.streaming.record import Output, Partition

log = structlog.get_logger(__name__)

MAX_OPEN_FILES = 16
"""Hours that are written at the same time. A back-fill of more hours makes more files and uses no more memory."""


class ParquetFolder:
    """A table that commits outputs together with the positions of the source.

    Args:
        path: The folder, which is created if it does not exist.
        reader: The reader of the source; see `Commit`.
        roll_bytes: The size at which a file is completed and the next file begins.
    """

    def __init__(self, path: Path, *, reader: str, roll_bytes: int) -> None:
        self._path = path
        self._reader = reader
        self._roll_bytes = roll_bytes
        self._pending = path / "_wikistate" / "pending"
        self._commit_file = CommitFile(path / "_wikistate" / "commit.json")
        self._committed = Commit()
        self._open: dict[str, OpenFile] = {}  # the last element was written last
        self._completed: dict[str, str] = {}
        self._completed_bytes = 0
        self._lock = -1

    @property
    def positions(self) -> Mapping[Partition, int]:
        """The first offset of each partition that this reader has not committed."""
        return self._committed.positions.get(self._reader, {})

    @property
    def pending_bytes(self) -> int:
        """The approximate size of the pending files in bytes."""
        return self._completed_bytes + sum(file.size for file in self._open.values())

    def open(self) -> None:
        """Lock the folder, publish the files of the last commit and drop later files.

        Raises:
            ConfigError: Another process writes to it.
            SinkError: The commit file is not valid.
            OSError: It cannot be used.
        """
        self._pending.mkdir(parents=True, exist_ok=True)
        self._take_lock()
        self._committed = self._commit_file.load()
        self._publish(self._committed.files)
        self.discard()

    def write(self, outputs: Sequence[Output]) -> None:
        """Append outputs, which are not visible before `commit`."""
        for output in outputs:
            partition = format_partition(output.timestamp)
            file = self._get_file(partition)
            file.write(output)
            if file.size >= self._roll_bytes:
                self._complete(partition)

    def commit(self, positions: Mapping[Partition, int]) -> None:
        """Publish the written outputs and store the positions: both or neither."""
        for partition in list(self._open):
            self._complete(partition)
        if not self._completed and not positions:
            return
        sync_folder(self._pending)
        readers = dict(self._committed.positions)
        readers[self._reader] = {**self.positions, **positions}
        commit = Commit(readers, self._completed)
        self._commit_file.store(commit)
        self._committed, self._completed, self._completed_bytes = commit, {}, 0
        self._publish(commit.files)

    def discard(self) -> None:
        """Drop the uncommitted outputs."""
        for file in self._open.values():
            file.discard()
        self._open, self._completed, self._completed_bytes = {}, {}, 0
        for left in self._pending.iterdir():
            log.info("uncommitted_file_deleted", file=str(left))
            left.unlink()

    def close(self) -> None:
        """Release the folder. The next `open` drops the uncommitted outputs."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _take_lock(self) -> None:
        self._lock = open_private(self._path / "_wikistate" / "lock")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ConfigError(
                f"Another process writes to {self._path}.",
                hint="Give each process a separate folder; a table may span several folders.",
                key="stream_manager.sink.options.path",
            ) from error

    def _get_file(self, partition: str) -> OpenFile:
        file = self._open.pop(partition, None)
        if file is None:
            if len(self._open) >= MAX_OPEN_FILES:
                self._complete(next(iter(self._open)))
            file = OpenFile(self._pending / f"{uuid.uuid4().hex}.open")
        self._open[partition] = file
        return file

    def _complete(self, partition: str) -> None:
        file = self._open.pop(partition)
        file.close()
        self._completed[file.path.name] = f"{partition}/part-{file.path.stem}.parquet"
        self._completed_bytes += file.path.stat().st_size

    def _publish(self, files: Mapping[str, str]) -> None:
        """Move committed files to their published paths. After a crash it runs again; files that were moved stay."""
        pending = {self._pending / name: self._path / place for name, place in files.items()}
        rename_durably({source: target for source, target in pending.items() if source.exists()})
