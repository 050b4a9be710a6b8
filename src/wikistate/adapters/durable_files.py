"""Files that are replaced as a whole: after a crash a reader finds the old content or the new one.

Every rename of wikistate is here, and every link. The order is always the same: the content reaches the disk, then the name changes, then the
folder reaches the disk. With another order a power failure may leave an empty file under the new name.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from wikistate.adapters.private_files import PRIVATE_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SHARED_FILE = 0o666
"""Mode of a file that others may read, as far as the umask of the process allows."""


def write_durably(path: Path, content: bytes, *, mode: int = PRIVATE_FILE) -> None:
    """Replace a file, or create it. Return when the new content is durable.

    The content is written to ``NAME.draft`` in the same folder, which is created with its mode and never opened through a
    link. A failure removes the draft and leaves the old content.

    Args:
        path: Path of the file, in a folder that exists.
        content: New content.
        mode: Mode of the file; the umask narrows it.

    Raises:
        OSError: It cannot be written.
    """
    draft = path.with_name(f"{path.name}.draft")
    draft.unlink(missing_ok=True)  # a crash left it, or another user planted a link
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        with open(descriptor, "wb") as file:  # noqa: PTH123  (a descriptor)
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        _rename({draft: path})
    except OSError:
        with contextlib.suppress(OSError):  # the first error counts
            draft.unlink(missing_ok=True)
        raise


def rename_durably(moves: Mapping[Path, Path]) -> None:
    """Rename files within a file system. Return when content and names are durable.

    Args:
        moves: New path of each file. Missing folders are created; an existing file is replaced.

    Raises:
        OSError: A file cannot be renamed; those before it were.
    """
    for source in moves:
        _sync(source)
    _rename(moves)


def link_file(source: Path, target: Path) -> None:
    """Give a file that does not change a second name, which need not be durable. Raises `OSError`."""
    target.hardlink_to(source)


def sync_folder(folder: Path) -> None:
    """Make the new names in a folder durable."""
    _sync(folder)


def _rename(moves: Mapping[Path, Path]) -> None:
    changed: dict[Path, None] = {}
    for source, target in moves.items():
        for missing in [each for each in target.parents if not each.exists()][::-1]:
            missing.mkdir(exist_ok=True)
            changed[missing.parent] = None
        source.replace(target)
        changed[target.parent] = None
    for folder in changed:
        _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW if not path.is_dir() else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
