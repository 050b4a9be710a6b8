"""Route of the job of a peer. It runs in the environments of the peers: standard library only."""

from __future__ import annotations

import os
from typing import NamedTuple, Self

_PREFIX = "BENCH_"


class PeerRoute(NamedTuple):
    """Route in environment variables, the only way to pass it that all frameworks support.

    Attributes:
        servers: ``host:port`` of the broker.
        source: Source topic, read from its beginning.
        sink: Sink topic.
        api: Address of the Action API of the wiki.
        folder: Empty folder for the state of the framework.
    """

    servers: str
    source: str
    sink: str
    api: str
    folder: str

    @classmethod
    def from_environment(cls) -> Self:
        """Return the route from the variables of this process, see `variables`."""
        return cls(*(os.environ[_PREFIX + name.upper()] for name in cls._fields))

    def variables(self) -> dict[str, str]:
        """Return the variables for the environment of the job."""
        return {_PREFIX + name.upper(): value for name, value in self._asdict().items()}
