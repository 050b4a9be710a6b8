"""The waits of a run whose connections an outage broke, until it resumes at its last commit."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import structlog

from wikistate.errors import ExternalError, RetryHint, SinkInterruptedError, SourceInterruptedError
from wikistate.runners.local.refusals import OutputsRefusedError
from wikistate.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Callable

    from wikistate.telemetry.meter import Meter

log = structlog.get_logger(__name__)

_FIRST_DELAY = 0.5  # seconds before the first attempt to resume; each further delay is twice as long
_LONGEST_DELAY = 30.0  # seconds
_CALM_SECONDS = 60.0  # seconds without an interruption after which the delays begin again

INTERRUPTED = (SinkInterruptedError, SourceInterruptedError)
"""The errors after which a run resumes at its last commit. All other errors end it."""


class Interruptions:
    """The interruptions of one run: which errors are such, and how long the run waits before it resumes.

    A run resumes without a limit of attempts, and reports each interruption. Only a run that has read its source resumes:
    a cluster that cannot be reached at the start ends it.

    Args:
        meter: Counts the interruptions.
        clock: Seconds.
    """

    def __init__(self, meter: Meter, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._count = meter.counter(metrics.INTERRUPTIONS)
        self._clock = clock
        self._attempts = 0
        self._since: float | None = None
        self._resumed_at: float | None = None
        self.error: ExternalError | None = None
        """The error of the current interruption; None while the run reads."""

    @property
    def has_read(self) -> bool:
        """Whether the source of this run was opened."""
        return self._resumed_at is not None

    def covers(self, error: ExternalError) -> bool:
        """Return whether the run resumes after this error."""
        return self.has_read and isinstance(error, INTERRUPTED)

    def covers_build(self, error: ExternalError) -> bool:
        """Return whether the run tries again to build its parts after an interruption; a wiki may be away as well."""
        return self.error is not None and error.retry is RetryHint.LATER

    def begin(self, error: ExternalError) -> float:
        """Report an interruption, and return the seconds to wait before the run resumes."""
        now = self._clock()
        if self.error is None:
            self._since = now
            if self._resumed_at is not None and now - self._resumed_at >= _CALM_SECONDS:
                self._attempts = 0
        if isinstance(error, OutputsRefusedError):  # each one is the progress of the next attempt
            return self._report(error, 0.0)
        delay: float = min(_LONGEST_DELAY, _FIRST_DELAY * 2**self._attempts)
        self._attempts = min(self._attempts + 1, 30)
        return self._report(error, delay)

    def _report(self, error: ExternalError, delay: float) -> float:
        self.error = error
        self._count(1)
        log.warning("run_interrupted", reason=str(error), retry_in=delay)
        return delay

    def end(self) -> None:
        """Report that the source is read, for the first time or again."""
        self._resumed_at = self._clock()
        if self.error is not None and self._since is not None:
            log.info("run_resumed", seconds=round(self._resumed_at - self._since, 3))
        self.error = None
