"""rdf-updater in the three steps of Flink, without Flink: its snapshots are pickled, its operations may be behind."""

from __future__ import annotations

import pickle
from collections import deque
from typing import TYPE_CHECKING, Any, cast

import orjson
from tests.unit.jobs.rdf_updater.updater_bench import UpdaterBench

from wikistate.core.updater.entity_id import parse_entity_id
from wikistate.runners.flink.keyed.buckets import Bucket, bucket_of
from wikistate.runners.flink.keyed.steps import (
    OperationElement,
    OutputsElement,
    Publication,
    decide_event,
    decoded_elements,
    execute_element,
    fire_timers,
    pack_failed,
    publish_result,
    unpack_failed,
)
from wikistate.streaming.error_limit import ErrorLimit
from wikistate.streaming.record import Partition, Record
from wikistate.testing.wikibase import build_page_change

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wikistate.streaming.keyed_job import KeyedState, SplitKeyedJob
    from wikistate.testing.wikibase import Change


class SplitBench:
    """The three steps.

    Attributes:
        wiki: The wiki, and the job.
        buckets: The state of the first step, as Flink keeps it.
        failed: The state of the third step, as Flink keeps it.
        pending: Elements that were decided and are not executed yet.
        messages: The published messages.
        succeeded: Whether each published operation succeeded.
        side: The published side events.
    """

    def __init__(self) -> None:
        self.wiki = UpdaterBench()
        self.job = cast("SplitKeyedJob[Any, Any, Any]", self.wiki.job)
        self.encode = self.wiki.assembled.stream_outputs.encode
        self.buckets: dict[int, bytes | None] = {}
        self.failed: bytes = pack_failed({})
        self.pending: deque[bytes] = deque()
        self.messages: list[dict[str, Any]] = []
        self.side: list[dict[str, Any]] = []
        self.succeeded: list[bool] = []

    def happen(self, change: Change) -> None:
        """Decide about the event of a change."""
        value = orjson.dumps(build_page_change(change, self.wiki.repository.wiki))
        decoded = self.job.decode(Record(value, None, None, Partition("topic"), 0))
        for element in decoded_elements(decoded, 0):
            number = bucket_of(element.key)
            bucket = Bucket.unpack(number, self.buckets.get(number))
            if isinstance(element, OutputsElement):
                self._queue([element])
            else:
                self._queue(decide_event(self.job, bucket, element, None))
            self.buckets[number] = bucket.pack()

    def fire(self) -> None:
        """Fire all timers."""
        for number, packed in list(self.buckets.items()):
            bucket = Bucket.unpack(number, packed)
            self._queue(fire_timers(self.job, bucket, 2**50, None))
            self.buckets[number] = bucket.pack()

    async def execute(self, count: int | None = None) -> None:
        """Execute what was decided, in order, and publish it."""
        for _ in range(len(self.pending) if count is None else min(count, len(self.pending))):
            element = pickle.loads(self.pending.popleft())
            if isinstance(element, OperationElement):
                result = await execute_element(self.job, self.encode, element, ErrorLimit())
                self._publish(pickle.loads(pickle.dumps(result)))
            else:
                self._write(Publication((), element.outputs))

    def state(self, entity: str) -> KeyedState:
        """Return the state of an entity in the first step."""
        key = parse_entity_id(entity).key
        return Bucket.unpack(bucket_of(key), self.buckets.get(bucket_of(key))).get(key).state

    def _queue(self, elements: Iterable[Any]) -> None:
        self.pending.extend(pickle.dumps(element) for element in elements)

    def _publish(self, element: Any) -> None:
        failed = unpack_failed(self.failed)
        after, publication = publish_result(self.job, self.encode, failed.pop(element.key, None), element)
        self.failed = pack_failed(failed if after is None else {**failed, element.key: after})
        self._write(publication)

    def _write(self, publication: Publication) -> None:
        if publication.succeeded is not None:
            self.succeeded.append(publication.succeeded)
        self.messages += [orjson.loads(output.value) for change in publication.events for _, output in change]
        self.side += [orjson.loads(output.value) for output in publication.outputs]
