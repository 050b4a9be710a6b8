"""Streams of mutations as two sites send them, and the store that they must lead to."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING, NamedTuple

import orjson
from pyoxigraph import Store
from tests.e2e.commands import TIMEOUT
from tests.support.mutation_generator import ROOT, STREAM, MutationGenerator

from wikistate.core.updater.message_fields import MessageVersion
from wikistate.core.updater.messages import encode_mutation

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pyoxigraph import Triple

    from wikistate.core.events.meta import Event
    from wikistate.core.updater.mutation import Mutation
    from wikistate.testing.sse import SseServer

SITES = (f"eqiad.{STREAM}", f"codfw.{STREAM}")
MALFORMED = b'{"$schema": "/mediawiki/wikibase/entity/rdf_change/2.0.0", "meta": {'
ONE_MESSAGE, SEVERAL_MESSAGES = 128_000, 2_000
"""Maximum length of the RDF in a message, in characters."""


class MutationBatch(NamedTuple):
    """A section of a stream.

    Attributes:
        mutations: The mutations in order.
        graph: Graph of a store that is loaded from scratch after them.
    """

    mutations: list[Mutation]
    graph: frozenset[Triple]

    @property
    def latest_event_time(self) -> int:
        """Time of the newest mutation, milliseconds since the epoch."""
        return self.mutations[-1].time


def generate_batches(*counts: int, seed: int = 1, entities: int = 60) -> list[MutationBatch]:
    """Generate a stream in several batches of so many mutations each."""
    graph = MutationGenerator(Random(seed), entities=entities)
    return [MutationBatch(list(graph.generate(count)), graph.expected_graph()) for count in counts]


def encode_lines(mutations: Iterable[Mutation], soft_maximum: int = SEVERAL_MESSAGES) -> list[bytes]:
    """Return the messages of mutations."""
    return [orjson.dumps(event) for event in _encode_events(mutations, soft_maximum)]


def append_mutations(server: SseServer, mutations: Iterable[Mutation], *, malformed: bool = False) -> None:
    """Append mutations to the topics of both sites, whose messages are cut differently, and so have other offsets.

    Args:
        server: Server of the streams.
        mutations: The mutations in order.
        malformed: Append a malformed message to each topic, in the middle of the mutations.
    """
    sent = list(mutations)
    for topic, soft_maximum in zip(SITES, (SEVERAL_MESSAGES, ONE_MESSAGE), strict=True):
        events = _encode_events(sent, soft_maximum)
        for number, event in enumerate(events):
            if malformed and number == len(events) // 2:
                server.append(topic, MALFORMED)
            _append_event(server, topic, event)


def _append_event(server: SseServer, topic: str, event: Event) -> None:
    offset = sum(item.topic == topic for item in server.events)
    position = {"topic": topic, "partition": 0, "offset": offset}
    server.append(topic, orjson.dumps(event | {"meta": event["meta"] | position}))


def _encode_events(mutations: Iterable[Mutation], soft_maximum: int) -> list[Event]:
    return [
        event
        for mutation in mutations
        for event in encode_mutation(
            mutation, MessageVersion.V2, domain="www.wikidata.org", now=mutation.time, soft_maximum=soft_maximum
        )
    ]


async def wait_until_fresh(store: Path, event_time: int) -> None:
    """Return when a store records that it holds all changes up to this event time."""
    freshness = store.with_name(f"{store.name}.freshness")
    async with asyncio.timeout(TIMEOUT):
        while not freshness.exists() or int(freshness.read_text()) < event_time:  # noqa: ASYNC110
            await asyncio.sleep(0.02)  # another process writes it


def read_graph(store: Path) -> frozenset[Triple]:
    """Return the graph of an embedded store that is not open in any process, without bookkeeping triples."""
    triples = {quad.triple for quad in Store(store)}
    return frozenset(each for each in triples if not str(each.subject).startswith(("<urn:wikistate:", f"<{ROOT}>")))
