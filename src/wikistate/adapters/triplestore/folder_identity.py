"""Identity of the folder of an embedded store, which must not be replaced while the store is open."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.adapters.triplestore.folder_lock import LOCK
from wikistate.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path


class FolderIdentity:
    """Identity of a folder and of its lock file, as they are now.

    An open store keeps the files that it has opened. After a restore from a backup it would mix them with those of the
    backup.

    Args:
        folder: Folder of an open store; None for a store in memory.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._found = self._read()

    def check(self) -> None:
        """Raise `StoreError` if the folder was replaced or removed."""
        if self._read() != self._found:
            raise StoreError(
                f"The folder {self._folder} was replaced or removed while this process has its store open.",
                hint="The open store may have damaged the new folder. Stop the job, restore the folder again, and start the job: it "
                "resumes at the position of the restored store.",
                folder=str(self._folder),
            )

    def _read(self) -> tuple[tuple[int, int], ...] | None:
        if self._folder is None:
            return None
        try:
            found = [path.stat() for path in (self._folder, self._folder / LOCK)]
        except OSError:
            return ()
        return tuple((each.st_dev, each.st_ino) for each in found)
