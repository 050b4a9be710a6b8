"""The settings of a run: the sections `local`, `error_limit` and `telemetry`."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt

from wikistate.config.base import MIB, Settings


class LocalRunnerSettings(Settings):
    """Bounds and intervals of the local runner. The bounds of events in flight also apply to each subtask of Flink."""

    max_in_flight_events: PositiveInt = 2_500
    """Events that are read and not yet written. More events fill batches better, fewer repeat less after a crash. On
    Flink: of each subtask."""

    max_in_flight_bytes: PositiveInt = 64 * MIB
    """Bytes of those events and of their pending results. On Flink: of each subtask."""

    max_uncommitted_events: PositiveInt = 50_000
    """Events that one slow event may keep from being committed; then reading stops until it is done."""

    commit_interval: PositiveFloat = 1.0
    """Seconds between commits. A crash repeats at most this much (with `EXACTLY_ONCE`: delays readers by this much)."""

    checkpoint_interval: PositiveFloat = 10.0
    """Seconds between checkpoints of a job that keeps state; each checkpoint waits for the fetches in flight. A crash
    repeats at most this much."""

    state_cache_bytes: PositiveInt = 128 * MIB
    """Bytes of state that a job caches in memory beside its file. The state that changed since the last checkpoint may
    take the same amount again."""

    poll_records: PositiveInt = 500
    """The maximum number of records of one poll."""

    instance: str = ""
    """The identity of this process among the replicas of the job, stable over restarts. With `EXACTLY_ONCE` it is part
    of the transactional id. Empty: the name of the host, which is right for one process a host."""

    state: str = ""
    """Folder for files that must outlive the process: the position of a source that is neither Kafka nor a
    file, and the state of `rdf-updater`. Empty: `wikistate/<job_name>` under `$XDG_STATE_HOME` or `~/.local/state`. Each process needs a
    separate folder."""

    drain_timeout: PositiveFloat = 30.0
    """Seconds that a stop waits for events in flight; the next run processes the remaining events. Unless it is set, a
    stop waits for 1.5 seconds only while the events wait for servers that do not answer."""


class ErrorLimitSettings(Settings):
    """The number of error events at which a run stops (exit code 5). On Flink each subtask counts separately."""

    share: float | None = Field(default=None, gt=0, lt=1)
    """Share of error events among the last `window` outputs above which the run stops. Default: no limit, which is
    right for a service: its supervisor would restart it repeatedly at the same invalid events."""

    in_a_row: PositiveInt | None = None
    """Consecutive error events above which the run stops. Default: no limit."""

    window: PositiveInt = 500
    """Outputs that `share` covers; the share applies once there are so many outputs."""


class FailureAlarmSettings(Settings):
    """Alarm when most of what is tried fails for the same reason: log, metric, `/readyz`, and exit code 8 of a run that ends."""

    share: float = Field(default=0.5, gt=0, lt=1)
    """Share of events or entities that fail with one error type, above which the alarm is given."""

    minimum: PositiveInt = Field(default=10, le=1_000_000)
    """The number of events or entities of which the share is computed. A run in which everything failed that was read
    has exit code 8 with fewer, too."""


class LogFormat(StrEnum):
    """The format of log lines."""

    AUTO = "auto"
    ECS = "ecs"
    HUMAN = "human"


class Telemetry(Settings):
    """Metrics and logs."""

    metrics_port: int | None = Field(default=None, ge=0, le=65535)
    """Port of the Prometheus endpoint; 0 selects a free port. Default: no endpoint."""

    metrics_host: str = "127.0.0.1"
    """Address that the endpoint binds to. An address other than loopback exposes the metrics to the network."""

    log_format: LogFormat = LogFormat.AUTO
    """`ecs`: one JSON object a line in the Elastic Common Schema. `human`: for a person. `auto`: human at a terminal."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    """The lowest level that is logged."""
