"""``wikistate lag``: by how much a store is behind."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from wikistate.cli.execution import run_async
from wikistate.cli.exits import Exit
from wikistate.cli.settings import load_configuration
from wikistate.jobs.rdf_consumer import NAME
from wikistate.ops.store_lag import read_freshness
from wikistate.telemetry.meter import RecordingMeter

if TYPE_CHECKING:
    from wikistate.cli.settings import CliSettings


def print_lag(flags: CliSettings, max_seconds: float | None) -> Exit:
    """Prints the seconds since the newest change that a store is known to hold.

    Args:
        flags: Name the store.
        max_seconds: Seconds beyond which the exit code says so.

    Raises:
        WikistateError: The store does not answer, or does not know.
    """
    settings = load_configuration(NAME, flags).configuration.store
    seconds = max(0.0, time.time() - run_async(read_freshness(settings, RecordingMeter())) / 1000)
    print(f"{seconds:.0f}")  # noqa: T201  (the command's answer)
    return Exit.LAG_EXCEEDED if max_seconds is not None and seconds > max_seconds else Exit.OK
