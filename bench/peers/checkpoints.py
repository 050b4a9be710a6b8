"""Checkpoints of a running Flink job (Apache Flink documentation, REST API)."""

from __future__ import annotations

import urllib.request
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable

_ANSWER = 10.0  # seconds


class Checkpoint(NamedTuple):
    """Completed checkpoint: its trigger time in seconds since the epoch, and the seconds from there to its end."""

    triggered: float
    seconds: float


def fetch_completed(port: int) -> list[Checkpoint]:
    """Return the completed checkpoints in the history of the only job behind a REST port."""
    (job,) = _request(port, "/jobs")["jobs"]
    history = _request(port, f"/jobs/{job['id']}/checkpoints")["history"]
    return [
        Checkpoint(each["trigger_timestamp"] / 1000, each["end_to_end_duration"] / 1000)
        for each in history
        if each["status"] == "COMPLETED"
    ]


def select_under_load(checkpoints: Iterable[Checkpoint], *, first: float, last: float) -> tuple[float, ...]:
    """Return the seconds of the checkpoints that were in progress between the first and the last output.

    During the others the job was idle: before its workers ran, and after the last output, when Flink catches up with the
    checkpoints that became due during another one.
    """
    return tuple(
        each.seconds for each in checkpoints if each.triggered + each.seconds > first and each.triggered < last
    )


def _request(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=_ANSWER) as answer:
        return orjson.loads(answer.read())
