"""The committed files of a folder with the positions of the source: one small file that is replaced as a whole.

The replacement is the commit. Files that it names are published, other pending files are dropped, and the source resumes
at its positions. Files and positions therefore change together, also in a crash.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from wikistate.adapters.durable_files import write_durably
from wikistate.core.events.integers import is_integer
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
        except ValueError as error:
            raise SinkError(
                f"{self._path} is not a valid commit file: {error}.",
                hint="Nothing was changed. Restore the file from a copy; if a newer version of wikistate wrote it, use that "
                "version. Without it, the events that the folder already holds are unknown.",
                file=str(self._path),
            ) from error

    def store(self, commit: Commit) -> None:
        """Replace the last commit. Returns when the new commit is durable.

        Raises:
            OSError: It cannot be written; the last commit still applies.
        """
        write_durably(self._path, _encode(commit))


def _encode(commit: Commit) -> bytes:
    positions = {
        reader: [[part.topic, part.number, offset] for part, offset in parts.items()]
        for reader, parts in commit.positions.items()
    }
    document = {"format": _FORMAT, "positions": positions, "files": dict(commit.files)}
    return orjson.dumps(document, option=orjson.OPT_INDENT_2)


def _decode(document: object) -> Commit:
    """Return the commit in a file. Raise `ValueError` if the file is damaged, or of a newer version."""
    match document:
        case {"format": number} if number != _FORMAT:
            raise ValueError(f"it has format {number!r:.60}, and this version reads {_FORMAT}")
        case {"format": _, "positions": dict(positions), "files": dict(files)}:
            found = {reader: _decode_positions(reader, parts) for reader, parts in positions.items()}
            return Commit(found, {name: _decode_path(name, path) for name, path in files.items()})
    raise ValueError('it is not an object with "format", "positions" and "files"')


def _decode_positions(reader: str, parts: object) -> dict[Partition, int]:
    if not isinstance(parts, list):
        raise ValueError(f"the positions of {reader[:60]!r} are {parts!r:.60} instead of a list")  # noqa: TRY004  (the content of a file)
    found = {}
    for part in parts:
        match part:
            case [str(topic), number, offset] if is_integer(number) and is_integer(offset):
                found[Partition(topic, number)] = offset
            case _:
                raise ValueError(f"{part!r:.60} is not a topic, a partition and an offset")
    return found


def _decode_path(name: str, path: object) -> str:
    """Return the path below the folder. A name or path that leads elsewhere would move files of others."""
    if isinstance(path, str) and "/" not in name and "\0" not in name + path and not path.startswith("/"):
        parts = (name, *path.split("/"))
    else:
        parts = ("..",)
    if ".." not in parts:
        return str(path)
    raise ValueError(f"{path!r:.60} is not the path of the file {name[:60]!r} below the folder")
