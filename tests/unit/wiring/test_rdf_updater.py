from __future__ import annotations

from functools import partial
from typing import Any

import orjson
from tests.unit.jobs.rdf_updater.updater_bench import UpdaterBench

from wikistate.adapters.connectors.memory import MemorySink
from wikistate.cli.settings import CliSettings, load_configuration
from wikistate.core.events.bundled import SCHEMAS, read_bundled
from wikistate.core.events.repository import SchemaRepository
from wikistate.runners.local.stream_change_sink import StreamChangeSink
from wikistate.streaming.record import Role
from wikistate.telemetry.meter import RecordingMeter
from wikistate.wiring.endpoints import FileEndpoint, KafkaSinkEndpoint, KafkaSourceEndpoint
from wikistate.wiring.pipeline import KeyedPipeline, StreamOutputs
from wikistate.wiring.rdf_updater import assemble_rdf_updater

SPLIT = "rdf.subgraphs=bundled:wdqs-subgraph-definitions-v2"
OVER_KAFKA = (
    "stream_manager.source.connector=kafka",
    "stream_manager.source.options.bootstrap_servers=broker:9092",
    "stream_manager.sink.connector=kafka",
    "stream_manager.sink.options.bootstrap_servers=broker:9092",
    "stream_manager.sink.options.kafka_topic_prefix=eqiad.",
)


def assembled(*assignments: str, **flags: Any) -> KeyedPipeline[Any, Any, Any]:
    """The job with these settings."""
    own = ("rdf.hostname=www.wikidata.org", "rdf.entity_namespaces=[0,120,146]")
    configuration = load_configuration(
        "rdf-updater", CliSettings(assignments=(*own, *assignments), **flags)
    ).configuration
    return assemble_rdf_updater(configuration, RecordingMeter())


def topics(job: KeyedPipeline[Any, Any, Any]) -> dict[str, str]:
    """The topic of each stream of mutations."""
    assert isinstance(job.change_sink, StreamOutputs)
    ends = job.change_sink.streams
    return {stream: end.topic for stream, end in ends.items() if isinstance(end, KafkaSinkEndpoint)}


def test_each_part_of_a_split_graph_has_a_topic() -> None:
    """Named after its stream in the sink's format, or as the settings say."""
    name = "rdf-streaming-updater.mutation"
    job = assembled(*OVER_KAFKA, SPLIT, f'rdf.subgraph_topics={{"{name}-main.v2": "main"}}')
    assert topics(job) == {
        f"{name}.v2": f"eqiad.{name}.v2",
        f"{name}-scholarly.v2": f"eqiad.{name}-scholarly.v2",
        f"{name}-main.v2": "main",
    }


def test_the_older_format_has_the_older_names() -> None:
    """It is chosen by the schema of the sink's stream."""
    name = "rdf-streaming-updater.mutation"
    job = assembled(*OVER_KAFKA, SPLIT, f"stream_manager.sink.stream={name}:1.0.0")
    assert set(topics(job)) == {name, f"{name}-main", f"{name}-scholarly"}


def test_all_inputs_are_read_from_one_source() -> None:
    """The topics of page changes and of reconciliations, unless the settings name topics."""
    job = assembled(*OVER_KAFKA, "rdf.reconcile=rdf-streaming-updater.reconcile[check]")
    assert isinstance(job.source, KafkaSourceEndpoint)
    assert job.source.topics == (
        *("eqiad.mediawiki.page_change.v1", "codfw.mediawiki.page_change.v1"),
        *("eqiad.rdf-streaming-updater.reconcile", "codfw.rdf-streaming-updater.reconcile"),
    )
    job = assembled(*OVER_KAFKA, source="kafka://broker:9092/mine?group=me")
    assert isinstance(job.source, KafkaSourceEndpoint)
    assert (job.source.topics, job.source.group) == (("mine",), "me")


def test_what_is_told_lies_beside_the_mutations() -> None:
    """Topics of their own; one file beside a file; standard error beside standard output."""
    told = (Role.LAPSED_ACTION, Role.STATE_INCONSISTENCY, Role.FETCH_FAILURE)
    sinks = assembled(*OVER_KAFKA).outputs
    assert [end.topic for role in told if isinstance(end := sinks[role], KafkaSinkEndpoint)] == [
        "eqiad.rdf-streaming-updater.lapsed-action",
        "eqiad.rdf-streaming-updater.state-inconsistency",
        "eqiad.rdf-streaming-updater.fetch-failure",
    ]
    beside = assembled(source="-", sink="file:out/mutations.ndjson.zst").outputs
    assert {beside[role] for role in told} == {FileEndpoint(path="out/mutations.side.ndjson.zst")}
    assert assembled(source="-", sink="-").outputs[Role.FETCH_FAILURE] == FileEndpoint(path="-")


async def test_messages_follow_their_schema_in_either_format() -> None:
    """In order, without a key, each in the sink of its stream."""
    schemas = SchemaRepository([SCHEMAS], read_bundled)
    for stream in ("rdf-streaming-updater.mutation.v2:2.0.0", "rdf-streaming-updater.mutation:1.0.0"):
        bench = UpdaterBench(f"stream_manager.sink.stream={stream}")
        for make in (partial(bench.save, triples=3_000), bench.save, partial(bench.repository.delete, "Q1")):
            await bench.happen(make())
            await bench.wait()
        publication = bench.assembled.change_sink
        assert isinstance(publication, StreamOutputs)
        sink = MemorySink()
        outlet = StreamChangeSink({stream.partition(":")[0]: sink}, publication.encode)
        await outlet.open()
        await outlet.write(bench.mutations)
        assert sink.delivered == []
        await outlet.flush()
        written = [orjson.loads(output.value) for output in sink.delivered]
        assert {output.key for output in sink.delivered} == {None}
        for event in written:
            assert not schemas.get_by_uri(event["$schema"]).describe_violations(event)
        assert [event["operation"] for event in written if event["sequence"] == 0] == ["import", "diff", "delete"]
