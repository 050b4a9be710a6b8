from __future__ import annotations

import gc
import os
import subprocess
import sys
import weakref
from contextlib import suppress

import pytest

from wikistate.runners.process_tuning import OBJECTS_IN_FLIGHT, OBJECTS_IN_TWO_BATCHES, gc_tuned

on_linux = pytest.mark.skipif(sys.platform != "linux", reason="the allocator of another system")

ARENAS = """
import ctypes, re, sys, tempfile, threading
from wikistate.runners.process_tuning import limit_malloc_arenas

limit_malloc_arenas()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.fopen.restype = ctypes.c_void_p, ctypes.c_void_p
all_there = threading.Barrier(5)


def allocate():
    all_there.wait()
    libc.malloc(100)
    all_there.wait()


threads = [threading.Thread(target=allocate) for _ in range(4)]
for thread in threads:
    thread.start()
all_there.wait()
all_there.wait()
with tempfile.NamedTemporaryFile() as told:
    stream = ctypes.c_void_p(libc.fopen(told.name.encode(), b"w"))
    libc.malloc_info(0, stream)
    libc.fclose(stream)
    print(len(re.findall(b"<heap nr", told.read())))
"""


def test_collections_are_rare_only_meanwhile() -> None:
    """Thresholds and the frozen generation are restored, also when the run fails."""
    before, frozen = gc.get_threshold(), gc.get_freeze_count()
    with suppress(KeyError), gc_tuned(OBJECTS_IN_TWO_BATCHES):
        assert gc.get_threshold()[0] == OBJECTS_IN_TWO_BATCHES
        assert gc.get_freeze_count() > frozen
        raise KeyError
    assert gc.get_threshold() == before
    assert gc.get_freeze_count() == 0


def test_cycles_are_still_collected() -> None:
    """Memory does not fill with cycles."""
    with gc_tuned():
        first = weakref.ref(_cycle())
        for _ in range(2 * OBJECTS_IN_FLIGHT):
            _cycle()
        assert first() is None


class _Node:
    def __init__(self) -> None:
        self.next = self


def _cycle() -> _Node:
    return _Node()


def arenas(**environment: str) -> int:
    """Return the number of arenas of a process in which four threads have allocated memory."""
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    words = [sys.executable, "-c", ARENAS]
    return int(subprocess.check_output(words, env=surroundings | environment, timeout=60))


@on_linux
def test_all_threads_share_one_arena() -> None:
    """Threads that start later as well."""
    assert arenas() == 1


@on_linux
def test_setting_in_the_environment_has_precedence() -> None:
    """The operator may have measured another optimum."""
    assert arenas(MALLOC_ARENA_MAX="3") == 3
