"""The wiki of the jobs, for tests without a loop."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

from tests.support.processes import find_free_port

from wikistate.testing.wiki.process import WikiProcess

if TYPE_CHECKING:
    from wikistate.testing.faults import Rule


class RestartableWiki:
    """Fake wiki in a separate process, with every revision. It keeps its address after a restart."""

    def __init__(self) -> None:
        port = find_free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._process = WikiProcess("--bench", "--body-bytes", "200", "--port", str(port))
        self._loop = asyncio.Runner()

    def __enter__(self) -> Self:
        self._loop.__enter__()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._loop.__exit__(None, None, None)

    def start(self) -> None:
        """Start the wiki."""
        self._loop.run(self._process.__aenter__())

    def stop(self) -> None:
        """Stop the wiki: connections break, and new ones are refused."""
        self._loop.run(self._process.__aexit__(None, None, None))

    def set_faults(self, *rules: Rule) -> None:
        """Apply only these rules from now on; without rules there are no faults."""
        self._loop.run(self._process.set_faults(rules))

    def stats(self) -> dict[str, Any]:
        """Return the request counts, see `wikistate.testing.wiki.RequestLog.report`."""
        return self._loop.run(self._process.stats())

    @property
    def in_flight(self) -> int:
        """The number of requests that have no response yet."""
        found: int = self.stats()["concurrent"]
        return found
