"""``wikistate flink jars``: fetches what Flink must be given, and says where it lies."""

from __future__ import annotations

import sys

from wikistate.cli.exits import Exit
from wikistate.ops.jars import fetch_flink_jars


def print_jars() -> Exit:
    """Prints each path on a line of its own: the Kafka connector first.

    Raises:
        ConfigError: The environment names a connector that is not there.
        PartError: The connector cannot be had.
    """
    sys.stdout.writelines(f"{path}\n" for path in fetch_flink_jars())
    return Exit.OK
