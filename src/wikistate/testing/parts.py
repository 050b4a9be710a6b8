"""Fetches the real parts ahead of the tests: ``python -m wikistate.testing.parts``.

Tests fetch what they need by themselves. Doing it first shows what is going on, and keeps the minutes that it takes
on a fresh machine out of a test's time limit.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from wikistate.errors import PartError
from wikistate.testing import debian
from wikistate.testing.jars import declared, fetch
from wikistate.testing.java import java
from wikistate.testing.mediawiki import fetch_mediawiki

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def kcat() -> str:
    """The path of `kcat`, a Kafka client that shares no code of ours. Raises `PartError`."""
    return str(debian.program("kcat", package="kcat"))


PARTS: Mapping[str, Callable[[], object]] = {
    "java": java,
    "kafka-broker": lambda: f"{len(fetch(declared('kafka-broker')))} jars",
    "flink-kafka-connector": lambda: f"{len(fetch(declared('flink-kafka-connector')))} jar",
    "kcat": kcat,
    "mediawiki": fetch_mediawiki,
}
"""Each part's name and what fetches it; what that returns is for the eye."""


def main() -> int:
    """Fetch every part and say what became of each. Returns the exit status: 1 when one cannot be had."""
    missing = False
    for name, fetch_part in PARTS.items():
        try:
            sys.stdout.write(f"  {name}: {fetch_part()}\n")
        except PartError as error:
            missing = True
            sys.stdout.write(f"  {name}: missing. {error}\n")
        sys.stdout.flush()
    return int(missing)


if __name__ == "__main__":
    sys.exit(main())
