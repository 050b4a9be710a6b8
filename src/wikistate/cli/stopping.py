"""The stop of a command by SIGTERM or SIGINT at any moment, also while it waits for a server at its start.

A signal handler raises `SystemExit` in the main thread, which ends each wait of Python. A call of a C library, such as a
name resolution or a call of the Kafka client, cannot be interrupted: a command that has nothing in flight ends its process
without it after `END_SECONDS`.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

from wikistate.cli.exits import Exit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import FrameType

END_SECONDS = 1.5
"""Seconds after which a stopped command without events in flight ends, whatever it still waits for."""

SIGNALS = (signal.SIGTERM, signal.SIGINT)


class _Stopping:
    """State of the process: whether its signals are handled here, and the exit code of a stop."""

    def __init__(self) -> None:
        self.is_active = False
        self.code = Exit.STOPPED_AT_ONCE


_stopping = _Stopping()


@contextlib.contextmanager
def handle_stop_signals() -> Iterator[None]:
    """Handle SIGTERM and SIGINT inside the block, on the main thread. A stop raises `SystemExit`."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    _stopping.is_active, _stopping.code = True, Exit.STOPPED_AT_ONCE
    install_handlers()
    try:
        yield
    finally:
        _stopping.is_active = False
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def stop_is_success() -> Iterator[None]:
    """Inside the block a stop has the exit code 0: the command runs until it is stopped, and nothing is in flight yet."""
    before, _stopping.code = _stopping.code, Exit.OK
    try:
        yield
    finally:
        _stopping.code = before


def install_handlers() -> None:
    """Install the handlers, also after an event loop has replaced them."""
    if _stopping.is_active:
        for number in SIGNALS:
            signal.signal(number, _stop)


def is_handling_signals() -> bool:
    """Return whether the process handles its signals here."""
    return _stopping.is_active


def stop_code() -> Exit:
    """Return the exit code of a stop at this moment."""
    return _stopping.code


def end_soon(code: Exit) -> None:
    """End the process after `END_SECONDS`, unless it has ended before. Without handled signals nothing happens."""
    if _stopping.is_active:
        timer = threading.Timer(END_SECONDS, _end_now, (code,))
        timer.daemon = True
        timer.start()


def _stop(number: int, frame: FrameType | None) -> None:
    del number, frame
    end_soon(_stopping.code)
    raise SystemExit(_stopping.code)


def _end_now(code: Exit) -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):  # a closed stream has nothing left to write
            stream.flush()
    os._exit(code)
