"""Where fetched files lie between runs, and how two runs that fetch at once keep out of each other's way."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from wikistate.errors import PartError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import TextIOWrapper


def cache_folder() -> Path:
    """The folder of fetched files: ``$XDG_CACHE_HOME/wikistate``, or ``~/.cache/wikistate`` (XDG Base Directory)."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base else Path.home() / ".cache") / "wikistate"


@contextmanager
def lock_folder(folder: Path) -> Iterator[Path]:
    """Create `folder` and hold it for this process; another process that wants it waits.

    The lock is the kernel's and not a file's existence, so that a run which is killed leaves nothing locked.

    Raises:
        PartError: The folder cannot be made or written.
    """
    with _lock_file(folder) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def _lock_file(folder: Path) -> TextIOWrapper:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return (folder / ".lock").open("w")
    except OSError as error:
        raise PartError(
            f"Fetched files cannot be kept in {folder}: {error.strerror}.",
            hint="Set XDG_CACHE_HOME to a folder that can be written.",
            folder=folder,
        ) from error
