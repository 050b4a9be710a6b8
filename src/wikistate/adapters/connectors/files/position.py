"""The position of a file source, in a file beside the files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from wikistate.adapters.durable_files import write_durably
from wikistate.adapters.private_files import make_private_folder
from wikistate.core.events.integers import is_integer
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
        if not isinstance(stored, dict) or not all(map(is_integer, stored.values())):
            raise self._source_error("read", "it does not map files to numbers of lines")
        return stored

    def store(self, lines: Mapping[str, int]) -> None:
        """Return when it is durable.

        Raises:
            SourceError: It cannot be written.
        """
        try:
            make_private_folder(self._path.parent)
            write_durably(self._path, orjson.dumps(dict(lines), option=orjson.OPT_INDENT_2))
        except OSError as error:
            raise self._source_error("written", str(error)) from error

    def _source_error(self, what: str, why: str) -> SourceError:
        return SourceError(
            f"The saved position {self._path} cannot be {what}: {why}.",
            hint="Repair it, or remove it to read the files from their beginning.",
            file=str(self._path),
        )
