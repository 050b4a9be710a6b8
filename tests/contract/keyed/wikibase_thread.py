"""A fake Wikibase in a thread, for tests without a loop that also change its repository."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Self, TypeVar

from tests.support.processes import find_free_port

from wikistate.testing.wikibase import FakeWikibase

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from typing import Any

    from wikistate.testing.faults import Rule
    from wikistate.testing.wikibase import Repository

_T = TypeVar("_T")

_TIMEOUT = 120.0  # seconds


class WikibaseThread:
    """A server of a repository. It keeps its address and its faults after a restart.

    Args:
        repository: The content of the wiki. Inside the block it is changed by `call` only.
    """

    def __init__(self, repository: Repository) -> None:
        port = find_free_port()
        self.url = f"http://127.0.0.1:{port}"
        self._repository, self._port = repository, port
        self._rules: Sequence[Rule] = ()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="wikibase")
        self._wiki: FakeWikibase | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._wiki is not None:
            self.stop()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_TIMEOUT)
        self._loop.close()

    @property
    def in_flight(self) -> int:
        """The number of requests that have no response yet."""
        return self._wiki.request_log.concurrent if self._wiki else 0

    def start(self) -> None:
        """Start the server."""
        self._await(self._start())

    async def _start(self) -> None:
        self._wiki = await FakeWikibase(self._repository, port=self._port).__aenter__()
        self._wiki.set_faults(self._rules)

    def stop(self) -> None:
        """Stop the server: connections break, and new ones are refused."""
        wiki, self._wiki = self._wiki, None
        if wiki is not None:
            self._await(wiki.__aexit__(None, None, None))

    def set_faults(self, rules: Sequence[Rule]) -> None:
        """Apply only these rules from now on."""
        self._rules = rules
        if (wiki := self._wiki) is not None:
            self.call(lambda: wiki.set_faults(rules))

    def call(self, work: Callable[[], _T]) -> _T:
        """Call a function in the loop of the server and return its result."""

        async def run() -> _T:
            return work()

        return self._await(run())

    def _await(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_TIMEOUT)
