"""Blocking calls whose wait a signal ends, also while a C library, such as that of name resolution, blocks."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


def start_call(call: Callable[[], T]) -> Future[T]:
    """Run a blocking call on a daemon thread, which the end of the process does not wait for, and return its result."""
    result: Future[T] = Future()

    def run_call() -> None:
        result.set_running_or_notify_cancel()
        try:
            result.set_result(call())
        except BaseException as error:  # noqa: BLE001  (the waiting thread raises it)
            result.set_exception(error)

    threading.Thread(target=run_call, name="interruptible call", daemon=True).start()
    return result


def call_interruptibly(call: Callable[[], T]) -> T:
    """Run a blocking call on a daemon thread and return its result, or raise its exception.

    A signal handler that raises ends the wait of the main thread; the call itself continues until the process ends.
    """
    return start_call(call).result()
