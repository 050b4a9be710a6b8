"""The consumer: messages to a batch compared with a peer with rdflib, and messages to a store compared with a bulk load."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import orjson
from pyoxigraph import RdfFormat, Store, serialize
from tests.support.mutation_generator import MutationGenerator

from bench.figures import Figure, Target
from bench.peers.environments import prepare_python
from wikistate.config.store import StoreSettings
from wikistate.core.events.encoder import ErrorEncoder
from wikistate.core.events.error_event import Emitter
from wikistate.core.rdf.diff import diff
from wikistate.core.rdf.munge import munge
from wikistate.core.rdf.parse import parse_triples
from wikistate.core.sparql.update_target import UpdateTarget
from wikistate.core.sparql.updates import build_requests
from wikistate.core.updater.accumulator import Accumulator
from wikistate.core.updater.input_events import Origin
from wikistate.core.updater.message_fields import MessageVersion
from wikistate.core.updater.messages import encode_mutation
from wikistate.core.updater.mutation import Mutation, OperationName
from wikistate.jobs.rdf_consumer.mutation_reader import MutationReader
from wikistate.runners.process_tuning import OBJECTS_IN_TWO_BATCHES, gc_tuned
from wikistate.streaming.record import Partition, Record
from wikistate.telemetry.meter import RecordingMeter
from wikistate.testing.wikibase.documents import RevisionStamp, describe, serialize_triples
from wikistate.testing.wikibase.entity_generator import EntityGenerator
from wikistate.testing.wikibase.vocabulary import WIKIDATA, Vocabulary
from wikistate.wiring.rdf_consumer import build_store_writer
from wikistate.wiring.stores import build_shared_triples_filter, build_uris

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from bench.stage import Stage

TOPIC = Partition("eqiad.mutation")
SEED = 20_260_104
SETTINGS = StoreSettings(location="unused")
PEER = Path(__file__).parent / "peers" / "rdflib_batches.py"
PEER_SHARE = 10
"""The peer gets one message in so many, as its time is proportional to their number."""

STAMP = RevisionStamp(1, "2026-01-01T00:00:00Z")
MOMENT = 1_767_225_600_000
ORIGIN = Origin("/mediawiki/page/change/1.11.0", STAMP.modified, "an id", "www.wikidata.org", "mutation", "a request")
ENTITY_TRIPLES, ENTITIES_A_MESSAGE = 140, 0.1
"""Triples of an imported entity, the average of Wikidata; and imported entities for each message."""


@dataclass(frozen=True, slots=True)
class Consumption:
    """Result of the measurement, with one value for each run.

    Attributes:
        messages: Messages in a batch of wikistate.
        assembled: Messages that become the text of an update, for each second of CPU.
        peer: The same for the peer.
        consumed: Triples a second from messages into an embedded store.
        loaded: Triples a second of a bulk load.
    """

    messages: int
    assembled: tuple[float, ...]
    peer: tuple[float, ...]
    consumed: tuple[float, ...]
    loaded: tuple[float, ...]

    def figures(self) -> list[Figure]:
        """See `Result`."""
        pairs = zip(self.assembled, self.peer, strict=True)
        stores = zip(self.consumed, self.loaded, strict=True)
        return [
            Figure("messages in a batch", self.messages, ""),
            Figure("assembling a batch", median(self.assembled), "messages/s of CPU"),
            Figure("assembling a batch, with rdflib", median(self.peer), "messages/s of CPU"),
            Figure("ours / rdflib", median(own / other for own, other in pairs), "", Target(at_least=10.0)),
            Figure("messages into an embedded store", median(self.consumed), "triples/s"),
            Figure("bulk load of the same triples", median(self.loaded), "triples/s"),
            Figure("consumed / bulk-loaded", median(own / other for own, other in stores), "", Target(at_least=0.5)),
        ]


async def measure_consumer(stage: Stage) -> Consumption:
    """Run both comparisons alternately."""
    count = stage.sizes.mutation_messages
    changes = _records(MutationGenerator(Random(SEED), entities=count // 10).generate(count), limit=count)
    imports, lines = _imports(int(count * ENTITIES_A_MESSAGE))
    found: list[tuple[float, float, float, float]] = []
    for _ in range(stage.sizes.runs):
        with gc_tuned(OBJECTS_IN_TWO_BATCHES):  # as in a run of the job
            own, consumed = _measure_assembly(changes), await _measure_consumption(imports, lines.count(b"\n"))
        other = _measure_peer_assembly(changes[::PEER_SHARE])
        found.append((own, other, consumed, _measure_load(lines)))
    return Consumption(count, *(tuple(column) for column in zip(*found, strict=True)))


def _measure_assembly(records: Sequence[Record]) -> float:
    began = time.process_time()
    reader, batch = _reader(), Accumulator(build_shared_triples_filter(SETTINGS))
    target, texts = UpdateTarget(build_uris(SETTINGS)), list[str]()
    for record in records:
        mutation = reader.read(record).mutation
        if mutation is None:
            continue
        if not batch.can_add(mutation):
            texts += build_requests(batch.build_patch(), {}, None, target)
            batch = Accumulator(build_shared_triples_filter(SETTINGS))
        batch.add(mutation)
    texts += build_requests(batch.build_patch(), {}, None, target)
    return len(records) / (time.process_time() - began)


def _measure_peer_assembly(records: Sequence[Record]) -> float:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "messages.ndjson"
        file.write_bytes(b"".join((record.value or b"") + b"\n" for record in records))
        output = subprocess.run([prepare_python("rdflib"), PEER, file], stdout=subprocess.PIPE, check=True).stdout
    measured = json.loads(output)
    return float(measured["messages"] / measured["seconds"])


async def _measure_consumption(records: Sequence[Record], triples: int) -> float:
    """Consume the records with the reader and writer of the consumer, with batches and positions, until all are stored."""
    with TemporaryDirectory() as folder:
        settings = StoreSettings(location=f"{folder}/store")
        reader, writer = _reader(), build_store_writer(settings, RecordingMeter())
        await writer.open()
        began = time.perf_counter()
        for number, record in enumerate(records):
            reading = reader.read(record)
            if reading.mutation is not None:
                await writer.write([reading.mutation])
            writer.advance({reading.partition: reading.position})
            if number % 500 == 0:
                await asyncio.sleep(0)  # as a poll does
        await writer.flush()
        seconds = time.perf_counter() - began
        await writer.close()
    return triples / seconds


def _measure_load(lines: bytes) -> float:
    with TemporaryDirectory() as folder:
        store = Store(folder)
        began = time.perf_counter()
        store.bulk_load(lines, RdfFormat.N_TRIPLES)
        store.flush()
        return lines.count(b"\n") / (time.perf_counter() - began)


def _imports(count: int) -> tuple[list[Record], bytes]:
    """Return messages that import so many entities, and all their triples as N-Triples."""
    generator, vocabulary, uris = EntityGenerator(Random(SEED)), Vocabulary(WIKIDATA), build_uris(SETTINGS)
    imports: list[Mutation] = []
    for number in range(1, count + 1):
        name = f"Q{number}"
        body = serialize_triples(
            describe(generator.make_item(name, triples=ENTITY_TRIPLES), STAMP, vocabulary), "nt", vocabulary
        )
        entity = munge(parse_triples(body, base=uris.entity_data, mime_type="application/n-triples"), name, uris)
        patch = diff(frozenset(), entity, uris)
        imports.append(Mutation(OperationName.IMPORT, name, 1, MOMENT, MOMENT, ORIGIN, TOPIC.topic, patch))
    triples = (triple for mutation in imports for kind in mutation.patch for triple in kind)
    return _records(imports, limit=len(imports)), serialize(triples, format=RdfFormat.N_TRIPLES) or b""


def _records(mutations: Iterable[Mutation], *, limit: int) -> list[Record]:
    events = (
        event
        for mutation in mutations
        for event in encode_mutation(mutation, MessageVersion.V2, domain="www.wikidata.org", now=mutation.time)
    )
    return [
        Record(orjson.dumps(event), None, None, TOPIC, offset)
        for offset, event in zip(range(limit), events, strict=False)
    ]


def _reader() -> MutationReader:
    emitter = Emitter(emitter_id="bench", stream="errors", source_stream="mutation", source_schema_uri="/x/1.0.0")
    return MutationReader(ErrorEncoder(emitter, max_bytes=1 << 20), RecordingMeter())
