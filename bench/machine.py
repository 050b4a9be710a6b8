"""Circumstances of a measurement: versions and hardware, without the name of the machine."""

from __future__ import annotations

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from confluent_kafka import libversion

_LIBRARIES = ("wikistate", "aiohttp", "confluent-kafka", "jsonschema-rs", "orjson", "uvloop")
_GIT = ("git", "--no-optional-locks", "describe", "--always", "--dirty", "--exclude=*")


def describe_machine() -> dict[str, str]:
    """Return the circumstances by name, in human-readable form."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "commit": _commit(),
        "CPU": f"{_line('/proc/cpuinfo', 'model name')}, {len(os.sched_getaffinity(0))} cores",
        "memory": f"{int(_line('/proc/meminfo', 'MemTotal').split()[0]) / 1024**2:.0f} GiB",
        "load before": f"{os.getloadavg()[0]:.1f}",
        "system": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        "libraries": ", ".join(f"{name} {version(name)}" for name in _LIBRARIES) + f", librdkafka {libversion()[0]}",
    }


def _commit() -> str:
    """Return the checked-out commit, with the suffix ``-dirty`` if files have changed since."""
    try:
        found = subprocess.run(_GIT, cwd=Path(__file__).parent, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):  # a source archive
        return "unknown"
    return found.stdout.strip()


def _line(file: str, name: str) -> str:
    for line in Path(file).read_text().splitlines():
        found, _, value = line.partition(":")
        if found.strip() == name:
            return value.strip()
    return "unknown"
