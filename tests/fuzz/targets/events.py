"""Readers of events: of enrichment jobs, of the updater, of a replay, and of mutation streams."""

from __future__ import annotations

import asyncio
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import orjson
from tests.fuzz.target import Kind, Target, require

from wikistate.adapters.triplestore.oxigraph import OxigraphStore
from wikistate.config.layers import Layer
from wikistate.config.load import load
from wikistate.core.events.bundled import SCHEMAS, read_bundled
from wikistate.core.events.encoder import ErrorEncoder
from wikistate.core.events.error_event import Emitter, shorten_error_event
from wikistate.core.events.rejection import Filtered, RejectedEvent
from wikistate.core.events.replay import ReplayFilter, ReplayStatus
from wikistate.core.events.repository import SchemaRepository
from wikistate.core.rdf.diff import select_shared
from wikistate.core.rdf.uris import Uris
from wikistate.core.sparql.update_target import UpdateTarget
from wikistate.core.updater.accumulator import Accumulator
from wikistate.core.updater.entity_pages import EntityPages
from wikistate.core.updater.input_reader import InputReader
from wikistate.core.updater.legacy_streams import (
    LegacyPageDeleteFormat,
    LegacyPageUndeleteFormat,
    LegacyRevisionCreateFormat,
)
from wikistate.core.updater.page_change_format import PageChangeFormat
from wikistate.core.updater.reconciliation import ReconciliationFormat
from wikistate.core.updater.state import UNSEEN, EntityState
from wikistate.errors import InputError
from wikistate.jobs.page_content_change import DEFAULTS
from wikistate.jobs.rdf_consumer.mutation_reader import MutationReader
from wikistate.streaming.record import Partition, Record, Role
from wikistate.telemetry.meter import RecordingMeter
from wikistate.wiring.enrichment import assemble_page_content_change

if TYPE_CHECKING:
    from pathlib import Path

    from wikistate.core.updater.input_reader import EventFormat
    from wikistate.streaming.job import Job
    from wikistate.streaming.record import Output

_NOW = 1_800_000_000_000
_PARTITION = Partition("topic")
_MAX_RAW = 300_000
_INTERNAL = "InternalError"
RDF_TOKENS = (
    *(
        "<<( ",
        " )>>",
        "[ ",
        " ]",
        "( ",
        " )",
        "_:b",
        "@prefix a: <b> .",
        "PREFIX",
        "@base <x> .",
        "^^<x>",
        '"""',
        "a",
        ";",
    ),
    *(
        "<http://www.wikidata.org/entity/Q1>",
        "<http://wikiba.se/ontology#",
        "\\u0000",
        "\\U00110000",
        "@en",
        "true",
        "1e999",
    ),
    *("VERSION", "@version", "{|", "|}", "~", "<end:> <end:> <end:> .", "<urn:wikistate:store>"),
)


@lru_cache(maxsize=1)
def _enrichment_job() -> Job:
    layer = Layer(values={"stream_manager": {"source": {"connector": "file", "options": {"path": "-"}}}})
    configuration = load([Layer(values=dict(DEFAULTS)), layer]).configuration
    return assemble_page_content_change(configuration, RecordingMeter()).job


def _records(data: bytes) -> list[Record]:
    """Return a record for each line: as from Kafka, a key before a tab if there is one."""
    lines = data.split(b"\n")
    return [
        Record(value if found else key, key if found else None, _NOW, _PARTITION, offset)
        for offset, (key, found, value) in enumerate(line.partition(b"\t") for line in lines)
    ]


def read_events(data: bytes, _: Path) -> None:
    """Plan each record of the enrichment job; no answer of a wiki is needed."""
    job = _enrichment_job()
    records = _records(data)
    for record in (*records, records[-1]._replace(truncated_bytes=5)):
        item = job.plan(record)
        if isinstance(item.payload, list):
            for output in item.payload:
                _check_output(output)


def _check_output(output: Output) -> None:
    event = orjson.loads(output.value)
    if output.role is Role.ERROR:
        require(
            _error_schema().is_valid(event),
            f"an error event is not valid: {_error_schema().describe_violations(event)}",
        )
        require("Unexpected error" not in event["message"], f"a defect of the job: {event.get('stack', '')[-3000:]}")
        short = shorten_error_event(output.value, 1_000)
        require(_error_schema().is_valid(orjson.loads(short)), "a shortened error event is not valid")


@lru_cache(maxsize=1)
def _error_schema() -> Any:
    return SchemaRepository([SCHEMAS], read_bundled).get("error", "2.1.0")


@lru_cache(maxsize=1)
def _input_reader() -> InputReader:
    schemas = SchemaRepository([SCHEMAS], read_bundled)
    pages = EntityPages(
        domain="www.wikidata.org",
        namespaces=frozenset({0, 120, 146}),
        mediainfo_namespaces=frozenset({6}),
        content_models=frozenset({"wikibase-item", "wikibase-property", "wikibase-lexeme"}),
    )
    formats: dict[str, EventFormat] = {
        "mediawiki/page/change/1.7.0": PageChangeFormat(pages),
        "mediawiki/revision/create/2.0.0": LegacyRevisionCreateFormat(pages),
        "mediawiki/page/delete/1.0.0": LegacyPageDeleteFormat(pages),
        "mediawiki/page/undelete/1.0.0": LegacyPageUndeleteFormat(pages),
        "rdf_streaming_updater/reconcile/1.0.0": ReconciliationFormat("www.wikidata.org"),
    }
    return InputReader([(schemas.get_by_uri(f"/{uri}"), each) for uri, each in formats.items()])


def read_input_events(data: bytes, _: Path) -> None:
    """Read each line as an event of an input stream, and pack what it reports."""
    reader = _input_reader()
    for record in _records(data):
        reading = reader.read(record, ingested=_NOW)
        if isinstance(reading.outcome, RejectedEvent):
            require(reading.outcome.error_type != _INTERNAL, reading.outcome.stack)
        elif not isinstance(reading.outcome, Filtered):
            state = UNSEEN._replace(buffer=(reading.outcome,))
            require(
                EntityState.unpack(None, state.pack()).buffer == state.buffer, "a buffered event changes when stored"
            )


def replay(data: bytes, _: Path) -> None:
    """Classify each line as an event of an error stream."""
    for chosen in (ReplayFilter(), ReplayFilter(types=frozenset({"InvalidEvent"}), since=1, until=_NOW)):
        for record in _records(data):
            failed = chosen.classify(record.value)
            require(failed.status is ReplayStatus.REPLAYED or not failed.raw, "an event is left over")
            require(isinstance(failed.error_type, str), "the error type is no text")


def read_mutations(data: bytes, _: Path) -> None:
    """Read each line as a message of a mutation stream, and apply complete mutations to a store."""
    emitter = Emitter(emitter_id="job", stream="errors", source_stream="mutations", source_schema_uri="/a/1.0.0")
    reader = MutationReader(ErrorEncoder(emitter, max_bytes=_MAX_RAW), RecordingMeter(), clock=lambda: _NOW / 1000)
    reader.validate_terms()
    uris = Uris.for_wikibase("http://www.wikidata.org")
    accumulator = Accumulator(lambda triples: select_shared(triples, uris))
    for result in [*map(reader.read, _records(data)), *reader.finish()]:
        for output in result.errors:
            event = orjson.loads(output.value)
            require(_error_schema().is_valid(event), "an error event is not valid")
            require(event["error_type"] != _INTERNAL, event.get("stack", "")[-3000:])
        if result.mutation is not None:
            if not accumulator.can_add(result.mutation):
                asyncio.run(_apply(accumulator, uris))
                accumulator = Accumulator(lambda triples: select_shared(triples, uris))
            accumulator.add(result.mutation)
    asyncio.run(_apply(accumulator, uris))


async def _apply(accumulator: Accumulator, uris: Uris) -> None:
    store = OxigraphStore(None, UpdateTarget(uris))
    await store.open()
    try:
        await store.apply(accumulator.build_patch(), {}, _NOW)
    finally:
        await store.close()


TARGETS = (
    Target(name="events", kind=Kind.JSON_LINES, run=read_events, compressed=False),
    Target(name="input-events", kind=Kind.JSON_LINES, run=read_input_events),
    Target(name="replay", kind=Kind.JSON_LINES, run=replay),
    Target(name="mutations", kind=Kind.JSON_LINES, run=read_mutations, tokens=RDF_TOKENS, errors=(InputError,)),
)
