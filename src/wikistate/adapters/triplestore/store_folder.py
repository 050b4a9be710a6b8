"""Folder of an embedded store, examined before Oxigraph opens it.

Oxigraph's RocksDB repairs what it takes for the rest of a crash: without the file ``CURRENT`` it starts an empty database and deletes the
data files of the old one, and it drops the data files that an incomplete list does not name. Such a folder is therefore not opened.
"""

from __future__ import annotations

import os
import re
import stat
from typing import TYPE_CHECKING

import structlog

from wikistate.adapters.private_files import PRIVATE_FOLDER, make_private_folder
from wikistate.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from pathlib import Path

log = structlog.get_logger(__name__)

_OWN_NAMES = re.compile(
    r"CURRENT|IDENTITY|LOCK|LOG(\.old\.\d+)?|(MANIFEST|OPTIONS)-\d+|\d+\.(sst|log|blob|dbtmp)|OPTIONS-\d+\.dbtmp"
    r"|bulk-\d+\.sst|\..*|lost\+found"
)
"""Names of the files of RocksDB and of file systems."""

_DATA_FILE = re.compile(r"(\d+|bulk-\d+)\.(sst|log)")
_LIST_OF_FILES = re.compile(r"MANIFEST-\d+")

_BLOCK = 32 * 1024  # bytes of a block of a list of files
_HEADER, _LONG_HEADER = 7, 11  # bytes before a record; the long one names the log as well
_LONG_KINDS = range(5, 9)
_MAX_LIST = 1024 * 1024 * 1024  # bytes; RocksDB starts a new list at 1 GiB
_COLUMN_FAMILY = "id2str"
"""Part of each Oxigraph store, and of no other database."""


def prepare_folder(folder: Path, *, user: int | None = None) -> None:
    """Create the folder of a store for this user only, or examine an existing one. It changes no file.

    Args:
        folder: Path of the folder.
        user: Number of the user; None for that of the process.

    Raises:
        ConfigError: It holds other files than a store.
        StoreError: The store is damaged.
        OSError: It cannot be created or read.
    """
    make_private_folder(folder)
    names = _list_names(folder)
    is_own = folder.stat().st_uid == (os.geteuid() if user is None else user)
    if is_own and not names - {"lost+found"}:
        folder.chmod(PRIVATE_FOLDER)  # an empty folder shares nothing yet
    _check_access(folder)
    _check_contents(folder, names)


def require_store(folder: Path) -> None:
    """Check that a folder holds a store. It changes no file.

    Raises:
        ConfigError: The folder does not exist, or holds something else.
        StoreError: The store is damaged.
        OSError: It cannot be read.
    """
    if not folder.exists():
        raise _missing_error(folder, f"There is no store in {folder}: the folder does not exist.")
    names = _list_names(folder)
    _check_access(folder)
    _check_contents(folder, names)
    if "CURRENT" not in names:
        raise _missing_error(folder, f"There is no store in {folder}: the folder is empty.")


def _missing_error(folder: Path, message: str) -> ConfigError:
    return ConfigError(
        message,
        hint="Check the spelling of store.location. Only `wikistate run` creates a store. Nothing was changed.",
        key="store.location",
        folder=str(folder),
    )


def _list_names(folder: Path) -> set[str]:
    return {each.name for each in folder.iterdir()}


def _check_contents(folder: Path, names: set[str]) -> None:
    if "CURRENT" in names:
        _check_database(folder)
    elif any(_DATA_FILE.fullmatch(name) for name in names):
        raise _damage_error(folder, "the file CURRENT is missing")
    elif foreign := sorted(name for name in names if not _OWN_NAMES.fullmatch(name)):
        raise ConfigError(
            f"The folder {folder} is not an Oxigraph store: it holds {foreign[0]!r:.100}.",
            hint="Name the folder of a store, an empty folder, or one that does not exist. Nothing was changed.",
            key="store.location",
        )


def _check_access(folder: Path) -> None:
    mode = stat.S_IMODE(folder.stat().st_mode)
    if mode & (stat.S_IROTH | stat.S_IXOTH):
        log.warning("store_readable_by_others", folder=str(folder), mode=f"{mode:04o}")


def _check_database(folder: Path) -> None:
    name = (folder / "CURRENT").read_bytes()[:64].decode(errors="replace").strip()
    if not _LIST_OF_FILES.fullmatch(name):
        raise _damage_error(folder, f"the file CURRENT holds {name[:60]!r} instead of the name of a list of files")
    manifest = folder / name
    if not manifest.is_file():
        raise _damage_error(folder, f"the list of its files, {name}, is missing")
    if not _ends_with_record(manifest):
        raise _damage_error(folder, f"the list of its files, {name}, ends within a record")
    options = sorted(folder.glob("OPTIONS-*[0-9]"))
    if options and f'[CFOptions "{_COLUMN_FAMILY}"]' not in options[-1].read_text(errors="replace"):
        raise ConfigError(
            f"The folder {folder} is a RocksDB database of another program, not an Oxigraph store.",
            hint="Name another folder. Nothing was changed.",
            key="store.location",
        )


def _ends_with_record(manifest: Path) -> bool:
    """Return whether a list of files ends with a complete record.

    A file is a sequence of blocks of 32 KiB. A record in it has a checksum, its length and its kind. Source: RocksDB wiki,
    "Write Ahead Log File Format".
    """
    size = manifest.stat().st_size
    if not 0 < size <= _MAX_LIST:
        return size > 0
    position = 0
    with manifest.open("rb") as file:
        while position < size:
            left = _BLOCK - position % _BLOCK
            if left < _HEADER:
                position += left
                continue
            file.seek(position)
            header = file.read(_HEADER)
            if len(header) < _HEADER:
                return False
            length, kind = int.from_bytes(header[4:6], "little"), header[6]
            if not kind and not length:  # space that was reserved and not written
                return True
            position += length + (_LONG_HEADER if kind in _LONG_KINDS else _HEADER)
    return position <= size


def _damage_error(folder: Path, reason: str) -> StoreError:
    return StoreError(
        f"The store in {folder} is damaged: {reason}.",
        hint="It was not opened, and nothing was changed. Restore the folder from a copy: the job resumes at the position of the "
        "copy. Or move it away and load the store again.",
        folder=str(folder),
    )
