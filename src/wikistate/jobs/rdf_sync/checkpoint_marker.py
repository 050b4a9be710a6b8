"""The change sink of a sync: it marks the store with each checkpoint and with the time up to which it is complete."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol

import structlog

from wikistate.adapters.durable_files import write_durably
from wikistate.adapters.private_files import make_private_folder
from wikistate.core.events.integers import MAX_INTEGER, parse_integer
from wikistate.core.events.timestamps import format_timestamp
from wikistate.core.updater.startup import StartupFacts, StartupMode, choose_startup_mode
from wikistate.core.updater.store_metadata import StorePosition
from wikistate.errors import StateError
from wikistate.streaming.record import Partition

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from wikistate.adapters.triplestore.store import StoreDescription
    from wikistate.core.updater.mutation import Mutation
    from wikistate.jobs.rdf_sync.sync_state import SyncState

log = structlog.get_logger(__name__)

_MAX_CONTENT = 64
"""Bytes above which the file of the generation is not read: two numbers and a space have 39."""


def marker_partition(domain: str) -> Partition:
    """Return the partition under which a store keeps the marker of a wiki.

    The offset is the generation of the checkpoint. It is derived from the time, so that no two checkpoints share one. A
    store that was filled from another wiki has no such marker, and does not pass for a store that is in step.
    """
    return Partition(f"rdf-sync.checkpoint.{domain}")


class Writer(Protocol):
    """Writer of the store; see `wikistate.adapters.triplestore.writer.StoreWriter`."""

    async def open(self) -> None:
        """Open the store."""

    async def write(self, mutations: Sequence[Mutation]) -> None:
        """Accept mutations."""

    def advance(self, positions: Mapping[Partition, StorePosition]) -> None:
        """Attach positions to the mutations that were written until now."""

    async def flush(self) -> None:
        """Return when everything is in the store."""

    async def close(self) -> None:
        """Release the store."""


class CheckpointGeneration(Protocol):
    """Local copy of the marker, which outlives the process."""

    def read(self) -> tuple[int, int] | None:
        """Return the generation of the last checkpoint and the time up to which the source was followed then.

        None before the first checkpoint. The time is in milliseconds since the epoch.
        """

    def write(self, generation: int, followed_until: int) -> None:
        """Store both, and return when they are durable. It blocks: call it on a thread."""

    def remove(self) -> None:
        """Forget the checkpoint, so that the next run compares all entities. It blocks: call it on a thread."""


class CheckpointGenerationFile:
    """See `CheckpointGeneration`: a small file.

    Args:
        path: Path of the file; the file and its folder are created if they do not exist.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> tuple[int, int] | None:
        """See `CheckpointGeneration`. Raises `StateError` when the file has other content."""
        try:
            content = self._path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise _unusable_file_error(self._path, error.strerror or str(error)) from error
        numbers = [parse_integer(word) for word in content[:_MAX_CONTENT].decode(errors="replace").split()]
        match numbers:
            case [int(generation), int(followed)] if len(content) < _MAX_CONTENT:
                return generation, followed
        raise _unusable_file_error(
            self._path, f"it holds {content[:60]!r} instead of two numbers from 0 to {MAX_INTEGER}"
        )

    def write(self, generation: int, followed_until: int) -> None:
        """See `CheckpointGeneration`. Raises `StateError`."""
        try:
            make_private_folder(self._path.parent)
            write_durably(self._path, f"{generation} {followed_until}".encode())
        except OSError as error:
            raise _unusable_file_error(self._path, error.strerror or str(error)) from error

    def remove(self) -> None:
        """See `CheckpointGeneration`. Raises `StateError`."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as error:
            raise _unusable_file_error(self._path, error.strerror or str(error)) from error


def _unusable_file_error(path: Path, reason: str) -> StateError:
    return StateError(
        f"{path} cannot be used: {reason}.",
        hint="The file names the checkpoint to which the store belongs. If you remove it, the next run compares all "
        "entities with the wiki again.",
        file=str(path),
    )


class CheckpointMarkingSink:
    """Change sink that writes to the store and marks each checkpoint.

    The marker is written into the store with the data, and into the local file after it. So a store whose marker is older
    than the file was restored from a backup. Only then is the checkpoint itself taken: changes that it lacks are read
    again.

    Args:
        writer: Writer of the store; opened and closed by the sink.
        contents: Returns the description that the store gave when it was opened.
        generation: Local copy of the marker.
        marker: Partition of the marker in the store; see `marker_partition`.
        state: Progress of the run.
        window: Time for which an event may wait for those before it, milliseconds.
        forget_freshness: Forgets the freshness that is stated beside the store.
        clock: Returns seconds since the epoch.
    """

    def __init__(
        self,
        writer: Writer,
        contents: Callable[[], StoreDescription],
        generation: CheckpointGeneration,
        marker: Partition,
        *,
        state: SyncState,
        window: int,
        forget_freshness: Callable[[], None] = lambda: None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._writer = writer
        self._contents = contents
        self._generation = generation
        self._marker = marker
        self._state = state
        self._window = window
        self._forget_freshness = forget_freshness
        self._clock = clock
        self._last_generation = 0
        self._was_incomplete = False

    async def open(self) -> None:
        """See `ChangeSink`."""
        await self._writer.open()

    def decide_startup(self, *, retained_since: int | None, adopt: bool) -> StartupMode:
        """Choose the startup mode and start the run with it; the store is open.

        Args:
            retained_since: See `StartupFacts`.
            adopt: See `StartupFacts`.

        Raises:
            ConfigError: See `choose_startup_mode`.
            StoreError: See `choose_startup_mode`.
            StateError: The local copy of the marker cannot be read.
        """
        contents, known = self._contents(), self._generation.read()
        marker = contents.positions.get(self._marker)
        generation, followed = known or (None, None)
        mode = choose_startup_mode(
            StartupFacts(contents.form, marker, generation, followed, retained_since, adopt),
        )
        if not mode.keeps_freshness:
            self._forget_freshness()
        self._state.start(mode, followed)
        self._last_generation = max(marker.next_offset if marker else 0, generation or 0)
        return mode

    async def write(self, changes: Sequence[Mutation]) -> None:
        """See `ChangeSink`."""
        await self._writer.write(changes)

    async def flush(self, *, timer: int | None = None) -> None:
        """See `ChangeSink`. Raises `WikiError` when most of a full scan has failed: the store is not complete then."""
        scan_ended = self._was_incomplete and not self._state.scanning
        if scan_ended:
            self._state.unread.check_scan()
        self._last_generation = max(self._last_generation + 1, int(self._clock() * 1000))
        complete = self._state.completed_until(timer, self._window)
        self._writer.advance({self._marker: StorePosition(self._last_generation, complete)})
        await self._writer.flush()
        self._state.written.clear()  # the store holds them now
        await asyncio.to_thread(self._state.retries.save)
        await asyncio.to_thread(self._generation.write, self._last_generation, self._state.followed_until)
        if self._was_incomplete and complete:
            self._log_complete(complete)
        self._was_incomplete = not complete

    def _log_complete(self, until: int) -> None:
        if failed := self._state.unread.count:
            log.warning(
                "store_complete_except",
                failed=failed,
                compared=self._state.unread.compared,
                until=format_timestamp(until),
            )
        else:
            log.info("store_complete", until=format_timestamp(until))

    async def close(self) -> None:
        """See `ChangeSink`."""
        if self._state.unread.must_restart:
            await asyncio.to_thread(self._generation.remove)
        await self._writer.close()
