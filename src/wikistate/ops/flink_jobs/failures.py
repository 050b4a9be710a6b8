"""The failures of the life cycle of a job on Flink. Each kind has its own exit code."""

from __future__ import annotations

from enum import StrEnum

from wikistate.errors import EngineError


class JobFailure(StrEnum):
    """Kind of a failure."""

    CLUSTER_UNAVAILABLE = "cluster unavailable"
    SNAPSHOT_MISSING = "snapshot missing"
    FOREIGN_PATH = "path of another environment"
    ALREADY_RUNNING = "already running"
    NOT_RUNNING = "not running"
    FAILED_AT_START = "failed at start"
    NOT_ENOUGH_SLOTS = "not enough slots"
    SAVEPOINT_FAILED = "savepoint failed"
    ROLLED_BACK = "rolled back"
    ROLLBACK_FAILED = "rollback failed"
    TIMED_OUT = "timed out"
    SUBMISSION_FAILED = "submission failed"


class FlinkJobError(EngineError):
    """Failure of a step in the life cycle of a job.

    Args:
        message: See `WikistateError`.
        failure: Kind of the failure.
        hint: See `WikistateError`.
        ids: See `WikistateError`.
    """

    def __init__(self, message: str, *, failure: JobFailure, hint: str = "", **ids: object) -> None:
        super().__init__(message, hint=hint, failure=failure, **ids)
        self.failure = failure
