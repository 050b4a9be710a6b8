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


def assemble(*assignments: str, **flags: Any) -> KeyedPipeline[Any, Any, Any]:
    """Return the pipeline of rdf-updater with these settings."""
    wiki = ("rdf.hostname=www.wikidata.org", "rdf.entity_namespaces=[0,120,146]")
    configuration = load_configuration(
        "rdf-updater", CliSettings(assignments=(*wiki, *assignments), **flags)
    ).configuration
    return assemble_rdf_updater(configuration, RecordingMeter())


def list_topics(job: KeyedPipeline[Any, Any, Any]) -> dict[str, str]:
    """Return the topic of each mutation stream."""
    assert isinstance(job.change_sink, StreamOutputs)
    endpoints = job.change_sink.streams
    return {stream: endpoint.topic for stream, endpoint in endpoints.items() if isinstance(endpoint, KafkaSinkEndpoint)}


def test_each_subgraph_has_a_topic() -> None:
    """The topic has the name of the stream in the format of the sink, or the name of the settings."""
    name = "rdf-streaming-updater.mutation"
    job = assemble(*OVER_KAFKA, SPLIT, f'rdf.subgraph_topics={{"{name}-main.v2": "main"}}')
    assert list_topics(job) == {
        f"{name}.v2": f"eqiad.{name}.v2",
        f"{name}-scholarly.v2": f"eqiad.{name}-scholarly.v2",
        f"{name}-main.v2": "main",
    }


def test_topics_of_the_older_format_have_no_version_suffix() -> None:
    """The schema of the sink's stream selects the format."""
    name = "rdf-streaming-updater.mutation"
    job = assemble(*OVER_KAFKA, SPLIT, f"stream_manager.sink.stream={name}:1.0.0")
    assert set(list_topics(job)) == {name, f"{name}-main", f"{name}-scholarly"}


def test_one_source_reads_the_topics_of_all_inputs() -> None:
    """The inputs are page changes and reconciliations; topics of the settings replace them."""
    job = assemble(*OVER_KAFKA, "rdf.reconcile=rdf-streaming-updater.reconcile[check]")
    assert isinstance(job.source, KafkaSourceEndpoint)
    assert job.source.topics == (
        *("eqiad.mediawiki.page_change.v1", "codfw.mediawiki.page_change.v1"),
        *("eqiad.rdf-streaming-updater.reconcile", "codfw.rdf-streaming-updater.reconcile"),
    )
    job = assemble(*OVER_KAFKA, source="kafka://broker:9092/mine?group=me")
    assert isinstance(job.source, KafkaSourceEndpoint)
    assert (job.source.topics, job.source.group) == (("mine",), "me")


def test_side_outputs_are_written_beside_the_mutations() -> None:
    """Kafka has a separate topic for each role; a file has one file beside it; standard output has standard error."""
    roles = (Role.LAPSED_ACTION, Role.STATE_INCONSISTENCY, Role.FETCH_FAILURE)
    sinks = assemble(*OVER_KAFKA).outputs
    assert [endpoint.topic for role in roles if isinstance(endpoint := sinks[role], KafkaSinkEndpoint)] == [
        "eqiad.rdf-streaming-updater.lapsed-action",
        "eqiad.rdf-streaming-updater.state-inconsistency",
        "eqiad.rdf-streaming-updater.fetch-failure",
    ]
    beside = assemble(source="-", sink="file:out/mutations.ndjson.zst").outputs
    assert {beside[role] for role in roles} == {FileEndpoint(path="out/mutations.side.ndjson.zst")}
    assert assemble(source="-", sink="-").outputs[Role.FETCH_FAILURE] == FileEndpoint(path="-")


async def test_messages_of_both_formats_are_valid_by_their_schema() -> None:
    """The messages of a stream arrive in order, without a key, in the sink of the stream."""
    schemas = SchemaRepository([SCHEMAS], read_bundled)
    for stream in ("rdf-streaming-updater.mutation.v2:2.0.0", "rdf-streaming-updater.mutation:1.0.0"):
        bench = UpdaterBench(f"stream_manager.sink.stream={stream}")
        for make in (partial(bench.save, triples=3_000), bench.save, partial(bench.repository.delete, "Q1")):
            await bench.happen(make())
            await bench.wait()
        outputs = bench.assembled.change_sink
        assert isinstance(outputs, StreamOutputs)
        sink = MemorySink()
        change_sink = StreamChangeSink({stream.partition(":")[0]: sink}, outputs.encode)
        await change_sink.open()
        await change_sink.write(bench.mutations)
        assert sink.delivered == []
        await change_sink.flush()
        written = [orjson.loads(output.value) for output in sink.delivered]
        assert {output.key for output in sink.delivered} == {None}
        for event in written:
            assert not schemas.get_by_uri(event["$schema"]).describe_violations(event)
        assert [event["operation"] for event in written if event["sequence"] == 0] == ["import", "diff", "delete"]
