"""One thread for one blocking client: calls run in order, and the event loop awaits them.

A Kafka consumer must be used by one thread at a time, and a file read blocks. A switch of the thread costs some 50 µs,
so it is made for each batch and never for each record.
"""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

T = TypeVar("T")


class ClientThread:
    """A thread that runs the calls of one client, one after the other.

    Protocol: `start` from the loop that will await; `run` from that loop; `stop` once at the end. After
    that no call runs. The thread is a daemon: a call that never returns does not keep the process alive.

    Args:
        name: Shown in tracebacks and by debuggers.
    """

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._serve, name=name, daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def is_running(self) -> bool:
        """Whether it was started and not yet stopped."""
        return self._loop is not None

    def start(self) -> None:
        """Start the thread. Once."""
        self._loop = asyncio.get_running_loop()
        self._thread.start()

    def submit(self, call: Callable[[], T]) -> asyncio.Future[T]:
        """Queue a call. Its result, or what it raises, arrives on the loop.

        Raises:
            RuntimeError: The thread does not run; a defect of the caller.
        """
        if self._loop is None:
            raise RuntimeError(f"{self._thread.name} is used before it is opened, or after it was closed.")
        promise: Future[T] = Future()

        def run_call() -> None:
            if not promise.set_running_or_notify_cancel():
                return
            try:
                promise.set_result(call())
            except BaseException as error:  # noqa: BLE001  (the awaiting caller gets it)
                promise.set_exception(error)

        self._calls.put(run_call)
        return asyncio.wrap_future(promise)

    async def run(self, call: Callable[[], T]) -> T:
        """Run a call and wait for it. A cancelled wait does not interrupt a call that is running."""
        return await self.submit(call)

    def wait_for(self, coroutine: Coroutine[object, object, None]) -> None:
        """Run a coroutine on the loop from a call on this thread, and wait for it while other calls run.

        The coroutine may use the client: a consumer commits while its thread waits in a rebalance callback.

        Raises:
            RuntimeError: The loop is gone.
            BaseException: The error of the coroutine.
        """
        if self._loop is None or self._loop.is_closed():
            coroutine.close()
            raise RuntimeError("The event loop of this client is gone.")
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        future.add_done_callback(lambda _: self._calls.put(None))
        self._serve()
        future.result()

    async def stop(self) -> None:
        """End the thread after the calls that are queued. Does nothing when it does not run."""
        if self._loop is None:
            return
        await self.run(_do_nothing)
        self._loop = None
        self._calls.put(None)

    def _serve(self) -> None:
        while (call := self._calls.get()) is not None:
            call()


def _do_nothing() -> None:
    """Return nothing. When this last call of a thread has run, all calls before it have run."""
