"""Keeps store and checkpoint together: the store notes which checkpoint it belongs to, and up to when it is complete."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Protocol

import structlog

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

log = structlog.get_logger(__name__)


def marker_partition(domain: str) -> Partition:
    """Where a store notes how it stands to a wiki.

    The offset is the generation of the checkpoint: its time, so that no two are alike. A store that was filled from
    another wiki has no such note, and is not taken for one that is in step.
    """
    return Partition(f"rdf-sync.checkpoint.{domain}")


class Writer(Protocol):
    """Writes into the store; see `wikistate.adapters.triplestore.writer.StoreWriter`."""

    async def open(self) -> None:
        """Open the store."""

    async def write(self, mutations: Sequence[Mutation]) -> None:
        """Take mutations."""

    def advance(self, positions: Mapping[Partition, StorePosition]) -> None:
        """Note positions with what was written up to now."""

    async def flush(self) -> None:
        """Return when all is in the store."""

    async def close(self) -> None:
        """Let go of the store."""


class CheckpointGeneration(Protocol):
    """Our side of the mark, which outlives the process."""

    def read(self) -> tuple[int, int] | None:
        """Generation of the last checkpoint, and up to when the source was followed by then; None before the first."""

    def write(self, generation: int, followed_until: int) -> None:
        """Keep them. Returns when they are durable."""


class CheckpointGenerationFile:
    """See `CheckpointGeneration`: a small file.

    Args:
        path: Where it lies; made, with its folder, when it is not there.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self) -> tuple[int, int] | None:
        """See `CheckpointGeneration`. Raises `StateError` when it holds something else."""
        try:
            generation, followed = self._path.read_text().split()
            return int(generation), int(followed)
        except FileNotFoundError:
            return None
        except (OSError, ValueError) as error:
            raise _unusable_file_error(self._path, error) from error

    def write(self, generation: int, followed_until: int) -> None:
        """See `CheckpointGeneration`. Raises `StateError`."""
        draft = self._path.with_name(f"{self._path.name}.new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with draft.open("w") as file:
                file.write(f"{generation} {followed_until}")
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)
        except OSError as error:
            raise _unusable_file_error(self._path, error) from error


def _unusable_file_error(path: Path, error: Exception) -> StateError:
    return StateError(
        f"{path} cannot be used: {error}.",
        hint="It says which checkpoint the store belongs to. Without it all entities are compared again: remove it.",
        file=str(path),
    )


class CheckpointMarkingSink:
    """The store as an `ChangeSink` that marks each checkpoint.

    The mark is written into the store with the data and on our side after it: a store whose mark is older than ours was
    put back to an earlier state behind our back. Then the checkpoint itself is taken: what it lacks comes again.

    Args:
        writer: Of the store; opened and closed by the outlet.
        contents: What the store said of itself when it was opened.
        generation: Our side of the mark.
        marker: Where the store has its side; see `marker_partition`.
        window: For how long an event may wait for those before it, milliseconds.
        clock: Seconds since the epoch.

    Attributes:
        startup_mode: What was found to be done.
        followed_until: Up to when the source was followed, milliseconds since the epoch; 0 while that is not known.
        scanning: Whether a walk goes on, so that the store is not complete.
        written: Entities that were written since the last checkpoint.
    """

    def __init__(
        self,
        writer: Writer,
        contents: Callable[[], StoreDescription],
        generation: CheckpointGeneration,
        marker: Partition,
        *,
        window: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._writer = writer
        self._contents = contents
        self._generation = generation
        self._marker = marker
        self._window = window
        self._clock = clock
        self._last_generation = 0
        self._was_incomplete = False
        self.startup_mode = StartupMode.NO_CHECKPOINT
        self.followed_until = 0
        self.scanning = True
        self.written: set[str] = set()

    async def open(self) -> None:
        """See `ChangeSink`."""
        await self._writer.open()

    def decide_startup(self, *, retained_since: int | None, adopt: bool) -> StartupMode:
        """Find out what is to be done with the store, which is open. Arguments and errors are those of `judge`."""
        contents, known = self._contents(), self._generation.read()
        mark = contents.positions.get(self._marker)
        generation, followed = known or (None, None)
        self.startup_mode = choose_startup_mode(
            StartupFacts(contents.form, mark, generation, followed, retained_since, adopt)
        )
        self.scanning = self.startup_mode.needs_full_scan
        self.followed_until = followed or 0
        self._last_generation = max(mark.next_offset if mark else 0, generation or 0)
        return self.startup_mode

    async def write(self, changes: Sequence[Mutation]) -> None:
        """See `ChangeSink`."""
        await self._writer.write(changes)

    async def flush(self, *, timer: int | None = None) -> None:
        """See `ChangeSink`."""
        self._last_generation = max(self._last_generation + 1, int(self._clock() * 1000))
        complete = 0 if self.scanning else self._completed_until(timer)
        self._writer.advance({self._marker: StorePosition(self._last_generation, complete)})
        await self._writer.flush()
        self._generation.write(self._last_generation, self.followed_until)
        self.written.clear()
        if self._was_incomplete and complete:
            log.info("store_complete", until=format_timestamp(complete))
        self._was_incomplete = not complete

    def _completed_until(self, timer: int | None) -> int:
        """Up to when the store has everything. A key is woken so long after the first of its events that wait."""
        return self.followed_until if timer is None else min(self.followed_until, timer - self._window - 1)

    async def close(self) -> None:
        """See `ChangeSink`."""
        await self._writer.close()
