"""Other wikis through both jobs: one of files, as Commons is, and one with the older streams of changes."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from tests.e2e.enrichment_job import setting_arguments
from tests.e2e.rdf_deployment import ERRORS, FAILED, RdfDeployment
from tests.e2e.rdf_stores import EmbeddedStore, assert_same, graph_of
from tests.e2e.rdf_wiki import follow_settings

from wikistate.core.rdf.uris import Uris
from wikistate.testing.wikibase import (
    COMMONS,
    WIKIDATA,
    EditSimulator,
    EntityKind,
    FakeWikibase,
    Repository,
    Vocabulary,
    build_legacy_event,
    build_page_change,
    make_wikibase_wiki,
)
from wikistate.testing.wikibase.entity_generator import EntityGenerator

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import TopicFactory
    from tests.support.broker import KafkaBroker

DOMAIN = "commons.wikimedia.org"
SEED = 7


async def test_files_with_statements_about_items_of_another_wiki(
    kafka: KafkaBroker, topic: TopicFactory, tmp_path: Path
) -> None:
    """After creations, edits, deletions and restores the store equals one loaded from scratch, in two rounds."""
    wiki = make_wikibase_wiki(DOMAIN, concept_base=COMMONS, namespaces={EntityKind.MEDIA: 6})
    repository = Repository(wiki, vocabulary=Vocabulary(COMMONS, WIKIDATA))
    first = [
        repository.save(EntityGenerator(Random(SEED)).make_media(repository.next_id(EntityKind.MEDIA), "First.jpg"))
    ]
    editors = EditSimulator(repository, seed=SEED, kinds=(EntityKind.MEDIA,))
    store = EmbeddedStore(tmp_path / "store")
    async with FakeWikibase(repository) as wikibase:
        updating = follow_settings(wikibase, rdf__scheme="federated", rdf__concept_base=COMMONS)
        updating += setting_arguments(rdf__hostname=DOMAIN, rdf__entity_namespaces=[])
        consuming = setting_arguments(store__concept_base=COMMONS, store__federated_concept_base=WIKIDATA)
        with RdfDeployment(
            broker=kafka, source=topic(), folder=tmp_path, updater_arguments=updating, consumer_arguments=consuming
        ) as jobs:
            for changes in (60, 60):
                jobs.append_events([build_page_change(change, wiki) for change in (*first, *editors.simulate(changes))])
                first = []
                await jobs.finish(store)
                assert_same(store, graph_of(repository, Uris.for_federated(COMMONS, WIKIDATA)))
            assert {event["fetch_error_type"] for event in jobs.read_events(FAILED)} <= {"ENTITY_NOT_FOUND"}
            assert jobs.read_events(ERRORS) == []
    assert {change.kind for change in repository.journal} >= {"create", "edit", "delete", "undelete"}


async def test_wiki_with_the_older_streams_of_changes(kafka: KafkaBroker, topic: TopicFactory, tmp_path: Path) -> None:
    """Revisions, deletions, suppressions and undeletions have separate schemas; the store is the same in the end."""
    repository, store = Repository(), EmbeddedStore(tmp_path / "store")
    editors = EditSimulator(repository, seed=SEED, triples=40)
    editors.create_initial(10)
    async with FakeWikibase(repository) as wikibase:
        updating = follow_settings(wikibase, rdf__legacy_inputs=True)
        consuming = setting_arguments(store__concept_base="http://wikibase.example")
        with RdfDeployment(
            broker=kafka, source=topic(), folder=tmp_path, updater_arguments=updating, consumer_arguments=consuming
        ) as jobs:
            editors.simulate(200)
            events = [build_legacy_event(change, repository.wiki) for change in repository.journal]
            jobs.append_events([event for event in events if event is not None])
            await jobs.finish(store)
            assert_same(store, graph_of(repository, Uris.for_wikibase("http://wikibase.example")))
            assert jobs.read_events(ERRORS) == []
    streams = {event["meta"]["stream"] for event in events if event is not None}
    assert streams == {
        f"mediawiki.{name}" for name in ("revision-create", "page-delete", "page-suppress", "page-undelete")
    }
