"""Python in a child process with a limit of its memory, for inputs that end or swell a process."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from functools import partial
from pathlib import Path
from textwrap import dedent

MIB = 1024 * 1024
ROOT = Path(__file__).parents[2]


def own_environment() -> dict[str, str]:
    """Return an environment in which a process finds the package and the tests of this checkout."""
    return os.environ | {"PYTHONPATH": os.pathsep.join((str(ROOT / "src"), str(ROOT)))}


def run_limited(code: str, *arguments: str, megabytes: int = 1024) -> subprocess.CompletedProcess[str]:
    """Run Python code to its end.

    Args:
        code: The code.
        arguments: Its arguments, in `sys.argv`.
        megabytes: Limit of the address space; an interpreter with the imports of a job takes 300.
    """
    limit = megabytes * MIB
    return subprocess.run(
        [sys.executable, "-c", dedent(code), *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        env=own_environment(),
        preexec_fn=partial(resource.setrlimit, resource.RLIMIT_AS, (limit, limit)),
    )
