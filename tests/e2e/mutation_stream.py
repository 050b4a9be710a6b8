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
"""How long the RDF of a message may be, in characters."""


class MutationBatch(NamedTuple):
    """Some of a stream.

    Attributes:
        mutations: In order.
        graph: What a store that was loaded from scratch holds after them.
    """

    mutations: list[Mutation]
    graph: frozenset[Triple]

    @property
    def latest_event_time(self) -> int:
        """The time of the newest mutation, milliseconds since the epoch."""
        return self.mutations[-1].time


def generate_batches(*counts: int, seed: int = 1, entities: int = 60) -> list[MutationBatch]:
    """A stream in several stretches of so many mutations each."""
    graph = MutationGenerator(Random(seed), entities=entities)
    return [MutationBatch(list(graph.generate(count)), graph.expected_graph()) for count in counts]


def encode_lines(mutations: Iterable[Mutation], soft_maximum: int = SEVERAL_MESSAGES) -> list[bytes]:
    """The messages of mutations."""
    return [orjson.dumps(event) for event in _encode_events(mutations, soft_maximum)]


def append_mutations(server: SseServer, mutations: Iterable[Mutation], *, malformed: bool = False) -> None:
    """Put mutations into the topics of both sites, whose messages are cut differently, and so have other offsets.

    Args:
        server: Whose streams they are.
        mutations: In order.
        malformed: Put something that is no message into each topic, in their middle.
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
    place = {"topic": topic, "partition": 0, "offset": offset}
    server.append(topic, orjson.dumps(event | {"meta": event["meta"] | place}))


def _encode_events(mutations: Iterable[Mutation], soft_maximum: int) -> list[Event]:
    return [
        event
        for mutation in mutations
        for event in encode_mutation(
            mutation, MessageVersion.V2, domain="www.wikidata.org", now=mutation.time, soft_maximum=soft_maximum
        )
    ]


async def wait_until_fresh(store: Path, moment: int) -> None:
    """Return when a store says that it holds all changes up to this moment."""
    note = store.with_name(f"{store.name}.freshness")
    async with asyncio.timeout(TIMEOUT):
        while not note.exists() or int(note.read_text()) < moment:  # noqa: ASYNC110
            await asyncio.sleep(0.02)  # another process writes it


def read_graph(store: Path) -> frozenset[Triple]:
    """The graph of an embedded store that nobody has open, without its books."""
    triples = {quad.triple for quad in Store(store)}
    return frozenset(each for each in triples if not str(each.subject).startswith(("<urn:wikistate:", f"<{ROOT}>")))
