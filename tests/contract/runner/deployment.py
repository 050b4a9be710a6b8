"""A job with its own topics, which is started, stopped, killed and started again, and must lose nothing."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING
from uuid import uuid4

from tests.contract.runner.jobs import Change, PoisonRecord
from tests.contract.runner.outputs import Outputs, assert_in_order
from tests.contract.runner.runs import Run, start_job
from tests.support import topics
from tests.support.processes import find_free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.contract.runner.jobs import JobCase
    from tests.contract.runner.restartable_wiki import RestartableWiki
    from tests.contract.runner.runners import RunnerUnderTest
    from tests.support.broker import KafkaBroker

    from wikistate.telemetry.metrics import Counter as CounterMetric

PARTITIONS = 3
RECORD_TIMESTAMP = 1_234_567_890_123
"""Milliseconds: the timestamp of every record on the source, different from the time of every event."""


@dataclass(kw_only=True, repr=False)
class Deployment:
    """A job under a runner, between its own topics.

    Attributes:
        runner: The runner.
        case: The job.
        guarantee: The delivery guarantee.
        broker: The broker of its topics.
        wiki: The wiki of its requests.
        folder: The folder of its log and its state.
        written: The number of times that each change was written to the source.
        poison_count: The number of records on the source that are not events, without tombstones.
        repeats: The number of times that it resumed at an earlier position: after crashes and losses of its broker.
        failed_changes: The changes that must be on the error stream.
        servers: The bootstrap servers for the job; empty for those of the broker.
    """

    runner: RunnerUnderTest
    case: JobCase
    guarantee: str
    broker: KafkaBroker
    wiki: RestartableWiki
    folder: Path
    written: Counter[Change] = field(default_factory=Counter)
    poison_count: int = 0
    repeats: int = 0
    failed_changes: set[Change] = field(default_factory=set)
    servers: str = ""

    def __post_init__(self) -> None:
        self.source, self.sink, self.errors = (
            self.broker.create_topic(f"{role}.{uuid4().hex}", partitions=partitions)
            for role, partitions in (("source", PARTITIONS), ("sink", PARTITIONS - 1), ("errors", 1))
        )
        self._run: Run | None = None
        self._pages = count(1)
        self.port = 0

    @property
    def run(self) -> Run:
        """The latest run."""
        assert self._run is not None, "it was not started"
        return self._run

    @property
    def flink_logs(self) -> Path:
        """The folder of Flink's logs; see `HasFlinkLogs`."""
        return self.folder / "state"

    @property
    def exactly_once(self) -> bool:
        """Whether nothing may be repeated."""
        return self.guarantee == "EXACTLY_ONCE"

    def start(self, **settings: object) -> None:
        """Start it, or start it again; ``__`` in the name of a setting stands for a dot."""
        self.close()
        self.port = find_free_port()
        chosen: dict[str, object] = {
            "stream_manager.sink.options.delivery_guarantee": self.guarantee,
            "stream_manager.sink.options.properties": {"transaction.timeout.ms": "60000"},
            **self.case.settings(self.wiki.url),
            **self.runner.settings(self.port),
            **{name.replace("__", "."): value for name, value in settings.items()},
        }
        self._run = start_job(self.runner, self.case.name, self._endpoint_options(), chosen, folder=self.folder)

    def _endpoint_options(self) -> list[str]:
        url = f"kafka://{self.servers or self.broker.bootstrap_servers}"
        source = f"{url}/{self.source}?group={self.source}&start=earliest"
        return ["--source", source, "--sink", f"{url}/{self.sink}", "--error-sink", f"{url}/{self.errors}"]

    def ensure_running(self) -> None:
        """Start it unless it runs."""
        if not self.is_running:
            self.start()

    @property
    def is_running(self) -> bool:
        """Whether it runs."""
        return self._run is not None and self._run.is_running

    def stop(self) -> None:
        """Stop it as a user at a terminal would, which succeeds."""
        self.run.interrupt()
        assert self.run.wait() == 0

    def kill(self) -> None:
        """Kill it, with all its processes."""
        self.run.kill()
        self.repeats += 1

    def close(self) -> None:
        """Leave nothing behind."""
        if self._run is not None:
            self._run.ensure_stopped()

    def new_changes(self, *, pages: int = 1, numbers: int = 1) -> list[Change]:
        """Return changes of new pages: the first of each page, then the second of each, and so on."""
        fresh = [next(self._pages) for _ in range(pages)]
        return [Change(page, number) for number in range(1, numbers + 1) for page in fresh]

    def write(self, records: Sequence[Change | PoisonRecord]) -> None:
        """Put records on the source, each on the partition of its page."""
        self.written.update(each for each in records if isinstance(each, Change))
        self.poison_count += sum(isinstance(each, PoisonRecord) and each.value is not None for each in records)
        pairs = [(self.case.key(each.page), self._encode_record(each)) for each in records]
        topics.produce(self.broker, self.source, pairs, timestamp=RECORD_TIMESTAMP)

    def _encode_record(self, record: Change | PoisonRecord) -> bytes | None:
        return self.case.record(record) if isinstance(record, Change) else record.value

    def outputs(self, *, committed: bool = True) -> Outputs:
        """Return a reader of the outputs from now on."""
        return Outputs(
            self.broker,
            sink=self.sink,
            errors=self.errors,
            recognise=self.case.recognise,
            isolation="read_committed" if committed else "read_uncommitted",
        )

    def wait_until(self, reached: Callable[[], bool]) -> None:
        """Wait for a condition that must become true while the job runs."""
        self.run.wait_until(reached)

    def wait_until_durable(self, outputs: Outputs, changes: Sequence[Change]) -> None:
        """Wait until these changes are written and cannot be repeated by a crash.

        In transactions, an output that a reader sees is durable. Otherwise the offsets of the group show it, which takes
        longer: Flink commits its offsets to Kafka some ten seconds after its checkpoint.
        """
        self.wait_until(lambda: set(outputs.changes()) >= set(changes))
        if not self.exactly_once:
            self.wait_until(self.is_all_committed)

    def is_all_committed(self) -> bool:
        """Return whether the offsets of the group are the ends of the source."""
        return topics.committed_offsets(self.broker, self.source, self.source) == topics.end_offsets(
            self.broker, self.source
        )

    def counter_total(self, metric: CounterMetric, label: str = "") -> int:
        """Return the value of one of its counters."""
        return self.runner.counter_total(self.port, metric, label)

    def assert_all_written(self) -> None:
        """Assert that each record of the source has its output, on the right stream, in order, and as often as guaranteed."""
        sink, errors = self._read_changes(self.sink), self._read_changes(self.errors)
        poison = errors.count(None)
        assert set(errors) - {None} == self.failed_changes
        assert set(sink) == set(self.written) - self.failed_changes
        assert_in_order(filter(None, sink), repeats=self._allowed_reorderings())
        if self.exactly_once or not self.repeats:
            assert Counter(filter(None, sink + errors)) == self.written
            assert poison == self.poison_count
        assert poison >= self.poison_count

    def _read_changes(self, topic: str) -> list[Change | None]:
        return [self.case.recognise(found.value or b"") for found in topics.read_topic(self.broker, topic)]

    def _allowed_reorderings(self) -> int:
        written_again = max(self.written.values(), default=1) - 1
        return written_again + (0 if self.exactly_once else self.repeats)
