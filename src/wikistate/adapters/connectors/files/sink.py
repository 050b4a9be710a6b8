"""NDJSON files and the standard streams as a sink."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog

from wikistate.adapters.connectors.client_thread import ClientThread
from wikistate.adapters.connectors.files.append_file import AppendFile
from wikistate.errors import InternalError, SinkError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from wikistate.streaming.record import Output

log = structlog.get_logger(__name__)

STANDARD_OUTPUT = 1
"""The descriptor, as a target of `FileSink`."""

STANDARD_ERROR = 2
"""The descriptor, as a target of `FileSink`."""


class FileSink:
    """A sink that appends one line for each output. See `Sink` for the protocol.

    The file always ends with a complete line: an incomplete end that a crash left is truncated at the next start and
    logged, and a write that fails is truncated. A name with ``.gz`` or ``.zst`` means compression; each flush ends a
    member, so a reader sees all flushed lines. NDJSON holds values only: keys and timestamps are not written.

    Two sinks must not write to one file or stream at the same time; use one sink for both roles instead.

    Args:
        target: A path, or an open descriptor such as `STANDARD_OUTPUT`.
        is_private: Whether a new file is for this user only. Otherwise the umask decides.
    """

    def __init__(self, target: Path | int, *, is_private: bool = False) -> None:
        self._appender = AppendFile(target, is_private=is_private)
        self._thread = ClientThread("file-sink")
        self._failure: SinkError | None = None

    async def open(self) -> None:
        """See `Sink`."""
        self._thread.start()
        await self._thread.run(self._appender.open)

    async def check(self) -> None:
        """See `CheckableSink`."""
        await asyncio.to_thread(self._appender.check)

    async def write(self, outputs: Sequence[Output]) -> None:
        """See `Sink`."""
        if self._failure is not None:
            raise self._failure
        if not outputs:
            return
        block = b"\n".join([output.value for output in outputs]) + b"\n"
        if block.count(b"\n") != len(outputs):
            raise InternalError(
                "An event with a line break in it cannot be a line of NDJSON.", hint="Please report it."
            )
        await self._run(lambda: self._appender.write(block))

    async def flush(self) -> None:
        """See `Sink`."""
        if self._failure is not None:
            raise self._failure
        await self._run(self._appender.flush)

    async def close(self) -> None:
        """See `Sink`."""
        if not self._thread.is_running:
            return
        if self._failure is None:
            try:
                await self.flush()
            except SinkError as error:
                log.warning("file_flush_failed", reason=str(error))
        await self._thread.run(self._appender.close)
        await self._thread.stop()

    async def _run(self, call: Callable[[], None]) -> None:
        try:
            await self._thread.run(call)
        except SinkError as error:
            self._failure = error
            raise
