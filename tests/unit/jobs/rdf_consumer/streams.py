"""Mutation streams for the tests of the consumer: messages as records."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from tests.unit.jobs.rdf_consumer.memory_store import TOPIC

from wikistate.core.events.encoder import ErrorEncoder
from wikistate.core.events.error_event import Emitter
from wikistate.core.updater.message_fields import MessageVersion
from wikistate.core.updater.messages import encode_mutation
from wikistate.core.updater.reassembly import MAX_MUTATION_TRIPLES
from wikistate.jobs.rdf_consumer.mutation_reader import MutationReader
from wikistate.streaming.record import Record

if TYPE_CHECKING:
    from wikistate.core.events.meta import Event
    from wikistate.core.updater.mutation import Mutation
    from wikistate.telemetry.meter import Meter


def reader(meter: Meter, entity_filter: str = "", *, max_triples: int = MAX_MUTATION_TRIPLES) -> MutationReader:
    """Return a reader with a large limit for its error events."""
    emitter = Emitter(
        emitter_id="test", stream="errors", source_stream="mutation", source_schema_uri="/mediawiki/x/1.0.0"
    )
    errors = ErrorEncoder(emitter, max_bytes=1_000_000)
    return MutationReader(errors, meter, entity_filter=entity_filter, max_triples=max_triples, clock=lambda: 0.0)


def events(mutation: Mutation, *, domain: str = "wiki", version: MessageVersion = MessageVersion.V2) -> list[Event]:
    """Return the messages of a mutation, each of about one triple."""
    return encode_mutation(mutation, version, domain=domain, now=0, soft_maximum=1)


def records(*contents: Event | bytes | None) -> list[Record]:
    """Return records of one partition, from offset 0."""
    return [
        Record(orjson.dumps(content) if isinstance(content, dict) else content, None, None, TOPIC, offset)
        for offset, content in enumerate(contents)
    ]
