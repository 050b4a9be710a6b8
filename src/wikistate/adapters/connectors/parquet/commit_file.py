"""What a folder holds for good, and up to where its source was read for that: one small file that is replaced as a whole.

The replacement is the commit. What it names is published, what it does not name is dropped, and the source goes on at
its positions; so files and positions change together, whenever a crash comes.
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
    """The last thing that was committed.

    Attributes:
        positions: By reader and partition, the first offset that is not in the folder. A reader is a consumer group;
            another one has read nothing of what this one has.
        files: The files that this commit adds, relative to the folder: from their pending place to their own.
    """

    positions: Mapping[str, Mapping[Partition, int]] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


class CommitFile:
    """Keeps the last commit in a file. Blocking.

    Args:
        path: Of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self) -> Commit:
        """The last commit; an empty one where there is none.

        Raises:
            SinkError: The file cannot be understood.
            OSError: It cannot be read.
        """
        try:
            return _decode(orjson.loads(self._path.read_bytes()))
        except FileNotFoundError:
            return Commit()
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise SinkError(
                f"{self._path} is no record of what was committed: {error}.",
                hint="Restore it from a copy. Without it nobody knows which events the folder holds already.",
                file=str(self._path),
            ) from error

    def store(self, commit: Commit) -> None:
        """Return when it is durable: from then on it holds.

        Raises:
            OSError: It cannot be written; the one before holds.
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
