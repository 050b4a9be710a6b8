"""Appending to one file or stream; blocking, for a separate thread."""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from wikistate.adapters.compression.decoder import DamagedError
from wikistate.adapters.compression.formats import Format
from wikistate.adapters.connectors.files.codecs import build_compressor, written_format
from wikistate.adapters.connectors.files.tail import complete_until, is_truncated
from wikistate.adapters.durable_files import sync_folder
from wikistate.adapters.private_files import PRIVATE_FILE, make_private_folder
from wikistate.errors import ConfigError, SinkError

if TYPE_CHECKING:
    from wikistate.adapters.connectors.files.codecs import Compressor

log = structlog.get_logger(__name__)

_HINTS = {
    errno.ENOSPC: "The disk is full: make room, then restart the job; it resumes after the last complete line.",
    errno.EDQUOT: "The disk quota is used up: make room, then restart the job.",
    errno.EFBIG: "The file may not grow further (ulimit -f, or the limit of the file system): write to another file.",
    errno.EPIPE: "The program that reads the output has ended.",
    errno.EACCES: "Grant write permission on the file and its folder.",
    errno.EISDIR: "It is a folder: name a file in the folder.",
    errno.EROFS: "The file system is read-only.",
}


class AppendFile:
    """A file that grows by blocks of complete lines; a block that fails is truncated again.

    Args:
        target: A path, which is created with its folders if it does not exist; or an open descriptor, which is neither
            repaired nor truncated.
        is_private: Whether a new file, and a new folder of it, is for this user only. Otherwise the umask decides.

    Raises:
        ConfigError: The name states a format that is not written.
    """

    def __init__(self, target: Path | int, *, is_private: bool = False) -> None:
        self._target = target
        self._is_private = is_private
        self._format = written_format(target) if isinstance(target, Path) else Format.PLAIN
        self._member: Compressor | None = None
        self._descriptor = -1
        self._regular = False
        self._complete_size = 0

    def open(self, *, is_emptied: bool = False) -> None:
        """Open the file, lock it against other processes, and truncate an incomplete end that a crash left.

        Args:
            is_emptied: Whether to remove the contents.

        Raises:
            ConfigError: Another process writes to the file.
            SinkError: It cannot be opened or repaired.
        """
        try:
            if isinstance(self._target, int):
                self._descriptor = os.dup(self._target)
            else:
                self._descriptor = _open(self._target, is_private=self._is_private)
            is_regular = stat.S_ISREG(os.fstat(self._descriptor).st_mode)
            if is_regular and isinstance(self._target, Path):
                self._lock()
                if is_emptied:
                    os.ftruncate(self._descriptor, 0)
                self._repair()
            self._regular = is_regular
        except OSError as error:
            raise self._sink_error("opened", error) from error
        except DamagedError as error:
            raise SinkError(
                f"{self._name} cannot be appended to: {error}.",
                hint="It is damaged, or its name does not match its compression: move it away, or write to another file.",
                file=self._name,
            ) from error

    def check(self) -> None:
        """Check that the file can be opened, and create nothing. Raises `SinkError` as `open`."""
        if isinstance(self._target, int):
            return
        places = (self._target, *self._target.absolute().parents)
        place = next(each for each in places if each.exists())
        is_folder = place.is_dir()
        if is_folder is (place == self._target):
            code = errno.EISDIR if is_folder else errno.ENOTDIR
        elif not os.access(place, os.W_OK | (os.X_OK if is_folder else os.R_OK if place.is_file() else 0)):
            code = errno.EACCES
        else:
            return
        raise self._sink_error("opened", OSError(code, os.strerror(code), str(place)))

    def write(self, block: bytes) -> None:
        """Append complete lines.

        Raises:
            SinkError: They cannot be written; the file was truncated to its last complete line or member.
        """
        if self._format is not Format.PLAIN:
            self._member = self._member or build_compressor(self._format)
        self._append(self._member.compress(block) if self._member is not None else block)
        if self._member is None:
            self._complete_size += len(block)

    def flush(self) -> None:
        """Return when all lines are durable. The member of a compressed file ends here.

        Raises:
            SinkError: They cannot be made durable.
        """
        if self._member is not None:
            rest, self._member = self._member.flush(), None
            self._append(rest)
            self._complete_size = os.fstat(self._descriptor).st_size
        if self._regular:
            try:
                os.fsync(self._descriptor)
            except OSError as error:
                raise self._sink_error("written", error) from error

    def close(self) -> None:
        """Close the file."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    @property
    def _name(self) -> str:
        return f"the standard stream {self._target}" if isinstance(self._target, int) else str(self._target)

    def _append(self, block: bytes) -> None:
        view = memoryview(block)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError as error:
            self._truncate_partial()
            raise self._sink_error("written", error) from error

    def _truncate_partial(self) -> None:
        if self._regular and isinstance(self._target, Path):
            os.ftruncate(self._descriptor, self._complete_size)

    def _lock(self) -> None:
        """Lock the file until it is closed: the lines of two processes would be mixed, and one would truncate the other's.

        Raises:
            ConfigError: Another process has the lock.
        """
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self.close()
            raise ConfigError(
                f"Another process writes to {self._name}.",
                hint="Wait until it ends, or write to another file.",
                file=self._name,
            ) from error
        except OSError as error:  # a file system without locks
            log.warning("file_not_locked", file=self._name, reason=error.strerror or str(error))

    def _repair(self) -> None:
        size = os.fstat(self._descriptor).st_size
        self._complete_size = complete_until(self._descriptor, self._format)
        if self._complete_size == size:
            return
        if self._format is Format.PLAIN and is_truncated(self._descriptor, self._complete_size):
            self._complete_size = size
            self.write(b"\n")
            return
        log.warning("file_truncated", file=self._name, bytes=size - self._complete_size, kept=self._complete_size)
        os.ftruncate(self._descriptor, self._complete_size)

    def _sink_error(self, what: str, error: OSError) -> SinkError:
        return SinkError(
            f"{self._name} cannot be {what}: {error.strerror or error}.",
            hint=_HINTS.get(error.errno or 0, "Check the disk and the file, then restart the job."),
            file=self._name,
        )


def _open(path: Path, *, is_private: bool) -> int:
    if is_private:
        make_private_folder(path.parent)
    else:
        path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not path.is_file():  # a device or a pipe cannot be read for a repair
        return os.open(path, os.O_WRONLY | os.O_APPEND)
    new = not path.exists()
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, PRIVATE_FILE if is_private else 0o644)
    if new:
        sync_folder(path.parent)
    return descriptor
