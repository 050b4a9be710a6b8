"""A folder of Parquet files as a sink that stores the positions of the source with its data."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, TypeVar

from wikistate.adapters.connectors.client_thread import ClientThread
from wikistate.errors import ConfigError, SinkError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from wikistate.adapters.connectors.parquet.settings import ParquetSettings
    from wikistate.streaming.record import Output, Partition

T = TypeVar("T")


class ParquetSink:
    """A sink that writes Parquet files. See `Sink` for the protocol; `flush` publishes immediately.

    For exactly-once delivery a runner calls `commit` instead of `flush` whenever `is_due`, and starts its source at
    `positions`, which are valid after `open`.

    Args:
        settings: The folder and its bounds.

    Raises:
        ConfigError: pyarrow is not installed.
    """

    def __init__(self, settings: ParquetSettings) -> None:
        try:
            from wikistate.adapters.connectors.parquet.folder import ParquetFolder  # noqa: PLC0415  (takes 0.2 s to import)
        except ImportError as error:
            raise ConfigError(
                "A Parquet sink needs pyarrow, which is not installed here.",
                hint="pip install 'wikistate[parquet]'",
                key="stream_manager.sink.connector",
            ) from error
        self._settings = settings
        self._folder = ParquetFolder(settings.path, reader=settings.reader, roll_bytes=settings.roll_bytes)
        self._thread = ClientThread("parquet-sink")
        self._failure: SinkError | None = None
        self._since: float | None = None

    @property
    def positions(self) -> Mapping[Partition, int]:
        """The first offset of each partition that the folder does not hold. May be read by any thread."""
        return self._folder.positions

    @property
    def is_due(self) -> bool:
        """Whether the uncommitted outputs have reached `roll_seconds` or `roll_bytes`."""
        waited = 0.0 if self._since is None else time.monotonic() - self._since
        return waited >= self._settings.roll_seconds or self._folder.pending_bytes >= self._settings.roll_bytes

    async def open(self) -> None:
        """See `Sink`. Locks the folder for this process, and drops uncommitted outputs."""
        self._thread.start()
        await self._run(self._folder.open, "opened")

    async def write(self, outputs: Sequence[Output]) -> None:
        """See `Sink`."""
        self._since = self._since or time.monotonic()
        await self._run(lambda: self._folder.write(outputs), "written")

    async def flush(self) -> None:
        """See `Sink`."""
        await self.commit({})

    async def commit(self, positions: Mapping[Partition, int]) -> None:
        """Publish the written outputs and store the positions: both or neither.

        Raises:
            SinkError: Neither was done.
        """
        await self._run(lambda: self._folder.commit(positions), "written")
        self._since = None

    async def discard(self) -> None:
        """Drop the outputs since the last commit.

        Raises:
            SinkError: They cannot be deleted; the next `open` deletes them.
        """
        if self._thread.is_running and self._failure is None:
            await self._run(self._folder.discard, "cleaned")

    async def close(self) -> None:
        """See `Sink`."""
        if not self._thread.is_running:
            return
        try:
            if self._failure is None:
                await self.flush()
        finally:
            await self._thread.run(self._folder.close)
            await self._thread.stop()

    async def _run(self, call: Callable[[], T], what: str) -> T:
        if self._failure is not None:
            raise self._failure
        try:
            return await self._thread.run(call)
        except SinkError as error:
            self._failure = error
            raise
        except OSError as error:
            self._failure = SinkError(
                f"{self._settings.path} cannot be {what}: {error.strerror or error}.",
                hint="Check the free space and the write permission, then restart the job: it resumes after the last "
                "commit.",
                folder=str(self._settings.path),
            )
            raise self._failure from error
