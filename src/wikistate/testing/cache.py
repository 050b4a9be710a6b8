"""Where fetched parts lie between runs, and how two runs that fetch at once keep out of each other's way."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def cache_folder() -> Path:
    """The folder of fetched parts: ``$XDG_CACHE_HOME/wikistate``, or ``~/.cache/wikistate`` (XDG Base Directory)."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base else Path.home() / ".cache") / "wikistate"


@contextmanager
def locked(folder: Path) -> Iterator[Path]:
    """Create `folder` and hold it for this process; another process that wants it waits.

    The lock is the kernel's and not a file's existence, so that a run which is killed leaves nothing locked.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder
