"""Where a peer's job reads and writes. Runs in the peers' own environments: standard library only."""

from __future__ import annotations

import os
from typing import NamedTuple, Self

_PREFIX = "BENCH_"


class PeerRoute(NamedTuple):
    """Handed over in the environment, which is the one way that all frameworks leave open.

    Attributes:
        servers: ``host:port`` of the broker.
        source: The topic that is read, from its beginning.
        sink: The topic that is written.
        api: The address of the wiki's Action API.
        folder: Empty, for whatever state the framework keeps.
    """

    servers: str
    source: str
    sink: str
    api: str
    folder: str

    @classmethod
    def from_environment(cls) -> Self:
        """What `variables` set in the process that started this one."""
        return cls(*(os.environ[_PREFIX + name.upper()] for name in cls._fields))

    def variables(self) -> dict[str, str]:
        """Names and values for the environment of the job."""
        return {_PREFIX + name.upper(): value for name, value in self._asdict().items()}
