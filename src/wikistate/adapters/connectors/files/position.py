"""The position of a file source, in a file beside the files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import orjson

from wikistate.core.events.integers import MAX_INTEGER, is_integer
from wikistate.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class OffsetFile:
    """The number of lines done for each file, as JSON: ``{"/path/of/file": 12}``. Blocking.

    Args:
        path: The path of this file. It is replaced as a whole, so a crash leaves the old or the new file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> dict[str, int]:
        """Return the numbers that were stored last; empty if there are none.

        Raises:
            SourceError: The file cannot be read, or `store` did not write it.
        """
        try:
            stored = orjson.loads(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except (OSError, orjson.JSONDecodeError) as error:
            raise self._source_error("read", str(error)) from error
        if not isinstance(stored, dict) or not all(is_integer(lines) for lines in stored.values()):
            raise self._source_error("read", f"it does not map files to numbers of lines from 0 to {MAX_INTEGER}")
        return stored

    def store(self, lines: Mapping[str, int]) -> None:
        """Return when it is durable.

        Raises:
            SourceError: It cannot be written.
        """
        draft = self._path.with_name(f"{self._path.name}.draft")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with draft.open("wb") as file:
                file.write(orjson.dumps(dict(lines), option=orjson.OPT_INDENT_2))
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
            sync_folder(self._path.parent)
        except OSError as error:
            raise self._source_error("written", str(error)) from error

    def _source_error(self, what: str, why: str) -> SourceError:
        return SourceError(
            f"The saved position {self._path} cannot be {what}: {why}.",
            hint="Repair it, or remove it to read the files from their beginning.",
            file=str(self._path),
        )


def sync_folder(folder: Path) -> None:
    """Make a new name in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
