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
    """What outlives a run: a topic, what was made durable, and the state's folder."""

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
        """A runner that goes on where the last checkpoint was."""
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

    def say(self, key: int, word: str, *, time: int = 0, until: int | None = None, partition: int = 0) -> None:
        """Append a record."""
        self.topic.append(encode_said(key, word, time=time, until=until), partition=partition)

    def read_states(self, *keys: int) -> dict[int, KeyedState]:
        """What the last checkpoint holds."""
        file = StateFile(self.folder / "state.sqlite")
        file.open()
        try:
            return file.read(keys)
        finally:
            file.close()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """An empty topic and no state."""
    return Bench(tmp_path)


async def wait_until(reached: Any) -> None:
    """Let others run until something holds."""
    async with asyncio.timeout(10):
        while not reached():  # noqa: ASYNC110  (what is watched has no event)
            await asyncio.sleep(0.001)


async def test_a_key_is_served_in_order_and_holds_up_no_other(bench: Bench) -> None:
    """While the first word of a key is being performed, its second waits and another key's passes."""
    for key, word in ((1, "slow"), (1, "next"), (2, "other")):
        bench.say(key, word)
    gate = asyncio.Event()
    outlet = MemoryChangeSink(bench.changes)
    run = asyncio.create_task(bench.run(TallyJob({"slow": gate}), change_sink=outlet))
    await wait_until(lambda: outlet.written)
    assert outlet.written == ["2:other#1"]
    gate.set()
    await run
    assert bench.changes == ["2:other#1", "1:slow#1", "1:next#2"]


async def test_no_more_is_performed_at_once_than_is_allowed(bench: Bench) -> None:
    """The bound holds for all keys together."""
    for key in range(20):
        bench.say(key, "word")
    job = TallyJob()
    await bench.run(job, concurrency=3)
    assert job.max_concurrent == 3
    assert len(bench.changes) == 20


async def test_keys_are_woken_by_the_watermark_each_at_its_time(bench: Bench) -> None:
    """The watermark is the youngest record's time less the lateness; what it has passed is woken, earliest first."""
    bench.say(1, "b", time=100, until=130)
    bench.say(2, "a", time=101, until=120)
    bench.say(3, "c", time=102, until=900)
    bench.say(4, "now", time=150)
    gate = asyncio.Event()
    outlet, job = MemoryChangeSink(bench.changes), TallyJob({"c": gate})
    runner = bench.runner(job, bounded=False, change_sink=outlet)
    run = asyncio.create_task(runner.run())
    await wait_until(lambda: len(outlet.written) == 3)
    runner.stop()
    await run
    assert job.fired_timers == [(120, 139), (130, 139)]
    assert sorted(bench.changes) == ["1:b#1", "2:a#1", "4:now#1"]


async def test_at_the_end_of_a_bounded_source_nobody_waits_any_longer(bench: Bench) -> None:
    """What would come in between cannot come any more."""
    bench.say(1, "late", time=100, until=10_000)
    bench.say(1, "later", time=100, until=20_000)
    job = TallyJob()
    await bench.run(job)
    assert bench.changes == ["1:late#1", "1:later#2"]
    assert [time for time, _ in job.fired_timers] == [10_000, 20_000]


async def test_an_idle_partition_does_not_hold_time_back(bench: Bench) -> None:
    """As long as it is not idle, it does."""
    bench.say(9, "old", time=0, partition=1)
    bench.say(1, "waits", time=100, until=150)
    bench.say(2, "now", time=1_000)
    outlet, job = MemoryChangeSink(bench.changes), TallyJob()
    runner = bench.runner(job, bounded=False, change_sink=outlet)
    run = asyncio.create_task(runner.run())
    await wait_until(lambda: len(outlet.written) == 2)
    assert job.fired_timers == []
    bench.clock.advance(IDLENESS / 1000)
    bench.say(2, "again", time=1_001)
    await wait_until(lambda: len(outlet.written) == 4)
    runner.stop()
    await run
    assert job.fired_timers == [(150, 990)]


def script(bench: Bench) -> None:
    """Words that follow each other, wait for each other and meet another partition."""
    for number in range(6):
        bench.say(1, f"w{number}", time=number * 10, until=number * 10 + 25 if number % 2 else None)
        bench.say(2, f"x{number}", time=number * 10, partition=number % 2)


@pytest.mark.parametrize("crash_at", range(1, 12))
async def test_a_crash_at_any_place_loses_nothing_and_changes_no_decision(bench: Bench, crash_at: int) -> None:
    """What the second run makes continues, or repeats word for word, what the first one made."""
    script(bench)
    straight = Bench(bench.folder / "straight")
    script(straight)
    await straight.run()
    bench.topic.elements.insert(crash_at, Crash())
    with pytest.raises(SourceError):
        await bench.run(poll_records=3, checkpoint_interval=0.000_001)
    await bench.run()
    for key in "12":
        made = [product for product in bench.changes if product.startswith(key)]
        assert list(dict.fromkeys(made)) == [product for product in straight.changes if product.startswith(key)]
    assert bench.read_states(1, 2) == straight.read_states(1, 2) == {1: KeyedState(6), 2: KeyedState(6)}


async def test_what_was_written_but_not_checkpointed_is_made_again_the_same(bench: Bench) -> None:
    """The outlet may have it twice, never different."""
    for word in "abc":
        bench.say(1, word)
    outlet = MemoryChangeSink(bench.changes)
    run = asyncio.create_task(bench.run(bounded=False, change_sink=outlet, checkpoint_interval=1000))
    await wait_until(lambda: len(outlet.written) == 3)
    bench.topic.add(Crash())
    with pytest.raises(SourceError):
        await run
    await outlet.flush()
    assert bench.topic.committed == {}
    await bench.run()
    assert bench.changes == ["1:a#1", "1:b#2", "1:c#3"] * 2


async def test_the_checkpoints_positions_win(bench: Bench) -> None:
    """What the group has committed may be ahead or behind: the state belongs to the checkpoint."""
    for word in "ab":
        bench.say(1, word)
    await bench.run()
    bench.say(1, "c")
    bench.topic.committed = {Partition("memory"): 3}
    await bench.run()
    bench.topic.committed = {Partition("memory"): 0}
    await bench.run()
    assert bench.changes == ["1:a#1", "1:b#2", "1:c#3"]


async def test_who_sleeps_when_the_run_is_stopped_is_woken_by_the_next(bench: Bench) -> None:
    """Wake-up times are part of the checkpoint, and the outlet is told of the first: what waits is not written."""
    bench.say(1, "waits", time=100, until=150)
    bench.say(3, "waits longer", time=100, until=160)
    bench.say(2, "now", time=101)
    outlet = MemoryChangeSink(bench.changes)
    runner = bench.runner(TallyJob(), bounded=False, change_sink=outlet)
    run = asyncio.create_task(runner.run())
    await wait_until(lambda: outlet.written)
    runner.stop()
    await run
    assert (bench.changes, outlet.last_timer) == (["2:now#1"], 150)
    assert bench.topic.committed == {Partition("memory"): 3}
    bench.say(2, "again", time=200)
    outlet = MemoryChangeSink(bench.changes)
    await bench.run(change_sink=outlet)
    assert bench.changes == ["2:now#1", "2:again#2", "1:waits#1", "3:waits longer#1"]
    assert outlet.last_timer is None


async def test_event_time_does_not_go_back_over_a_restart(bench: Bench) -> None:
    """A record that was late before the restart is late after it: the job is told the same watermark."""
    bench.say(1, "first", time=1_000)
    await bench.run()
    bench.say(1, "old", time=5, until=6)
    job = TallyJob()
    await bench.run(job)
    assert job.fired_timers[0] == (6, 989)


async def test_an_outlet_that_fails_ends_the_run_without_a_checkpoint(bench: Bench) -> None:
    """Nothing of what it did not take counts."""
    for key in range(10):
        bench.say(key, "word")
    with pytest.raises(SinkError, match="as it was told to"):
        await bench.run(change_sink=MemoryChangeSink(bench.changes, fails_after=4))
    assert bench.topic.committed == {}
    assert bench.read_states(1) == {1: KeyedState()}
    await bench.run()
    assert sorted(bench.changes) == sorted(f"{key}:word#1" for key in range(10))


class SlowChangeSink(MemoryChangeSink[str]):
    """Waits with its flush until it may."""

    def __init__(self, durable: list[str]) -> None:
        super().__init__(durable)
        self.may = asyncio.Event()
        self.waits = asyncio.Event()

    async def flush(self, *, timer: int | None = None) -> None:
        """See `ChangeSink`."""
        self.waits.set()
        await self.may.wait()
        await super().flush(timer=timer)


async def test_nothing_is_committed_before_the_outlet_has_flushed(bench: Bench) -> None:
    """Neither the state nor the positions that others see."""
    bench.say(1, "word")
    outlet = SlowChangeSink(bench.changes)
    run = asyncio.create_task(bench.run(change_sink=outlet))
    await outlet.waits.wait()
    assert bench.topic.committed == {}
    outlet.may.set()
    await run
    assert bench.changes == ["1:word#1"]
    assert bench.topic.committed == {Partition("memory"): 1}


async def test_a_job_that_cannot_go_on_ends_the_run(bench: Bench) -> None:
    """Its error is what the run ends with, while other keys are busy."""
    bench.say(1, "waits")
    bench.say(2, "breaks")
    defect = InternalError("As it was told to.")
    with pytest.raises(InternalError, match="As it was told to"):
        await bench.run(TallyJob({"waits": asyncio.Event()}, {"breaks": defect}))
    assert bench.topic.committed == {}


async def test_a_record_that_is_no_event_is_said_and_passed(bench: Bench) -> None:
    """It goes to the error stream, and what follows is done."""
    bench.topic.append(b"poison")
    bench.say(1, "word")
    await bench.run()
    assert [output.value for output in bench.outputs] == [b"poison"]
    assert bench.changes == ["1:word#1"]


async def test_state_that_does_not_fit_the_cache_is_read_again(bench: Bench) -> None:
    """The counts go on."""
    for _ in range(3):
        for key in range(10):
            bench.say(key, "word")
    await bench.run(cache_bytes=1, poll_records=4, checkpoint_interval=0.000_001)
    assert bench.read_states(*range(10)) == {key: KeyedState(3) for key in range(10)}


async def test_a_stop_that_waits_too_long_leaves_the_rest_to_the_next_run(bench: Bench) -> None:
    """Without a checkpoint, so that nothing is half done."""
    bench.say(1, "hangs")
    job = TallyJob({"hangs": asyncio.Event()})
    runner = bench.runner(job, bounded=False, drain_timeout=0.05)
    run = asyncio.create_task(runner.run())
    await wait_until(lambda: job.executing)
    runner.stop()
    await run
    assert bench.topic.committed == {}
    await bench.run()
    assert bench.changes == ["1:hangs#1"]


async def test_partitions_that_go_to_another_member_end_the_run(bench: Bench) -> None:
    """The state of their keys lies here."""
    bench.say(1, "word")
    bench.topic.add(Revoke(frozenset({Partition("memory")})))
    with pytest.raises(SourceError, match="memory/0 went to another member"):
        await bench.run()


async def test_one_process_uses_a_state_folder(bench: Bench) -> None:
    """The second one is told, and touches nothing."""
    gate = asyncio.Event()
    bench.say(1, "hangs")
    job = TallyJob({"hangs": gate})
    run = asyncio.create_task(bench.run(job))
    await wait_until(lambda: job.executing)
    with pytest.raises(StateError, match="locked"):
        await bench.run()
    gate.set()
    await run
