"""What Flink says of a running job's checkpoints (Apache Flink documentation, REST API)."""

from __future__ import annotations

import urllib.request
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

if TYPE_CHECKING:
    from collections.abc import Iterable

_ANSWER = 10.0  # seconds


class Checkpoint(NamedTuple):
    """One that succeeded: its trigger in seconds since the epoch, and the seconds from there to its end."""

    triggered: float
    seconds: float


def fetch_completed(port: int) -> list[Checkpoint]:
    """All of the one job that runs behind a REST port, as far back as its history goes."""
    (job,) = _request(port, "/jobs")["jobs"]
    history = _request(port, f"/jobs/{job['id']}/checkpoints")["history"]
    return [
        Checkpoint(each["trigger_timestamp"] / 1000, each["end_to_end_duration"] / 1000)
        for each in history
        if each["status"] == "COMPLETED"
    ]


def select_under_load(checkpoints: Iterable[Checkpoint], *, first: float, last: float) -> tuple[float, ...]:
    """Seconds of those that were under way at some time between the first and the last output.

    The others met an idle job: before its workers were up, and after everything was out, when Flink makes up in one
    go for those that were due while one was under way.
    """
    return tuple(
        each.seconds for each in checkpoints if each.triggered + each.seconds > first and each.triggered < last
    )


def _request(port: int, path: str) -> Any:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=_ANSWER) as answer:
        return orjson.loads(answer.read())
