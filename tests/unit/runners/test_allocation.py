from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the allocator of another system")

ARENAS = """
import ctypes, re, sys, tempfile, threading
from wikistate.runners.allocation import limit_malloc_arenas

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


def arenas(**environment: str) -> int:
    """How many a process has whose four threads have all allocated something."""
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith(("MALLOC_", "GLIBC_"))}
    words = [sys.executable, "-c", ARENAS]
    return int(subprocess.check_output(words, env=surroundings | environment, timeout=60))


def test_all_threads_limit_malloc_arenas() -> None:
    """Those that start afterwards, too."""
    assert arenas() == 1


def test_what_the_environment_says_goes_before() -> None:
    """The operator has measured something else."""
    assert arenas(MALLOC_ARENA_MAX="3") == 3
