"""The runners by name. A module of its own, because the command line's help needs it before anything else is imported."""

from __future__ import annotations

from enum import StrEnum


class RunnerName(StrEnum):
    """What a job runs on."""

    LOCAL = "local"
    FLINK = "flink"
