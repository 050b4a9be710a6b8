"""The committed files of a folder with the positions of the source: one small file that is replaced as a whole.

The replacement is the commit. Files that it names are published, other pending files are dropped, and the source resumes
at its positions. Files and positions therefore change together, also in a crash.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from wikistate.adapters.connectors.files.position import sync_folder
from wikistate.errors import SinkError
from wikistate.streaming.record import Partition

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

_FORMAT = 1


@dataclass(frozen=True, slots=True)
class Commit:
    """The last commit.

    Attributes:
        positions: The first offset that is not in the folder, by reader and partition. A reader is a consumer group; the
            positions of another reader do not apply to it.
        files: The files that this commit adds: the name of the pending file, and its path below the folder.
    """

    positions: Mapping[str, Mapping[Partition, int]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


class CommitFile:
    """The file that stores the last commit. Blocking.

    Args:
        path: The path of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Commit:
        """Return the last commit; an empty commit if there is none.

        Raises:
            SinkError: The file is not valid.
            OSError: It cannot be read.
        """
        try:
            return _decode(orjson.loads(self._path.read_bytes()))
        except FileNotFoundError:
            return Commit()
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise SinkError(
                f"{self._path} is not a valid commit file: {error}.",
                hint="Restore it from a copy. Without it, the events that the folder already holds are unknown.",
                file=str(self._path),
            ) from error

    def store(self, commit: Commit) -> None:
        """Replace the last commit. Returns when the new commit is durable.

        Raises:
            OSError: It cannot be written; the last commit still applies.
        """
        draft = self._path.with_name(f"{self._path.name}.draft")
        with draft.open("wb") as file:
            file.write(_encode(commit))
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self._path)
        sync_folder(self._path.parent)


def _encode(commit: Commit) -> bytes:
    positions = {
        reader: [[part.topic, part.number, offset] for part, offset in parts.items()]
        for reader, parts in commit.positions.items()
    }
    document = {"format": _FORMAT, "positions": positions, "files": dict(commit.files)}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2)


def _decode(document: Any) -> Commit:
    if document["format"] != _FORMAT:
        raise KeyError(f"format {document['format']}")
    positions = {
        reader: {Partition(topic, number): offset for topic, number, offset in parts}
        for reader, parts in document["positions"].items()
    }
    return Commit(positions, dict(document["files"]))
