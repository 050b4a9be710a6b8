"""How fresh an embedded store is, for processes that cannot open it: a small file beside its folder.

The process that writes into an embedded store has it for itself, so that nobody else can ask the store.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.errors import StoreError

if TYPE_CHECKING:
    from pathlib import Path


class FreshnessFile:
    """The note beside a store's folder, ``store.freshness`` beside ``store``.

    Args:
        folder: Of the store.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder.with_name(f"{folder.name}.freshness")

    def write(self, moment: int) -> None:
        """The store holds all changes up to this moment, milliseconds since the epoch. No reader sees half of it."""
        draft = self._path.with_name(f"{self._path.name}.new")
        try:
            draft.write_text(str(moment))
            draft.replace(self._path)
        except OSError as error:
            raise StoreError(
                f"{self._path} cannot be written: {error}.", hint="See whether the disk is full."
            ) from error

    def read(self) -> int:
        """The moment.

        Raises:
            StoreError: There is no such note: nothing was ever written into the store.
        """
        try:
            return int(self._path.read_text())
        except (OSError, ValueError) as error:
            raise StoreError(
                f"{self._path} does not say how fresh the store is: {error}.",
                hint="It is written with the first changes that the store takes in.",
            ) from error
