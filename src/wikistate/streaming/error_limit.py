"""The limit of failed events at which a run ends; the same for every runner.

A bad release, a revoked credential or a missing wiki would otherwise turn a whole topic into error events.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from wikistate.config.model import ErrorLimitSettings
from wikistate.errors import ErrorLimitError
from wikistate.streaming.record import Role

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wikistate.streaming.record import Output

_HINT = (
    "The error stream holds the reasons. The next run processes uncommitted events again; replay the others by "
    "`wikistate replay`. The setting error_limit has the limit."
)


_FAILED = frozenset({Role.ERROR, Role.FETCH_FAILURE})
"""The roles of outputs that stand for work which failed. Late events and inconsistencies are results."""


class ErrorLimit:
    """Counter of failed events that ends a run; it observes each output on its way to a sink.

    Args:
        settings: The limits. By default none is set, and no run ends.
    """

    def __init__(self, settings: ErrorLimitSettings | None = None) -> None:
        settings = settings or ErrorLimitSettings()
        self._share = settings.share
        self._max_consecutive = settings.in_a_row
        self._window: deque[bool] = deque(maxlen=settings.window)
        self._errors = 0
        self._consecutive = 0
        self._failure: ErrorLimitError | None = None

    def observe(self, outputs: Iterable[Output], *, successes: int = 0) -> None:
        """Count outputs, in the order in which they are written.

        Args:
            outputs: The outputs that were written.
            successes: The number of results that were written before them and are neither outputs nor errors.

        Raises:
            ErrorLimitError: Too many of them are errors. Every later call raises the same error, because a runner that
                ends may still write outputs.
        """
        if self._share is None and self._max_consecutive is None:
            return
        if self._failure is not None:
            raise self._failure
        for _ in range(successes):
            self._count(failed=False)
        for output in outputs:
            self._count(failed=output.role in _FAILED)
            if (reached := self._check()) is not None:
                self._failure = reached
                raise reached

    def _count(self, *, failed: bool) -> None:
        if len(self._window) == self._window.maxlen:
            self._errors -= self._window[0]
        self._window.append(failed)
        self._errors += failed
        self._consecutive = self._consecutive + 1 if failed else 0

    def _check(self) -> ErrorLimitError | None:
        if self._max_consecutive is not None and self._consecutive > self._max_consecutive:
            return ErrorLimitError(
                f"{self._consecutive} events in a row failed; the limit is {self._max_consecutive}.",
                hint=_HINT,
                key="error_limit.in_a_row",
            )
        seen = len(self._window)
        if self._share is not None and seen == self._window.maxlen and self._errors > self._share * seen:
            return ErrorLimitError(
                f"{self._errors} of the last {seen} events failed; the limit is {self._share:.1%}.",
                hint=_HINT,
                key="error_limit.share",
            )
        return None
