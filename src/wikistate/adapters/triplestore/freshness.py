"""Freshness of an embedded store, for processes that cannot open it: a small file beside its folder.

The process that writes to an embedded store opens it exclusively, so that no other process can query the store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.adapters.durable_files import SHARED_FILE, write_durably
from wikistate.core.events.integers import MAX_TIME, parse_integer
from wikistate.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path


class FreshnessFile:
    """File beside the folder of a store: ``store.freshness`` beside ``store``.

    Args:
        folder: Folder of the store.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder.with_name(f"{folder.name}.freshness")

    def write(self, completed_until: int) -> None:
        """Write the time up to which the store holds all changes, milliseconds since the epoch. The write is atomic and durable.

        The file follows the umask, because monitoring may run as another user. It holds nothing but the time.
        """
        try:
            write_durably(self._path, str(completed_until).encode(), mode=SHARED_FILE)
        except OSError as error:
            raise StoreError(
                f"{self._path} cannot be written: {error}.", hint="Check whether the disk is full."
            ) from error

    def remove(self) -> None:
        """Forget the time, for example because the store was replaced."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise StoreError(f"{self._path} cannot be removed: {error}.", hint="Check its permissions.") from error

    def exists(self) -> bool:
        """Return whether there is such a file."""
        return self._path.exists()

    def read(self) -> int:
        """Return the time, milliseconds since the epoch.

        Raises:
            StoreError: There is no such file, because no change was written to the store yet.
        """
        try:
            text = self._path.read_text()
        except (OSError, ValueError) as error:
            raise self._unusable_file_error(str(error)) from error
        time = parse_integer(text.strip())
        if time is None or time > MAX_TIME:
            raise self._unusable_file_error(f"{text!r:.60} is not a number from 0 to {MAX_TIME}")
        return time

    def _unusable_file_error(self, reason: str) -> StoreError:
        return StoreError(
            f"{self._path} does not state the freshness of the store: {reason}.",
            hint="The job writes the file with the first changes that the store receives, also over a damaged one.",
        )
