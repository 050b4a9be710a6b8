"""``wikistate lag``: by how much a store is behind."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from wikistate.cli.driving import in_loop
from wikistate.cli.exits import Exit
from wikistate.cli.flags import load_configuration
from wikistate.jobs.rdf_consumer import NAME
from wikistate.jobs.store_lag import read_freshness
from wikistate.telemetry.meter import RecordingMeter

if TYPE_CHECKING:
    from wikistate.cli.flags import Flags


def print_lag(flags: Flags, most: float | None) -> Exit:
    """Prints the seconds since the newest change that a store is known to hold.

    Args:
        flags: Name the store.
        most: Seconds beyond which the exit code says so.

    Raises:
        WikistateError: The store does not answer, or does not know.
    """
    settings = load_configuration(NAME, flags).configuration.store
    seconds = max(0.0, time.time() - in_loop(read_freshness(settings, RecordingMeter())) / 1000)
    print(f"{seconds:.0f}")  # noqa: T201  (the command's answer)
    return Exit.BEHIND if most is not None and seconds > most else Exit.OK
