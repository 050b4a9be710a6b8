"""The JVM artifacts that tests and tools start, as ``jvm/parts.toml`` declares them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wikistate.ops import jars

if TYPE_CHECKING:
    from wikistate.ops.jars import Jar

DECLARATION = Path(__file__).parents[2] / "jvm" / "parts.toml"
"""Stands in the source tree and not in the package: parts belong to tests and tools, not to jobs."""


def declared_jars(part: str) -> tuple[Jar, ...]:
    """The jars of a part, for example ``kafka-broker``. Raises `PartError` as `wikistate.ops.jars.declared` does."""
    return jars.read_declaration(part, declaration=DECLARATION)
