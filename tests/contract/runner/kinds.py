"""The kinds of pipelines under the local runner, each between a topic and a target in memory.

A scenario writes values of the form ``page:number`` to the topic and looks at the target. The page is the key within
which order must hold, and ``poison`` is a value that no job can process.
"""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from tests.contract.runner.controls import Target, WatchedSource, Work

from wikistate.adapters.connectors.memory import MemorySink, MemoryTopic
from wikistate.config.model import LocalRunnerSettings
from wikistate.errors import RewoundError
from wikistate.runners.local.delivery import AtLeastOnce
from wikistate.runners.local.keyed_processor import KeyedProcessor
from wikistate.runners.local.keyed_state import KeyedStateStore
from wikistate.runners.local.runner import LocalRunner
from wikistate.runners.local.state_file import StateFile
from wikistate.runners.local.stateless_processor import StatelessProcessor
from wikistate.runners.local.store_processor import StoreProcessor
from wikistate.streaming.keyed_job import Decision, DecodedRecord, KeyedState, OperationResult, TimerFired
from wikistate.streaming.record import Output, Partition, Role, WorkItem
from wikistate.streaming.watermarks import Watermarks
from wikistate.telemetry.meter import RecordingMeter
from wikistate.testing.memory_sink import MemoryChangeSink

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from wikistate.runners.local.processor import Processor
    from wikistate.streaming.ports import ResumePositions
    from wikistate.streaming.record import OnDone, Record

P0 = Partition("memory", 0)
POISON = b"poison"
BATCH = 3
"""Values that the store job applies at once."""


class Kind(ABC):
    """A kind of pipeline, with everything that outlives a run.

    Attributes:
        topic: The source.
        work: Control over the job.
        target: Control over the sink or store.
        meter: The measurements of all runs.
        opened: The number of calls of `open`.
        closed: The number of calls of `close`.
        kept_alive: Set when the source was kept alive.
        builders: The names of the threads in which the pipeline was built again.
        is_restored: Whether the target was restored from a copy.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.topic = MemoryTopic()
        self.work = Work()
        self.target = Target()
        self.meter = RecordingMeter()
        self.opened = self.closed = 0
        self.kept_alive = asyncio.Event()
        self.builders: list[str] = []
        self.error_outputs: list[Output] = []
        self.is_restored = False

    def runner(self, *, bounded: bool = True, resumable: bool = True, **settings: float) -> LocalRunner:
        """Return a runner that resumes after the last run."""
        intervals = {"commit_interval": 0.001, "checkpoint_interval": 0.001}
        chosen = LocalRunnerSettings.model_validate({**intervals, **settings})

        def rebuild() -> Processor:
            self.builders.append(threading.current_thread().name)
            return self.build_again(chosen, bounded=bounded)

        return LocalRunner(
            self.build_processor(chosen, bounded=bounded),
            settings=chosen,
            meter=self.meter,
            rebuild=rebuild,
            resumable=resumable,
        )

    @abstractmethod
    def build_processor(self, settings: LocalRunnerSettings, *, bounded: bool) -> Processor:
        """Build the processor of a run."""

    def build_again(self, settings: LocalRunnerSettings, *, bounded: bool) -> Processor:
        """Build the processor again after the store went back in time."""
        return self.build_processor(settings, bounded=bounded)

    @property
    @abstractmethod
    def durable(self) -> list[bytes]:
        """The values in the target, in order."""

    @property
    def errors(self) -> list[bytes]:
        """The values in the error stream."""
        return [output.value for output in self.error_outputs]

    @abstractmethod
    def restore(self, count: int) -> None:
        """Restore the target from a copy with the first `count` values."""

    async def open(self) -> None:
        """Open the job: see `Job`, `KeyedJob` and `StoreJob`."""
        self.opened += 1

    async def close(self) -> None:
        """Close the job: see `Job`, `KeyedJob` and `StoreJob`."""
        self.closed += 1

    def _source(self, *, bounded: bool, resume: ResumePositions | None = None) -> WatchedSource:
        return WatchedSource(self.topic, self.kept_alive, bounded=bounded, resume=resume)


class _TargetSink(MemorySink):
    def __init__(self, target: Target, delivered: list[Output]) -> None:
        super().__init__(delivered=delivered)
        self._target = target

    async def flush(self) -> None:
        await self._target.reach()
        await super().flush()

    async def close(self) -> None:
        """Drop the buffer, as a process that is killed."""


class Stateless(Kind):
    """A job without state."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._outputs: list[Output] = []
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def durable(self) -> list[bytes]:
        """See `Kind`."""
        return [output.value for output in self._outputs]

    def restore(self, count: int) -> None:
        """See `Kind`."""
        del self._outputs[count:]

    def build_processor(self, settings: LocalRunnerSettings, *, bounded: bool) -> Processor:
        """See `Kind`."""

        def connect() -> tuple[WatchedSource, AtLeastOnce]:
            source = self._source(bounded=bounded)
            sinks = {
                Role.SINK: _TargetSink(self.target, self._outputs),
                Role.ERROR: MemorySink(delivered=self.error_outputs),
            }
            return source, AtLeastOnce(source, sinks)

        source, delivery = connect()
        return StatelessProcessor(self, source, delivery, settings=settings, meter=self.meter, reconnect=connect)

    def plan(self, record: Record) -> WorkItem:
        """See `Job`."""
        value = record.value or b""
        return WorkItem(None if value == POISON else value.partition(b":")[0], value)

    def execute(self, item: WorkItem, on_done: OnDone) -> None:
        """See `Job`."""
        assert isinstance(item.payload, bytes)
        if item.payload == POISON:
            on_done([Output(Role.ERROR, None, POISON, None)])
            return
        task = asyncio.create_task(self._execute(item.payload, on_done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _execute(self, value: bytes, on_done: OnDone) -> None:
        await self.work.process(value)
        on_done([Output(Role.SINK, None, value, None)])


class _TargetChangeSink(MemoryChangeSink[bytes]):
    def __init__(self, target: Target, durable: list[bytes]) -> None:
        super().__init__(durable)
        self._target = target

    async def flush(self, *, timer: int | None = None) -> None:
        await self._target.reach()
        await super().flush(timer=timer)


class Keyed(Kind):
    """A job with keyed state: the number of values that each page had."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._values: list[bytes] = []

    @property
    def durable(self) -> list[bytes]:
        """See `Kind`."""
        return self._values

    def restore(self, count: int) -> None:
        """See `Kind`."""
        self.is_restored = True
        del self._values[count:]

    def build_processor(self, settings: LocalRunnerSettings, *, bounded: bool) -> Processor:
        """See `Kind`."""
        state = KeyedStateStore(StateFile(self._state_path), cache_bytes=settings.state_cache_bytes)
        return KeyedProcessor(
            self,
            self._source(bounded=bounded, resume=lambda: {P0: 0, **state.positions}),
            change_sink=_TargetChangeSink(self.target, self._values),
            sinks={Role.ERROR: MemorySink(delivered=self.error_outputs)},
            state=state,
            watermarks=Watermarks(bound=0, idleness=1000),
            settings=settings,
            concurrency=8,
            meter=self.meter,
        )

    def build_again(self, settings: LocalRunnerSettings, *, bounded: bool) -> Processor:
        """See `Kind`. When the store is older than the checkpoint, the pipeline starts from the beginning."""
        if self.is_restored:
            self._state_path.unlink()
        return super().build_again(settings, bounded=bounded)

    def count_by_page(self) -> dict[int, int | None]:
        """Return the number of values of each page in the last checkpoint."""
        file = StateFile(self._state_path)
        file.open()
        try:
            return {page: state.number for page, state in file.read({1, 2}).items()}
        finally:
            file.close()

    @property
    def _state_path(self) -> Path:
        return self.folder / "state.sqlite"

    def decode(self, record: Record) -> DecodedRecord[bytes]:
        """See `KeyedJob`."""
        value = record.value or b""
        if value == POISON:
            return DecodedRecord(None, outputs=(Output(Role.ERROR, None, POISON, None),))
        return DecodedRecord(None, int(value.partition(b":")[0]), value)

    def decide(self, keyed_state: KeyedState, event: bytes | TimerFired, watermark: int | None) -> Decision[bytes]:
        """See `KeyedJob`."""
        del watermark
        assert isinstance(event, bytes)
        return Decision(KeyedState((keyed_state.number or 0) + 1), operations=(event,))

    async def execute(self, operation: bytes, keyed_state: KeyedState) -> OperationResult[bytes]:
        """See `KeyedJob`."""
        await self.work.process(operation)
        return OperationResult(keyed_state, (operation,))


class Store(Kind):
    """A job that ends in a store, which holds values and positions together."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._values: list[bytes] = []
        self._offsets: list[int] = []
        self._pending: list[Record] = []

    @property
    def durable(self) -> list[bytes]:
        """See `Kind`."""
        return self._values

    def restore(self, count: int) -> None:
        """See `Kind`."""
        del self._values[count:], self._offsets[count:]

    def build_processor(self, settings: LocalRunnerSettings, *, bounded: bool) -> Processor:
        """See `Kind`."""
        self._pending.clear()
        return StoreProcessor(
            self,
            lambda resume: self._source(bounded=bounded, resume=lambda: {P0: 0, **resume()}),
            settings=settings,
            meter=self.meter,
        )

    @property
    def positions(self) -> Mapping[Partition, int]:
        """See `StoreJob`."""
        return {P0: self._offsets[-1] + 1} if self._offsets else {}

    async def process(self, records: Sequence[Record], *, caught_up: bool) -> None:
        """See `StoreJob`."""
        for record in records:
            if record.value == POISON:
                self.error_outputs.append(Output(Role.ERROR, None, POISON, None))
                continue
            await self.work.process(record.value or b"")
            self._pending.append(record)
        if caught_up or len(self._pending) >= BATCH:
            await self.flush()

    async def flush(self) -> None:
        """See `StoreJob`."""
        if self._pending:
            await self.target.reach()
            self._values += [record.value or b"" for record in self._pending]
            self._offsets += [record.offset for record in self._pending]
            self._pending.clear()

    async def finish(self) -> None:
        """See `StoreJob`."""
        await self.flush()

    async def rewind(self) -> None:
        """See `StoreJob`."""
        self._pending.clear()


KINDS: list[type[Kind]] = [Stateless, Keyed, Store]


def rewound() -> RewoundError:
    """Return the error of a store that was restored from a copy."""
    return RewoundError("The store holds less than it was given.")


def assert_each_page_in_order(values: Sequence[bytes]) -> None:
    """Assert that the values of each page are in the order of their numbers, apart from repeats."""
    pages: dict[bytes, list[bytes]] = {}
    for value in dict.fromkeys(values):
        pages.setdefault(value.partition(b":")[0], []).append(value)
    assert pages == {page: sorted(found) for page, found in pages.items()}
