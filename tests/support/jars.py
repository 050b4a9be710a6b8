"""JVM artifacts of tests and tools, declared in ``jvm/parts.toml``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wikistate.ops import jars

if TYPE_CHECKING:
    from wikistate.ops.jars import Jar

DECLARATION = Path(__file__).parents[2] / "jvm" / "parts.toml"
"""Declaration of the parts. It is not in the package, as only tests and tools need the parts."""


def declared_jars(part: str) -> tuple[Jar, ...]:
    """Return the jars of a part, for example ``kafka-broker``. Raises `PartError` as `jars.read_declaration` does."""
    return jars.read_declaration(part, declaration=DECLARATION)
