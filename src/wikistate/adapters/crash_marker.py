"""Marker of the work that a process is doing, so that the next process knows which work ended it.

Before a document is parsed, its name is written to a file that is mapped into memory. After that it is erased. If the
process dies meanwhile, the operating system keeps the file. The next process then does this work alone, while nothing else
is marked, so that a second death has one suspect. Work that ended the process twice is refused.

A process that is killed from outside in the middle of the same work twice is counted as well. To try a refused piece of
work again, delete the file while the job does not run.
"""

from __future__ import annotations

import asyncio
import fcntl
import mmap
import os
from contextlib import nullcontext
from typing import TYPE_CHECKING, Final, NamedTuple

import structlog

from wikistate.adapters.private_files import make_private_folder, open_private
from wikistate.errors import InputError

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager
    from pathlib import Path

MAX_CRASHES: Final = 2
"""Deaths of a process after which a piece of work is refused. One may be a coincidence."""

_SLOTS: Final = 256
_SLOT_BYTES: Final = 256
_FILE_BYTES: Final = _SLOTS * _SLOT_BYTES
_NAME_BYTES: Final = _SLOT_BYTES - 2
_MAX_KEPT: Final = 128
"""Names that are kept of earlier processes: the slots of the others are for new work."""

_FREE, _WORKING, _KEPT = 0, 1, 2
_NO_SLOT: Final = -1
_MAX_ALONE: Final = 10_000
"""Pieces of work after which a suspect that did not return is no longer waited for: its work is elsewhere by now."""

log = structlog.get_logger(__name__)


class KilledProcessError(InputError):
    """Work that has ended the process too often."""


class _Kept(NamedTuple):
    """Work of an earlier process: its slot in the file, and the number of deaths."""

    slot: int
    crashes: int


class CrashMarker:
    """Marker of the work of one process. Other processes that open the file meanwhile mark nothing.

    Args:
        path: File; created with its folder if it does not exist. None to mark nothing.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self._file = _NO_SLOT
        self._map: mmap.mmap | None = None
        self._free: list[int] = []
        self._kept: dict[bytes, _Kept] = {}
        self._begun = 0
        self._alone = asyncio.Lock()

    def open(self) -> None:
        """Open the file, and find the work that ended earlier processes. Without a usable file, nothing is marked."""
        if self._path is None or self._map is not None:
            return
        try:
            self._open_file(self._path)
        except OSError as error:
            self.close()
            log.warning("crash_marker_unavailable", file=str(self._path), reason=error.strerror or str(error))
            return
        self._read_file()

    def _open_file(self, path: Path) -> None:
        make_private_folder(path.parent)
        self._file = open_private(path)
        fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        size = os.fstat(self._file).st_size
        # A page without a block on the disk would end the process when the disk is full.
        os.pwrite(self._file, bytes(max(0, _FILE_BYTES - size)), size)
        self._map = mmap.mmap(self._file, _FILE_BYTES)

    def _read_file(self) -> None:
        found: dict[bytes, int] = {}
        for slot in range(_SLOTS):
            state, crashes, name = self._read_slot(slot)
            if state in (_WORKING, _KEPT) and name:
                found[name] = max(found.get(name, 0), min(crashes, MAX_CRASHES) + (state == _WORKING))
            self._write_slot(slot, _FREE, 0, b"")
        # The names that are refused must stay; those of a first death may be lost.
        kept = sorted(found.items(), key=lambda each: each[1], reverse=True)[:_MAX_KEPT]
        for slot, (name, crashes) in enumerate(kept):
            self._write_slot(slot, _KEPT, crashes, name)
            self._kept[name] = _Kept(slot, crashes)
            log.warning("work_ended_process", work=name.decode(errors="replace"), crashes=crashes)
        self._free = list(range(len(kept), _SLOTS))

    def close(self) -> None:
        """Release the file. Work that has not ended stays marked."""
        if self._map is not None:
            self._map.close()
            self._map = None
        if self._file != _NO_SLOT:
            os.close(self._file)
            self._file = _NO_SLOT
        self._free, self._kept = [], {}

    def turn(self) -> AbstractAsyncContextManager[object]:
        """Return the turn of a piece of work that runs beside others: alone, while work is under suspicion."""
        suspects = self._begun < _MAX_ALONE and any(each.crashes < MAX_CRASHES for each in self._kept.values())
        return self._alone if suspects else nullcontext()

    def begin(self, name: bytes) -> int:
        """Mark a piece of work as begun. Return the number to pass to `end`.

        Args:
            name: Name, the same for the same work in another process. It has no zero bytes.

        Raises:
            KilledProcessError: It has ended the process too often, and must not be done.
        """
        if self._map is None or not self._free:
            return _NO_SLOT
        crashes = 0
        if self._kept:
            self._begun += 1
            name = name[:_NAME_BYTES]
            if (kept := self._kept.get(name)) is not None:
                crashes = kept.crashes
                if crashes >= MAX_CRASHES:
                    raise self._refuse(name, crashes)
        slot = self._free.pop()
        self._write_slot(slot, _WORKING, crashes, name)
        return slot

    def end(self, slot: int) -> None:
        """Mark a piece of work as ended, with whatever result: the process has survived it."""
        if slot == _NO_SLOT or self._map is None:
            return
        if self._kept and (kept := self._kept.pop(self._read_slot(slot)[2], None)) is not None:
            self._map[kept.slot * _SLOT_BYTES] = _FREE
            self._free.append(kept.slot)
        self._map[slot * _SLOT_BYTES] = _FREE
        self._free.append(slot)

    def _refuse(self, name: bytes, crashes: int) -> KilledProcessError:
        work = name.decode(errors="replace")
        log.error("work_refused", work=work, crashes=crashes)
        return KilledProcessError(
            f"{work}: the process ended {crashes} times while it parsed this, so it is not parsed again.",
            hint=f"Report it with the document. To try it again, stop the job and delete {self._path}.",
            work=work,
            file=str(self._path),
        )

    def _read_slot(self, slot: int) -> tuple[int, int, bytes]:
        assert self._map is not None
        begin = slot * _SLOT_BYTES
        found = self._map[begin : begin + _SLOT_BYTES]
        return found[0], found[1], found[2:].rstrip(b"\0")

    def _write_slot(self, slot: int, state: int, crashes: int, name: bytes) -> None:
        assert self._map is not None
        begin = slot * _SLOT_BYTES
        self._map[begin : begin + _SLOT_BYTES] = b"%c%c%s" % (
            state,
            crashes,
            name[:_NAME_BYTES].ljust(_NAME_BYTES, b"\0"),
        )
