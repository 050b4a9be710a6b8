"""Cache folder of downloaded files, with a lock for runs that download at the same time."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from wikistate.adapters.private_files import make_private_folder, open_private
from wikistate.errors import PartError

if TYPE_CHECKING:
    from collections.abc import Iterator


def cache_folder() -> Path:
    """Return the folder of downloaded files: ``$XDG_CACHE_HOME/wikistate``, or ``~/.cache/wikistate`` (XDG Base Directory)."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base else Path.home() / ".cache") / "wikistate"


@contextmanager
def lock_folder(folder: Path) -> Iterator[Path]:
    """Create a folder and lock it for this process; other processes wait for the lock.

    The kernel holds the lock, not the existence of a file, so that a killed run leaves no lock.

    Raises:
        PartError: The folder cannot be created or written.
    """
    lock = _open_lock(folder)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
    finally:
        os.close(lock)


def _open_lock(folder: Path) -> int:
    try:
        make_private_folder(folder)
        return open_private(folder / ".lock")
    except OSError as error:
        raise PartError(
            f"Downloaded files cannot be stored in {folder}: {error.strerror}.",
            hint="Set XDG_CACHE_HOME to a writable folder.",
            folder=folder,
        ) from error
