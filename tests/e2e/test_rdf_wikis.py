"""Other wikis through both jobs: one of files, as Commons is, and one that tells of its changes in the older streams."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

from tests.e2e.rdf_deployment import ERRORS, FAILED, Deployment
from tests.e2e.rdf_stores import EmbeddedStore, assert_same, graph_of
from tests.e2e.rdf_wiki import following
from tests.e2e.support import settings

from wikistate.core.rdf.uris import Uris
from wikistate.testing.wikibase import (
    COMMONS,
    WIKIDATA,
    Editors,
    FakeWikibase,
    Kind,
    Repository,
    Vocabulary,
    legacy_event,
    page_change,
    wikibase_wiki,
)
from wikistate.testing.wikibase.authors import Author

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import NewTopic

    from wikistate.testing.broker import KafkaBroker

DOMAIN = "commons.wikimedia.org"
SEED = 7


async def test_files_with_statements_about_items_of_another_wiki(
    kafka: KafkaBroker, topic: NewTopic, tmp_path: Path
) -> None:
    """Created, edited, deleted and restored: the store is as if loaded from scratch, in two rounds."""
    wiki = wikibase_wiki(DOMAIN, concept=COMMONS, namespaces={Kind.MEDIA: 6})
    repository = Repository(wiki, vocabulary=Vocabulary(COMMONS, WIKIDATA))
    first = [repository.save(Author(Random(SEED)).media(repository.new_id(Kind.MEDIA), "First.jpg"))]
    editors = Editors(repository, seed=SEED, kinds=(Kind.MEDIA,))
    store = EmbeddedStore(tmp_path / "store")
    async with FakeWikibase(repository) as wikibase:
        updating = following(wikibase, rdf__scheme="federated", rdf__concept_base=COMMONS)
        updating += settings(rdf__hostname=DOMAIN, rdf__entity_namespaces=[])
        consuming = settings(store__concept_base=COMMONS, store__federated_concept_base=WIKIDATA)
        with Deployment(broker=kafka, source=topic(), folder=tmp_path, updating=updating, consuming=consuming) as jobs:
            for changes in (60, 60):
                jobs.tell([page_change(change, wiki) for change in (*first, *editors.bustle(changes))])
                first = []
                await jobs.finish(store)
                assert_same(store, graph_of(repository, Uris.for_federated(COMMONS, WIKIDATA)))
            assert {event["fetch_error_type"] for event in jobs.told(FAILED)} <= {"ENTITY_NOT_FOUND"}
            assert jobs.told(ERRORS) == []
    assert {change.kind for change in repository.journal} >= {"create", "edit", "delete", "undelete"}


async def test_a_wiki_that_tells_of_its_changes_in_the_older_streams(
    kafka: KafkaBroker, topic: NewTopic, tmp_path: Path
) -> None:
    """Revisions, deletions, suppressed ones and undeletions, each with a schema of its own; the store ends the same."""
    repository, store = Repository(), EmbeddedStore(tmp_path / "store")
    editors = Editors(repository, seed=SEED, triples=40)
    editors.found(10)
    async with FakeWikibase(repository) as wikibase:
        updating = following(wikibase, rdf__legacy_inputs=True)
        consuming = settings(store__concept_base="http://wikibase.example")
        with Deployment(broker=kafka, source=topic(), folder=tmp_path, updating=updating, consuming=consuming) as jobs:
            editors.bustle(200)
            events = [legacy_event(change, repository.wiki) for change in repository.journal]
            jobs.tell([event for event in events if event is not None])
            await jobs.finish(store)
            assert_same(store, graph_of(repository, Uris.for_wikibase("http://wikibase.example")))
            assert jobs.told(ERRORS) == []
    streams = {event["meta"]["stream"] for event in events if event is not None}
    assert streams == {
        f"mediawiki.{name}" for name in ("revision-create", "page-delete", "page-suppress", "page-undelete")
    }
