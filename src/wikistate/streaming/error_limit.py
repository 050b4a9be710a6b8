"""When a run has failed too often to go on: the same for every runner.

A bad release, a revoked credential or a wiki that is gone would otherwise drain a whole topic into the error stream.
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
    "Look at the error stream for the reason. What was not committed is done again by the next run; for the rest there is "
    "`wikistate replay`. The limit is set by error_limit."
)


class ErrorLimit:
    """Looks at each output on its way to a sink.

    Args:
        settings: The limits; none are set by default, and then it never objects.
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
            outputs: What was written.
            successes: How much was written before it that is no output and no error.

        Raises:
            ErrorLimitError: There are too many errors among them; from then on always the same, since who is about to end
                may still show what it had in hand.
        """
        if self._share is None and self._max_consecutive is None:
            return
        if self._failure is not None:
            raise self._failure
        for _ in range(successes):
            self._count(failed=False)
        for output in outputs:
            self._count(failed=output.role is Role.ERROR)
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
