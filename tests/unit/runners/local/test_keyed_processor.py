from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.runners.local.tally_job import TallyJob, encode_said

from wikistate.adapters.connectors.memory import Crash, MemorySink, MemorySource, MemoryTopic, Revoke
from wikistate.config.model import LocalRunnerSettings
from wikistate.errors import InternalError, SinkError, SourceError, StateError
from wikistate.runners.local.keyed_processor import KeyedProcessor
from wikistate.runners.local.keyed_state import KeyedStateStore
from wikistate.runners.local.runner import LocalRunner
from wikistate.runners.local.state_file import StateFile
from wikistate.streaming.keyed_job import KeyedState
from wikistate.streaming.record import Output, Partition, Role
from wikistate.streaming.watermarks import Watermarks
from wikistate.telemetry.meter import RecordingMeter
from wikistate.testing.clock import ManualClock
from wikistate.testing.memory_sink import MemoryChangeSink

if TYPE_CHECKING:
    from pathlib import Path

LATENESS = 10
IDLENESS = 60_000


@dataclass
class Bench:
    """Everything that outlives a run: a topic, the durable changes and outputs, and the folder of the state."""

    folder: Path
    topic: MemoryTopic = field(default_factory=MemoryTopic)
    changes: list[str] = field(default_factory=list)
    outputs: list[Output] = field(default_factory=list)
    clock: ManualClock = field(default_factory=ManualClock)

    def runner(
        self,
        job: TallyJob,
        *,
        bounded: bool = True,
        change_sink: MemoryChangeSink[str] | None = None,
        concurrency: int = 4,
        cache_bytes: int = 1_000_000,
        **settings: Any,
    ) -> LocalRunner:
        """Return a runner that resumes at the last checkpoint."""
        state = KeyedStateStore(StateFile(self.folder / "state.sqlite"), cache_bytes=cache_bytes)
        chosen, meter = LocalRunnerSettings(**settings), RecordingMeter()
        processor = KeyedProcessor(
            job,
            MemorySource(self.topic, bounded=bounded, resume=lambda: state.positions),
            change_sink=change_sink or MemoryChangeSink(self.changes),
            sinks={Role.ERROR: MemorySink(delivered=self.outputs)},
            state=state,
            watermarks=Watermarks(bound=LATENESS, idleness=IDLENESS),
            settings=chosen,
            concurrency=concurrency,
            meter=meter,
            clock=self.clock.now,
        )
        return LocalRunner(processor, settings=chosen, meter=meter, clock=self.clock.now)

    async def run(self, job: TallyJob | None = None, **options: Any) -> None:
        """Run to the end of the topic."""
        await self.runner(job or TallyJob(), **options).run()

    def append(self, key: int, word: str, *, time: int = 0, until: int | None = None, partition: int = 0) -> None:
        """Append a record."""
        self.topic.append(encode_said(key, word, time=time, until=until), partition=partition)

    def read_states(self, *keys: int) -> dict[int, KeyedState]:
        """Return the state of these keys in the last checkpoint."""
        file = StateFile(self.folder / "state.sqlite")
        file.open()
        try:
            return file.read(keys)
        finally:
            file.close()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Return a bench with an empty topic and without state."""
    return Bench(tmp_path)


async def wait_until(reached: Any) -> None:
    """Wait until a condition holds."""
    async with asyncio.timeout(10):
        while not reached():  # noqa: ASYNC110  (there is no event for these conditions)
            await asyncio.sleep(0.001)


async def test_key_is_processed_in_order_without_delay_for_other_keys(bench: Bench) -> None:
    """While the first word of a key is executed, its second waits, and the word of another key is written."""
    for key, word in ((1, "slow"), (1, "next"), (2, "other")):
        bench.append(key, word)
    gate = asyncio.Event()
    change_sink = MemoryChangeSink(bench.changes)
    run = asyncio.create_task(bench.run(TallyJob({"slow": gate}), change_sink=change_sink))
    await wait_until(lambda: change_sink.written)
    assert change_sink.written == ["2:other#1"]
    gate.set()
    await run
    assert bench.changes == ["2:other#1", "1:slow#1", "1:next#2"]


async def test_concurrent_operations_are_bounded(bench: Bench) -> None:
    """The bound holds for all keys together."""
    for key in range(20):
        bench.append(key, "word")
    job = TallyJob()
    await bench.run(job, concurrency=3)
    assert job.max_concurrent == 3
    assert len(bench.changes) == 20


async def test_timers_fire_when_the_watermark_passes_them(bench: Bench) -> None:
    """The watermark is the largest event time minus the lateness; timers before it fire, the earliest first."""
    bench.append(1, "b", time=100, until=130)
    bench.append(2, "a", time=101, until=120)
    bench.append(3, "c", time=102, until=900)
    bench.append(4, "now", time=150)
    gate = asyncio.Event()
    change_sink, job = MemoryChangeSink(bench.changes), TallyJob({"c": gate})
    runner = bench.runner(job, bounded=False, change_sink=change_sink)
    run = asyncio.create_task(runner.run())
    await wait_until(lambda: len(change_sink.written) == 3)
    runner.stop()
    await run
    assert job.fired_timers == [(120, 139), (130, 139)]
    assert sorted(bench.changes) == ["1:b#1", "2:a#1", "4:now#1"]


async def test_all_timers_fire_at_the_end_of_a_bounded_source(bench: Bench) -> None:
    """No record can follow that they wait for."""
    bench.append(1, "late", time=100, until=10_000)
    bench.append(1, "later", time=100, until=20_000)
    job = TallyJob()
    await bench.run(job)
    assert bench.changes == ["1:late#1", "1:later#2"]
    assert [time for time, _ in job.fired_timers] == [10_000, 20_000]


async def test_idle_partition_does_not_hold_the_watermark_back(bench: Bench) -> None:
    """Before it is idle, it does."""
    bench.append(9, "old", time=0, partition=1)
    bench.append(1, "waits", time=100, until=150)
    bench.append(2, "now", time=1_000)
    change_sink, job = MemoryChangeSink(bench.changes), TallyJob()
    runner = bench.runner(job, bounded=False, change_sink=change_sink)
    run = asyncio.create_task(runner.run())
    await wait_until(lambda: len(change_sink.written) == 2)
    assert job.fired_timers == []
    bench.clock.advance(IDLENESS / 1000)
    bench.append(2, "again", time=1_001)
    await wait_until(lambda: len(change_sink.written) == 4)
    runner.stop()
    await run
    assert job.fired_timers == [(150, 990)]


def script(bench: Bench) -> None:
    """Append words in sequence, words that wait for a timer, and words of another partition."""
    for number in range(6):
        bench.append(1, f"w{number}", time=number * 10, until=number * 10 + 25 if number % 2 else None)
        bench.append(2, f"x{number}", time=number * 10, partition=number % 2)


@pytest.mark.parametrize("crash_at", range(1, 12))
async def test_crash_at_any_record_loses_nothing_and_changes_no_decision(bench: Bench, crash_at: int) -> None:
    """The changes of the second run continue those of the first run, or repeat them exactly."""
    script(bench)
    straight = Bench(bench.folder / "straight")
    script(straight)
    await straight.run()
    bench.topic.elements.insert(crash_at, Crash())
    with pytest.raises(SourceError):
        await bench.run(poll_records=3, checkpoint_interval=0.000_001)
    await bench.run()
    for key in "12":
        made = [change for change in bench.changes if change.startswith(key)]
        assert list(dict.fromkeys(made)) == [change for change in straight.changes if change.startswith(key)]
    assert bench.read_states(1, 2) == straight.read_states(1, 2) == {1: KeyedState(6), 2: KeyedState(6)}


async def test_changes_after_the_last_checkpoint_are_repeated_exactly(bench: Bench) -> None:
    """The change sink may receive a change twice, but never two different ones."""
    for word in "abc":
        bench.append(1, word)
    change_sink = MemoryChangeSink(bench.changes)
    run = asyncio.create_task(bench.run(bounded=False, change_sink=change_sink, checkpoint_interval=1000))
    await wait_until(lambda: len(change_sink.written) == 3)
    bench.topic.add(Crash())
    with pytest.raises(SourceError):
        await run
    await change_sink.flush()
    assert bench.topic.committed == {}
    await bench.run()
    assert bench.changes == ["1:a#1", "1:b#2", "1:c#3"] * 2


async def test_positions_of_the_checkpoint_have_precedence(bench: Bench) -> None:
    """The committed positions of the group may be ahead or behind: the state belongs to the checkpoint."""
    for word in "ab":
        bench.append(1, word)
    await bench.run()
    bench.append(1, "c")
    bench.topic.committed = {Partition("memory"): 3}
    await bench.run()
    bench.topic.committed = {Partition("memory"): 0}
    await bench.run()
    assert bench.changes == ["1:a#1", "1:b#2", "1:c#3"]


async def test_timers_of_a_stopped_run_fire_in_the_next_run(bench: Bench) -> None:
    """Timers are part of the checkpoint, and the change sink receives the earliest: waiting events are not written."""
    bench.append(1, "waits", time=100, until=150)
    bench.append(3, "waits longer", time=100, until=160)
    bench.append(2, "now", time=101)
    change_sink = MemoryChangeSink(bench.changes)
    runner = bench.runner(TallyJob(), bounded=False, change_sink=change_sink)
    run = asyncio.create_task(runner.run())
    await wait_until(lambda: change_sink.written)
    runner.stop()
    await run
    assert (bench.changes, change_sink.last_timer) == (["2:now#1"], 150)
    assert bench.topic.committed == {Partition("memory"): 3}
    bench.append(2, "again", time=200)
    change_sink = MemoryChangeSink(bench.changes)
    await bench.run(change_sink=change_sink)
    assert bench.changes == ["2:now#1", "2:again#2", "1:waits#1", "3:waits longer#1"]
    assert change_sink.last_timer is None


async def test_watermark_does_not_move_back_over_a_restart(bench: Bench) -> None:
    """A record that was late before the restart is late after it: the job receives the same watermark."""
    bench.append(1, "first", time=1_000)
    await bench.run()
    bench.append(1, "old", time=5, until=6)
    job = TallyJob()
    await bench.run(job)
    assert job.fired_timers[0] == (6, 989)


async def test_failing_change_sink_ends_the_run_without_a_checkpoint(bench: Bench) -> None:
    """The next run makes all changes again."""
    for key in range(10):
        bench.append(key, "word")
    with pytest.raises(SinkError, match="as configured by fails_after"):
        await bench.run(change_sink=MemoryChangeSink(bench.changes, fails_after=4))
    assert bench.topic.committed == {}
    assert bench.read_states(1) == {1: KeyedState()}
    await bench.run()
    assert sorted(bench.changes) == sorted(f"{key}:word#1" for key in range(10))


class SlowChangeSink(MemoryChangeSink[str]):
    """Change sink that flushes only when `may` is set."""

    def __init__(self, durable: list[str]) -> None:
        super().__init__(durable)
        self.may = asyncio.Event()
        self.waits = asyncio.Event()

    async def flush(self, *, timer: int | None = None) -> None:
        """See `ChangeSink`."""
        self.waits.set()
        await self.may.wait()
        await super().flush(timer=timer)


async def test_nothing_is_committed_before_the_change_sink_has_flushed(bench: Bench) -> None:
    """Neither the state nor the positions of the group."""
    bench.append(1, "word")
    change_sink = SlowChangeSink(bench.changes)
    run = asyncio.create_task(bench.run(change_sink=change_sink))
    await change_sink.waits.wait()
    assert bench.topic.committed == {}
    change_sink.may.set()
    await run
    assert bench.changes == ["1:word#1"]
    assert bench.topic.committed == {Partition("memory"): 1}


async def test_error_of_the_job_ends_the_run(bench: Bench) -> None:
    """The run raises the error at once, while other keys are busy."""
    bench.append(1, "waits")
    bench.append(2, "breaks")
    defect = InternalError("As it was told to.")
    with pytest.raises(InternalError, match="As it was told to"):
        await bench.run(TallyJob({"waits": asyncio.Event()}, {"breaks": defect}))
    assert bench.topic.committed == {}


async def test_record_that_is_not_an_event_becomes_an_error_event(bench: Bench) -> None:
    """The records behind it are processed."""
    bench.topic.append(b"poison")
    bench.append(1, "word")
    await bench.run()
    assert [output.value for output in bench.outputs] == [b"poison"]
    assert bench.changes == ["1:word#1"]


async def test_state_beyond_the_cache_is_read_again(bench: Bench) -> None:
    """The counts continue."""
    for _ in range(3):
        for key in range(10):
            bench.append(key, "word")
    await bench.run(cache_bytes=1, poll_records=4, checkpoint_interval=0.000_001)
    assert bench.read_states(*range(10)) == {key: KeyedState(3) for key in range(10)}


async def test_drain_timeout_leaves_the_rest_to_the_next_run(bench: Bench) -> None:
    """No checkpoint is taken, so nothing is half done."""
    bench.append(1, "hangs")
    job = TallyJob({"hangs": asyncio.Event()})
    runner = bench.runner(job, bounded=False, drain_timeout=0.05)
    run = asyncio.create_task(runner.run())
    await wait_until(lambda: job.executing)
    runner.stop()
    await run
    assert bench.topic.committed == {}
    await bench.run()
    assert bench.changes == ["1:hangs#1"]


async def test_revoked_partitions_end_the_run(bench: Bench) -> None:
    """The state of their keys cannot move with them."""
    bench.append(1, "word")
    bench.topic.add(Revoke(frozenset({Partition("memory")})))
    with pytest.raises(SourceError, match="memory/0 went to another member"):
        await bench.run()


async def test_state_folder_is_locked_for_one_process(bench: Bench) -> None:
    """The second run fails at its start and changes nothing."""
    gate = asyncio.Event()
    bench.append(1, "hangs")
    job = TallyJob({"hangs": gate})
    run = asyncio.create_task(bench.run(job))
    await wait_until(lambda: job.executing)
    with pytest.raises(StateError, match="locked"):
        await bench.run()
    gate.set()
    await run
