"""Functions that run in a child process with a limit on its memory: what swells there fails instead of being measured."""

from __future__ import annotations

import importlib
import resource
import subprocess
import sys
from pathlib import Path

from tests.support.limited_process import ROOT, own_environment

ALLOWANCE = 512 * 1024 * 1024
"""Bytes of address space that a function may take beyond those of its imported modules."""

_TIMEOUT = 240.0  # seconds; some are usual


def run_within_allowance(function: str, *words: str, allowance: int = ALLOWANCE) -> str:
    """Run a function in a child process and return its standard output.

    Args:
        function: Name of the function, as ``module:name``; it receives the words.
        words: Arguments.
        allowance: Bytes of address space beyond those of the imported modules.

    Raises:
        AssertionError: The child did not end well, for instance with a MemoryError.
    """
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.limited_memory", str(allowance), function, *words],
        capture_output=True,
        text=True,
        timeout=_TIMEOUT,
        check=False,
        env=own_environment(),
        cwd=ROOT,
    )
    assert done.returncode == 0, f"exit code {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def _main() -> None:
    allowance, function, *words = sys.argv[1:]
    module, _, name = function.partition(":")
    called = getattr(importlib.import_module(module), name)
    limit = _address_space() + int(allowance)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    called(*words)


def _address_space() -> int:
    status = Path("/proc/self/status").read_text()
    (found,) = (row for row in status.splitlines() if row.startswith("VmSize:"))
    return int(found.split()[1]) * 1024


if __name__ == "__main__":
    _main()
