"""Events that a topic refuses: each becomes an error event, and nothing else is lost, repeated or held back."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

import orjson
import pytest

from wikistate.adapters.connectors.kafka.endpoint import KafkaSinkEndpoint, KafkaSourceEndpoint
from wikistate.adapters.connectors.kafka.producer import KafkaProducer
from wikistate.adapters.connectors.kafka.settings import KafkaProducerSettings
from wikistate.adapters.connectors.kafka.sink import KafkaSink
from wikistate.config.model import DeliveryGuarantee, LocalRunnerSettings
from wikistate.core.events.encoder import REFUSED, TOO_LARGE, ErrorEncoder
from wikistate.core.events.error_event import Emitter
from wikistate.core.events.rejection import RejectedEvent
from wikistate.errors import SinkError
from wikistate.runners.local.launch import build_runner
from wikistate.streaming.ports import RefusedError
from wikistate.streaming.record import OnDone, Output, Record, Role, WorkItem
from wikistate.telemetry import metrics
from wikistate.telemetry.meter import RecordingMeter
from wikistate.wiring.endpoints import Endpoints
from wikistate.wiring.pipeline import StatelessPipeline

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.conftest import TopicFactory
    from tests.integration.kafka.conftest import KafkaCluster

pytestmark = pytest.mark.kafka

GUARANTEES = [DeliveryGuarantee.AT_LEAST_ONCE, DeliveryGuarantee.EXACTLY_ONCE]
EMITTER = Emitter(emitter_id="copy", stream="copy.error", source_stream="source", source_schema_uri="/source/1.0.0")
NOW = 1_750_000_000_000
RANDOM = random.Random(7)


class Copy:
    """A job that copies each record without its ``#`` fields: ``#old`` sets an old time, ``#bare`` removes the key."""

    def __init__(self) -> None:
        self._errors = ErrorEncoder(EMITTER, max_bytes=900_000)

    async def open(self) -> None:
        """See `Job`."""

    async def close(self) -> None:
        """See `Job`."""

    def plan(self, record: Record) -> WorkItem:
        """See `Job`."""
        value = record.value or b""
        if value.startswith(b"#invalid"):
            return WorkItem(None, [self._errors.encode(RejectedEvent("Invalid", "No event."), record, NOW)])
        key = None if value.startswith(b"#bare") else b"key"
        return WorkItem("page", [Output(Role.SINK, key, value, 1000 if value.startswith(b"#old") else None)])

    def execute(self, item: WorkItem, on_done: OnDone) -> None:
        """See `Job`."""
        assert isinstance(item.payload, list)
        asyncio.get_running_loop().call_soon(on_done, item.payload)

    def report_refusal(self, record: Record, reason: str, *, by_size: bool) -> Output:
        """See `RefusalReporter`."""
        return self._errors.encode(RejectedEvent(TOO_LARGE if by_size else REFUSED, reason), record, NOW)

    def shorten(self, error: Output, max_bytes: int) -> Output:
        """See `RefusalReporter`."""
        return self._errors.shorten(error, max_bytes)


class _Run:
    """A run of the job between its own topics, up to the end of the source."""

    def __init__(
        self, cluster: KafkaCluster, source: str, sink: str, errors: str, guarantee: DeliveryGuarantee
    ) -> None:
        self._cluster, self._sink, self._errors = cluster, sink, errors
        servers = cluster.servers
        self._endpoints = Endpoints(
            source=KafkaSourceEndpoint(
                bootstrap_servers=servers,
                topics=(source,),
                group=source,
                start="earliest",
                end="latest",
                properties={"fetch.wait.max.ms": "50"},
            ),
            sink=self._make_sink(sink),
            error=self._make_sink(errors),
            guarantee=guarantee,
        )
        self.meter = RecordingMeter()

    def _make_sink(self, topic: str) -> KafkaSinkEndpoint:
        return KafkaSinkEndpoint(bootstrap_servers=self._cluster.servers, topic=topic, properties={}, key="sink")

    async def run(self) -> None:
        """Run to the end of the source."""
        pipeline = StatelessPipeline(job=Copy(), endpoints=self._endpoints)
        settings = LocalRunnerSettings.model_validate({"commit_interval": 0.2})
        async with asyncio.timeout(240):
            await build_runner(lambda: pipeline, settings, self.meter).run()

    def written(self) -> list[bytes]:
        """Return the values on the sink."""
        return [value for _, value in self._cluster.read(self._sink)]

    def errors(self) -> list[dict[str, str]]:
        """Return the error events."""
        return [orjson.loads(value) for _, value in self._cluster.read(self._errors)]

    @property
    def interruptions(self) -> int:
        """The number of times that the run resumed."""
        return int(self.meter.total(metrics.INTERRUPTIONS))


def large(size: int) -> bytes:
    """Return a value that cannot be compressed."""
    return bytes(RANDOM.choices(range(33, 126), k=size))


def assert_complete(run: _Run, expected: Sequence[bytes], guarantee: DeliveryGuarantee) -> None:
    """Assert that the sink has these values, in order, and as often as guaranteed."""
    found = run.written()
    if guarantee is DeliveryGuarantee.EXACTLY_ONCE:
        assert found == list(expected)
    assert sorted(set(found)) == sorted(expected)


@pytest.mark.parametrize("guarantee", GUARANTEES)
async def test_event_above_the_limit_of_its_topic_becomes_an_error_event(
    cluster: KafkaCluster, topic: TopicFactory, guarantee: DeliveryGuarantee
) -> None:
    """Its neighbours in the batch are written; a large event that compression makes small is written as well."""
    source, sink, errors = topic(), topic(max_message_bytes="20000"), topic()
    small = [b"%d" % number for number in range(200)]
    compressible = b"z" * 100_000
    refused = [large(30_000), large(50_000)]
    values = [*small[:50], refused[0], *small[50:100], compressible, *small[100:150], refused[1], *small[150:]]
    cluster.produce(source, values)
    run = _Run(cluster, source, sink, errors, guarantee)
    await run.run()
    assert_complete(run, [value for value in values if value not in refused], guarantee)
    found = run.errors()
    assert [event["raw_event"].encode() for event in found] == refused
    assert {event["error_type"] for event in found} == {TOO_LARGE}
    assert "refused the event of 30003 bytes" in found[0]["message"]
    assert "accepts 20000 bytes" in found[0]["message"]
    assert cluster.committed(source, source) == len(values)


async def test_batch_above_the_limit_of_its_topic_loses_no_event(cluster: KafkaCluster, topic: TopicFactory) -> None:
    """Each event would be accepted alone: there is no error event."""
    source, sink, errors = topic(), topic(max_message_bytes="20000"), topic()
    values = [large(5000) for _ in range(100)]
    cluster.produce(source, values)
    run = _Run(cluster, source, sink, errors, DeliveryGuarantee.EXACTLY_ONCE)
    await run.run()
    assert run.written() == values
    assert run.errors() == []
    assert run.interruptions == 1


@pytest.mark.parametrize("guarantee", GUARANTEES)
@pytest.mark.parametrize(
    ("setting", "mark"),
    [({"message_timestamp_before_max_ms": "3600000"}, b"#old"), ({"cleanup_policy": "compact"}, b"#bare")],
    ids=["time", "key"],
)
async def test_event_that_its_topic_refuses_for_another_reason_becomes_an_error_event(
    cluster: KafkaCluster, topic: TopicFactory, setting: dict[str, str], mark: bytes, guarantee: DeliveryGuarantee
) -> None:
    """A time outside of the range of the topic, and a record without a key on a compacted topic."""
    source, sink, errors = topic(), topic(1, **setting), topic()
    values = [b"first", mark, b"second", mark + b" again", b"third"]
    cluster.produce(source, values)
    run = _Run(cluster, source, sink, errors, guarantee)
    await run.run()
    assert_complete(run, [b"first", b"second", b"third"], guarantee)
    found = run.errors()
    assert [event["raw_event"].encode() for event in found] == [mark, mark + b" again"]
    assert {event["error_type"] for event in found} == {REFUSED}


@pytest.mark.parametrize("guarantee", GUARANTEES)
async def test_error_event_is_cut_to_the_limit_of_its_topic(
    cluster: KafkaCluster, topic: TopicFactory, guarantee: DeliveryGuarantee
) -> None:
    """That of a refused event and that of an invalid one: the message names what is left out."""
    source, sink, errors = topic(), topic(max_message_bytes="20000"), topic(max_message_bytes="10000")
    refused, invalid = large(40_000), b"#invalid" + large(30_000)
    cluster.produce(source, [b"before", refused, invalid, b"after"])
    run = _Run(cluster, source, sink, errors, guarantee)
    await run.run()
    assert_complete(run, [b"before", b"after"], guarantee)
    by_type = {event["error_type"]: event for event in run.errors()}
    assert by_type.keys() == {TOO_LARGE, "Invalid"}
    for kind, raw in ((TOO_LARGE, refused), ("Invalid", invalid)):
        event = by_type[kind]
        assert raw.startswith(event["raw_event"].encode())
        assert 5000 < len(event["raw_event"]) < 10_000
        assert f"it lacks the last {len(raw) - len(event['raw_event'])} of {len(raw)} bytes" in event["message"]


async def test_error_event_that_is_refused_without_its_source_event_ends_the_run(
    cluster: KafkaCluster, topic: TopicFactory
) -> None:
    """The message names the topic, and nothing is committed behind the event."""
    source, sink, errors = topic(), topic(), topic(max_message_bytes="200")
    cluster.produce(source, [b"before", b"#invalid" + large(3000), b"after"])
    run = _Run(cluster, source, sink, errors, DeliveryGuarantee.EXACTLY_ONCE)
    with pytest.raises(SinkError, match="even without raw_event") as caught:
        await run.run()
    assert errors in caught.value.message
    assert not isinstance(caught.value, RefusedError)
    assert cluster.committed(source, source) < 1


async def test_refusal_names_all_outputs_that_were_refused_with_it(cluster: KafkaCluster, topic: TopicFactory) -> None:
    """The broker refuses the batch, so the sink reports its records together, with the limit of the topic."""
    name = topic(max_message_bytes="1000")
    sink = KafkaSink(name, KafkaProducer(KafkaProducerSettings(cluster.servers, {"linger.ms": "1000"})))
    await sink.open()
    await sink.write([Output(Role.SINK, b"k", value, None) for value in (b"small", large(5000), b"another")])
    with pytest.raises(RefusedError) as caught:
        await sink.flush()
    await sink.close()
    assert [refused.size for refused in caught.value.refused] == [6, 5001, 8]
    assert caught.value.limits == {name: 1000}
