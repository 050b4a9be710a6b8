"""A malicious wiki, events and messages: each ends on a side stream or an error stream, and no store is damaged."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING

import orjson
import pytest
from pyoxigraph import Literal, NamedNode
from tests.e2e.enrichment_job import assert_valid, read_lines, setting_arguments
from tests.e2e.kafka_topics import produce
from tests.e2e.rdf_deployment import ERRORS, FAILED, MUTATIONS, RdfDeployment
from tests.e2e.rdf_stores import EmbeddedStore, assert_same, graph_of
from tests.e2e.rdf_wiki import follow_settings

from wikistate.core.rdf.uris import Uris
from wikistate.testing.faults import GzipBomb, HttpRedirect, HttpStatus, HugeBody, Rule, TruncatedBody, WrongRevision
from wikistate.testing.wikibase import FakeWikibase, Item, Repository, build_page_change
from wikistate.testing.wikibase.entity_generator import EntityGenerator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator
    from pathlib import Path

    from tests.conftest import TopicFactory
    from tests.support.broker import KafkaBroker

    from wikistate.testing.faults import Fault
    from wikistate.testing.wikibase import Change

CONCEPT = "http://wikibase.example"
TURTLE = {"Content-Type": "text/turtle; charset=UTF-8"}
HEALTHY = "Q1"
MOST_FAILED = 8
"""Exit code of a job of whose events most are refused."""

FORGED = f"""
<{CONCEPT}/wiki/Special:EntityData/Q9> <http://schema.org/version> 1 ; <http://schema.org/dateModified> "2026-01-01" .
<urn:wikistate:store> a <http://schema.org/Article> ; <urn:wikistate:suspectArticle> <{CONCEPT}/entity/{HEALTHY}> .
"""
"""Statements that would make a store take an item for an orphan."""

RESPONSES: dict[str, Fault] = {
    "Q2": TruncatedBody(),
    "Q3": HttpStatus(200, TURTLE, "{ 'this': 'is no RDF' }"),
    "Q4": WrongRevision(),
    "Q5": HugeBody(200_000_000),
    "Q6": GzipBomb(200_000_000),
    "Q7": HttpRedirect("http://127.0.0.1:9/secret"),
    "Q8": HttpStatus(200, TURTLE, "<< <urn:a> <urn:b> <urn:c> >> <urn:d> <urn:e> ."),
    "Q9": HttpStatus(200, TURTLE, FORGED),
    "Q10": HttpStatus(200, TURTLE, f"<{CONCEPT}/entity/Q1> a <http://wikiba.se/ontology#Item> ."),
}
"""Responses of the wiki instead of the RDF of an entity. An empty response or a web page is transient and retried."""

TITLES = (
    "Item:Q1/../../../etc/passwd",
    "Item:../Q1",
    "Item:Q1?action=raw",
    "Item:Q1#Q2",
    "Item:Q%31",
    "Item:q1",
    "Item:Q01",
    "Item:Q99999999999999999999",
    "Item:Q1 Q2",
    "Item:Q1\r\nHost: evil.example",
    'Item:Q1> ?p ?o } ; DROP ALL ; DELETE { <"',
)

CRAFTED = """
<{document}> a <http://schema.org/Dataset> ; <http://schema.org/about> <{entity}> ;
  <http://schema.org/version> 1 ; <http://schema.org/dateModified> "2026-01-01T00:00:00Z"^^<http://www.w3.org/2001/XMLSchema#dateTime> .
<{entity}> <http://www.w3.org/2000/01/rdf-schema#label> "\\" }} ; DROP ALL ; INSERT DATA {{ <urn:a> <urn:b> \\""@en ;
  <urn:p> <http://evil.example/\\u003E\\u0020\\u007D;DROP\\u0020ALL;#> ;
  <urn:p\\u003E> "1"^^<urn:t\\u0022\\u003E> ;
  <urn:wikistate:topic> "forged" ; <urn:wikistate:partition> 0 ; <urn:wikistate:nextOffset> 7 ;
  <urn:wikistate:completedUntil> "2026-01-01T00:00:00.000Z"^^<http://www.w3.org/2001/XMLSchema#dateTime> ;
  <urn:p> <http://evil.example/\\u000A\\u005C\\u0060\\u005E\\u007C> .
"""


class AttackedWiki:
    """A wiki whose changes go through both jobs into a store."""

    def __init__(self, wikibase: FakeWikibase, jobs: RdfDeployment, store: EmbeddedStore) -> None:
        self.wikibase = wikibase
        self.repository = wikibase.repository
        self.jobs = jobs
        self.store = store

    def send_events(self, changes: Iterable[Change]) -> None:
        """Append the events of changes."""
        self.jobs.append_events([build_page_change(change, self.repository.wiki) for change in changes])

    def edit(self, entity: str, label: str) -> Change:
        """Edit an item."""
        item = self.repository.entity(entity)
        assert isinstance(item, Item)
        return self.repository.save(replace(item, labels={**item.labels, "en": label}))

    async def finish(self, *, updater_status: int = 0, consumer_status: int = 0) -> None:
        """Run both jobs to the end of their topics."""
        await self.jobs.finish(self.store, updater_status=updater_status, consumer_status=consumer_status)


@pytest.fixture
async def attacked(kafka: KafkaBroker, topic: TopicFactory, tmp_path: Path) -> AsyncIterator[AttackedWiki]:
    """Wiki with some items, all of which the store holds."""
    repository, author = Repository(), EntityGenerator(Random(1), items=12)
    first = [repository.save(author.make_item(entity, triples=40)) for entity in (HEALTHY, *RESPONSES)]
    async with FakeWikibase(repository) as wikibase:
        with RdfDeployment(
            broker=kafka,
            source=topic(),
            folder=tmp_path,
            updater_arguments=follow_settings(wikibase),
            consumer_arguments=setting_arguments(store__concept_base=CONCEPT),
        ) as jobs:
            wiki = AttackedWiki(wikibase, jobs, EmbeddedStore(tmp_path / "store"))
            wiki.send_events(first)
            await wiki.finish()
            yield wiki


async def test_malicious_responses_and_events_change_nothing(attacked: AttackedWiki) -> None:
    """Each is reported; the healthy entity is written, and so are the others after the wiki has recovered."""
    healthy = attacked.edit(HEALTHY, "healthy")
    graph = graph_of(attacked.repository, Uris.for_wikibase(CONCEPT))
    edits = [attacked.edit(entity, "attacked") for entity in RESPONSES]
    attacked.wikibase.set_faults(
        [
            Rule(action, revisions=frozenset({edit.revision.rev_id}))
            for edit, action in zip(edits, RESPONSES.values(), strict=True)
        ]
    )
    attacked.send_events(edits)
    attacked.jobs.append_events(list(_with_titles(build_page_change(healthy, attacked.repository.wiki))))
    attacked.send_events([healthy])
    await attacked.finish(updater_status=MOST_FAILED)
    assert_same(attacked.store, graph)
    assert {event["item"] for event in attacked.jobs.read_events(FAILED)} == set(RESPONSES)
    assert_valid(attacked.jobs.read_events(FAILED))
    assert [event["error_type"] for event in attacked.jobs.read_events(ERRORS)] == ["InvalidInput"] * len(TITLES)
    attacked.wikibase.set_faults([])
    attacked.send_events([attacked.edit(entity, "recovered") for entity in RESPONSES])
    await attacked.finish()
    assert_same(attacked.store, graph_of(attacked.repository, Uris.for_wikibase(CONCEPT)))


async def test_malicious_terms_are_terms(attacked: AttackedWiki) -> None:
    """Characters that would end an IRI or a literal are part of it: the entity has its triples, and all others too."""
    graph = graph_of(attacked.repository, Uris.for_wikibase(CONCEPT))
    entity = attacked.repository.save(Item(id="Q50"))
    iri = f"{CONCEPT}/entity/Q50"
    body = CRAFTED.format(document=f"{CONCEPT}/wiki/Special:EntityData/Q50", entity=iri)
    attacked.wikibase.set_faults([Rule(HttpStatus(200, TURTLE, body), revisions=frozenset({entity.revision.rev_id}))])
    attacked.send_events([entity])
    await attacked.finish()
    held = attacked.store.read_graph()
    own = {(triple.predicate.value, triple.object) for triple in held if triple.subject == NamedNode(iri)}
    assert {triple for triple in held if triple.subject != NamedNode(iri)} == attacked.store.expected_graph(graph)
    assert {
        (
            "http://www.w3.org/2000/01/rdf-schema#label",
            Literal('" } ; DROP ALL ; INSERT DATA { <urn:a> <urn:b> "', language="en"),
        ),
        ("urn:p", NamedNode("http://evil.example/%3E%20%7D;DROP%20ALL;#")),
        ("urn:p%3E", Literal("1", datatype=NamedNode("urn:t%22%3E"))),
    } <= own
    assert attacked.jobs.read_events(FAILED) == []


async def test_malicious_messages_change_nothing(attacked: AttackedWiki) -> None:
    """Another producer writes into the stream of mutations: its messages become error events, the next one is applied."""
    graph = graph_of(attacked.repository, Uris.for_wikibase(CONCEPT))
    (good, *_) = attacked.jobs.read_events(MUTATIONS)
    bad = list(_make_malicious_messages(good))
    produce(attacked.jobs.broker, f"{attacked.jobs.source}.{MUTATIONS}", [orjson.dumps(event) for event in bad])
    await attacked.finish(consumer_status=MOST_FAILED)
    assert_same(attacked.store, graph)
    errors = read_lines(attacked.store.folder.with_name("store.errors.ndjson"))
    # An error that shows only in the write makes the job read the batch again, and emit its error events again.
    assert {event["raw_event"] for event in errors} == {orjson.dumps(event).decode() for event in bad}
    assert {event["error_type"] for event in errors} == {"InvalidMutation"}
    attacked.send_events([attacked.edit(HEALTHY, "healthy")])
    await attacked.finish()
    assert_same(attacked.store, graph_of(attacked.repository, Uris.for_wikibase(CONCEPT)))


def _with_titles(event: dict[str, object]) -> Iterator[dict[str, object]]:
    page = event["page"]
    assert isinstance(page, dict)
    return (event | {"page": page | {"page_title": title}} for title in TITLES)


def _make_malicious_messages(good: dict[str, object]) -> Iterator[dict[str, object]]:
    """Yield messages like the good one, each with a malicious value in one field."""
    data = {"mime_type": "text/turtle"}
    forged = f"<urn:wikistate:store> <urn:wikistate:suspectArticle> <{CONCEPT}/entity/{HEALTHY}> ."
    for text in (
        forged,
        "<urn:a> <urn:b> <urn:c> . } ; DROP ALL ; #",
        "<urn:a> <urn:b> ",
        "<a> <b> <../c> .",
        "_:a <urn:b> _:c .",
    ):
        yield good | {"rdf_added_data": {**data, "data": text}}
    bare = {key: value for key, value in good.items() if not key.startswith("rdf_")}
    for entity in ("Q1> ?p ?o } ; DROP ALL ; #", "../Q1", "", "Q1 Q2"):
        yield bare | {"operation": "delete", "entity_id": entity}
