"""The names of the runners, in a separate module: the command line's help needs them before it imports a runner."""

from __future__ import annotations

from enum import StrEnum


class RunnerName(StrEnum):
    """Runner of a job."""

    LOCAL = "local"
    FLINK = "flink"
