"""Process that has an embedded store open, from the table of locks of the kernel (Linux, proc(5), ``/proc/locks``)."""

from __future__ import annotations

from pathlib import Path

LOCK = "LOCK"
"""File of RocksDB that the process of an open store holds locked."""

_LOCKS = Path("/proc/locks")
_FIELDS = 6  # number, kind, mode, access, process, device and inode


def find_lock_holder(folder: Path, *, locks: Path = _LOCKS) -> int | None:
    """Return the number of the process that has the store in a folder open; None if it is unknown, or there is none.

    The file itself is not opened: this process would lose its own lock when it closes it again.
    """
    try:
        inode = (folder / LOCK).stat().st_ino
        lines = locks.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:  # no store, or another system than Linux
        return None
    for line in lines:
        fields = line.split()
        # The device is not compared: some file systems, such as overlay, state another one there.
        if len(fields) >= _FIELDS and fields[1] == "POSIX" and fields[5].rpartition(":")[2] == str(inode):
            process = fields[4]
            return int(process) if process.isdecimal() and int(process) else None  # 0: of another container
    return None
