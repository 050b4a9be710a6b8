"""Snapshot of the folder of an embedded store, for a reader beside the process that writes to the store.

RocksDB may not be opened while another process writes to its folder, not even to read: its files change meanwhile. Its data
files never change after they were written, and only the list of its files says which of them belong to the database. So a
snapshot has links to the data files, and copies of the list and of the write-ahead logs. It is valid if the list is the same
before and after: no file was added or removed meanwhile. Each of Oxigraph's transactions is one record of the log, so
that a snapshot holds a transaction as a whole or not at all.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from wikistate.adapters.durable_files import link_file
from wikistate.adapters.private_files import create_private
from wikistate.adapters.triplestore.store_folder import require_store
from wikistate.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable

PREFIX = ".snapshot-"
"""Start of the names of snapshots. They are in the folder itself, because a link cannot lead to another file system."""

_IN_USE = "in-use"
"""File that the process of a snapshot holds locked."""

ATTEMPTS = 100
"""Attempts; each takes some milliseconds, and RocksDB changes the list of its files every few seconds at most."""

_EXAMINATIONS = 5
_PAUSE_SECONDS = 0.05
_COPIED = ("*.log", "OPTIONS-*[0-9]")
_LINKED = ("*.sst", "*.blob")


class FolderSnapshot:
    """Snapshot of the folder of a store. The files of the store do not change.

    Args:
        folder: Folder of the store.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._snapshot: Path | None = None
        self._lock: int | None = None

    def create(self) -> Path:
        """Create the snapshot and return its folder. Remove the snapshots of processes that were killed.

        Raises:
            ConfigError: There is no store in the folder.
            StoreError: The store is damaged. Or the list of files has changed during each attempt.
            OSError: The folder cannot be read, or the user of the process may not create files in it.
        """
        self._examine()
        self._remove_abandoned()
        snapshot = self._snapshot = self._reserve()
        for _ in range(ATTEMPTS):
            if self._try_copy(snapshot):
                return snapshot
            self._clear(snapshot)
            time.sleep(_PAUSE_SECONDS)
        raise StoreError(
            f"The store in {self._folder} cannot be read: its list of files changes all the time, or names files that are missing.",
            hint="Try again. If no process writes to the store, restore the folder from a copy.",
            folder=str(self._folder),
        )

    def remove(self) -> None:
        """Remove the snapshot, if there is one."""
        snapshot, self._snapshot = self._snapshot, None
        if snapshot is not None:
            shutil.rmtree(snapshot, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _examine(self) -> None:
        """Check the folder, again if the other process may be writing the list of files at this moment."""
        for _ in range(_EXAMINATIONS - 1):
            try:
                require_store(self._folder)
            except (StoreError, FileNotFoundError):
                time.sleep(_PAUSE_SECONDS)
            else:
                return
        require_store(self._folder)

    def _reserve(self) -> Path:
        """Create an empty folder, and lock it against its removal by other readers."""
        while True:
            folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=self._folder))
            lock = create_private(folder / _IN_USE)
            fcntl.flock(lock, fcntl.LOCK_EX)
            if os.fstat(lock).st_nlink:
                self._lock = lock
                return folder
            os.close(lock)  # another reader removed it between the two calls

    def _try_copy(self, target: Path) -> bool:
        """Copy and link the files. Return False if the list of files changed meanwhile."""
        before = self._read_list()
        if before is None:
            return False
        try:
            for path in self._find(_LINKED):
                link_file(path, target / path.name)
            for path in sorted(self._find(_COPIED)):
                _write(target / path.name, path.read_bytes())
        except FileNotFoundError:  # removed meanwhile
            return False
        if self._read_list() != before:
            return False
        for name, content in before.items():
            _write(target / name, content)
        return True

    def _find(self, patterns: Iterable[str]) -> list[Path]:
        return [path for pattern in patterns for path in self._folder.glob(pattern)]

    def _read_list(self) -> dict[str, bytes] | None:
        """Return the content of ``CURRENT`` and of the list of files; None if they change at this moment."""
        try:
            current = (self._folder / "CURRENT").read_bytes()
            name = current.decode(errors="replace").strip()
            return {"CURRENT": current, name: (self._folder / name).read_bytes()}
        except FileNotFoundError:
            return None

    @staticmethod
    def _clear(snapshot: Path) -> None:
        for path in snapshot.iterdir():
            if path.name != _IN_USE:
                path.unlink()

    def _remove_abandoned(self) -> None:
        for folder in self._folder.glob(f"{PREFIX}*"):
            with suppress(OSError):  # without a lock file, or in use
                lock = os.open(folder / _IN_USE, os.O_RDWR | os.O_NOFOLLOW)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(folder, ignore_errors=True)
                finally:
                    os.close(lock)


def _write(path: Path, content: bytes) -> None:
    with os.fdopen(create_private(path), "wb") as file:
        file.write(content)
