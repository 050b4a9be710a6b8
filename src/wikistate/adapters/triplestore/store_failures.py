"""Failures of an embedded store: whose fault it is and what to do, from the texts of RocksDB.

Oxigraph raises `OSError` without a number for a failed call of the operating system, and `RuntimeError` for damaged files.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from errno import EACCES, EAGAIN, EDQUOT, EFBIG, ENOSPC, EPERM, EROFS
from typing import TYPE_CHECKING

from wikistate.adapters.triplestore.folder_lock import find_lock_holder
from wikistate.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

STORE_FAILURES = (OSError, RuntimeError)
"""Exceptions of Oxigraph that do not come from the text of a query."""

_FULL = tuple(map(os.strerror, (ENOSPC, EDQUOT, EFBIG)))
_DENIED = tuple(map(os.strerror, (EACCES, EPERM)))
_LOCKED = ("lock file", "lock hold by current process", os.strerror(EAGAIN))
_NO_FOLDER = ("is not a directory", "Not a directory", "File exists")


def explain_open_failure(folder: Path, error: Exception) -> ConfigError | StoreError:
    """Return the error of a store that cannot be opened."""
    text = str(error)
    message = f"The store in {folder} cannot be opened: {text}."
    if any(sign in text for sign in _LOCKED):
        return _explain_lock(folder, message)
    if any(sign in text for sign in _NO_FOLDER):
        return ConfigError(
            message,
            hint="Name the folder of a store, an empty folder, or one that does not exist.",
            key="store.location",
        )
    return StoreError(message, hint=_advise(text), folder=str(folder))


def _explain_lock(folder: Path, message: str) -> ConfigError:
    holder = find_lock_holder(folder)
    stop = "Stop the process that has it open" if holder is None else f"To write to it, stop process {holder} first"
    return ConfigError(
        message if holder is None else f"The store in {folder} is kept in step by process {holder}.",
        hint=f"{stop}: no other process may use an embedded store meanwhile. `wikistate store query`, `counts` and `verify` read it "
        "beside that process.",
        key="store.location",
    )


@contextmanager
def explained_failures() -> Iterator[None]:
    """Raise the failures of an open store inside the block as `StoreError`."""
    try:
        yield
    except STORE_FAILURES as error:
        text = str(error)
        raise StoreError(
            f"The embedded store failed: {text}.",
            hint=f"{_advise(text)} The next start applies the missing changes again.",
        ) from error


def _advise(text: str) -> str:
    if any(sign in text for sign in _FULL):
        return "The disk, the quota or the allowed size of a file is exhausted: make room, then start again. The store is intact."
    if os.strerror(EROFS) in text:
        return "The file system is read-only: an embedded store is written also by commands that only read it."
    if any(sign in text for sign in _DENIED):
        return "Check the owner and the permissions of the folder and of all files in it."
    if "Corruption" in text or "No such file" in text:
        return (
            "Its files are damaged. Restore the folder from a copy: the job resumes at the position of the copy. Or move it "
            "away and load the store again."
        )
    return "Check the disk and the folder."
