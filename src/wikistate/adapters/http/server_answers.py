"""Record of the servers that do not answer, for a stop that must not wait for them.

It is one for the process: a stop concerns all clients together. A server is awaited while its first request is in flight,
and after a request that it did not answer or answered with overload, until it answers well.
"""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

T = TypeVar("T")

_REMEMBERED_SECONDS = 600.0
"""Seconds after which a server that was not asked again is forgotten; longer than each delay between retries."""

MAX_SERVERS = 4096
"""The most servers that are remembered; the one that was asked first is forgotten. A stream may name invented subdomains."""

_BUSY = frozenset({408, 429})
_SERVER_ERROR = 500


class ServerAnswers:
    """Record of the answers of servers by address.

    Args:
        clock: Returns seconds of a monotonic clock.

    Attributes:
        count: Number of good answers.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.count = 0
        self._clock = clock
        self._well: dict[str, None] = {}
        self._awaited: dict[str, float] = {}

    @contextlib.contextmanager
    def await_answer(self, server: str) -> Iterator[Callable[[int], None]]:
        """Record a request inside the block, which calls the result with the status of the answer."""
        if server not in self._well:
            _put(self._awaited, server, self._clock())
        well = False

        def note(status: int) -> None:
            nonlocal well
            well = status < _SERVER_ERROR and status not in _BUSY

        try:
            yield note
        finally:
            if well:
                self.count += 1
                _put(self._well, server, None)
                self._awaited.pop(server, None)
            else:
                self._well.pop(server, None)
                _put(self._awaited, server, self._clock())

    @property
    def are_awaited(self) -> bool:
        """Whether a server is awaited that does not answer."""
        oldest = self._clock() - _REMEMBERED_SECONDS
        return any(since >= oldest for since in self._awaited.values())


def _put(servers: dict[str, T], server: str, value: T) -> None:
    servers[server] = value
    if len(servers) > MAX_SERVERS:
        del servers[next(iter(servers))]


SERVER_ANSWERS = ServerAnswers()
"""Record of the answers of all servers that this process asks."""
