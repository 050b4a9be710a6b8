"""Files and folders that hold state: only the user of the process may read them.

State holds content and titles of wikis that may be private. Its mode is therefore set when it is created and does not depend on the
umask. Output that the operator asked for follows the umask instead.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PRIVATE_FILE = 0o600
PRIVATE_FOLDER = 0o700
_OTHERS = 0o077


def make_private_folder(folder: Path) -> None:
    """Create a folder with its missing parents, each for this user only. The mode of an existing folder does not change.

    Raises:
        OSError: It cannot be created, or is not a folder.
    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=PRIVATE_FOLDER, exist_ok=True)
    if not folder.is_dir():
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder))


def create_private(path: Path) -> int:
    """Create a file and return its descriptor, to read and write. Raises `OSError` if there is a file or link of that name."""
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PRIVATE_FILE)


def open_private(path: Path) -> int:
    """Open a file to read and write, and return its descriptor. A missing file is created; a link is refused.

    Raises:
        OSError: It cannot be opened, or is a link.
    """
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, PRIVATE_FILE)


def protect_file(path: Path, *, user: int | None = None) -> None:
    """Remove the access of other users to a file of state, and refuse one that another user may have planted.

    A link, or a file in a folder in which each user may create files, must belong to the user of the process or to root.

    Args:
        path: Path of an existing file.
        user: Number of the user; None for that of the process.

    Raises:
        OSError: It is not a file, or another user may have planted it.
    """
    user = os.geteuid() if user is None else user
    found = path.lstat()
    is_open_folder = bool(path.parent.stat().st_mode & stat.S_IWOTH)
    if found.st_uid not in (user, 0) and (stat.S_ISLNK(found.st_mode) or is_open_folder):
        raise PermissionError(errno.EPERM, f"it belongs to another user, {found.st_uid}", str(path))
    target = path.stat()
    if not stat.S_ISREG(target.st_mode):
        raise OSError(errno.EINVAL, "it is not a file", str(path))
    if target.st_uid == user and target.st_mode & _OTHERS:
        path.chmod(target.st_mode & ~_OTHERS & 0o7777)
