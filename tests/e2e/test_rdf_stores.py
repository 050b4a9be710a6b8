"""A Wikibase, Kafka and three stores: after each scenario every store is as if loaded from scratch.

The tests are steps of one story: each goes on with the wiki and the stores that the one before has left.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio
from tests.e2e import rdf_scenarios as scenarios
from tests.e2e.rdf_deployment import ERRORS, FAILED, INCONSISTENT, LAPSED, MUTATIONS, Deployment, ended
from tests.e2e.rdf_stores import EmbeddedStore, ServedStore, assert_same, graph_of
from tests.e2e.rdf_wiki import following
from tests.e2e.support import assert_valid, settings

from wikistate.core.rdf.uris import Uris
from wikistate.testing.wikibase import FakeWikibase

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from tests.e2e.rdf_scenarios import Scenario, Site
    from tests.e2e.rdf_stores import FollowingStore, Graph

    from wikistate.testing.broker import KafkaBroker
    from wikistate.testing.processes import Process
    from wikistate.testing.stores import Blazegraph, Fuseki

Event = dict[str, Any]

pytestmark = pytest.mark.asyncio(loop_scope="module")

CONCEPT = "http://wikibase.example"
URIS = Uris.wikibase(CONCEPT)


@dataclass
class Followed:
    """A wiki and its stores: those that are served are followed all the time, the embedded one is caught up."""

    site: Site
    jobs: Deployment
    served: Sequence[ServedStore]
    embedded: EmbeddedStore
    running: Sequence[Process]

    async def follow(self, events: Sequence[Event], graph: Graph | None = None) -> None:
        """Tell of changes; in the end all stores hold the graph, which is that of the wiki if none is given."""
        self.jobs.tell(events)
        graph = graph_of(self.site.repository, URIS) if graph is None else graph
        for store in self.served:
            await self.jobs.until(partial(_holds, store, store.loaded(graph)), *self.running)
            assert_same(store, graph)
        await ended(self.jobs.consumer(self.embedded, name="embedded", end="latest"))
        assert_same(self.embedded, graph)


def _holds(store: FollowingStore, graph: Graph) -> bool:
    return store.held() == graph


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def followed(
    kafka: KafkaBroker, fuseki: Fuseki, blazegraph: Blazegraph, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Followed]:
    """All of it, running."""
    folder = tmp_path_factory.mktemp("followed")
    site = scenarios.Site()
    stores = [ServedStore(fuseki, folder / "fuseki.ndjson", by_value=False)]
    stores += [ServedStore(blazegraph, folder / "blazegraph.ndjson", by_value=True)]
    for store in stores:
        store.clear()
    async with FakeWikibase(site.repository) as wikibase:
        jobs = Deployment(
            broker=kafka,
            source=kafka.create_topic(folder.name),
            folder=folder,
            updating=following(wikibase, rdf__reconcile=f"{scenarios.RECONCILE}[nightly-check]"),
            consuming=settings(store__concept_base=CONCEPT),
        )
        with jobs:
            consumers = [jobs.consumer(store, name=type(store.process).__name__) for store in stores]
            running = [jobs.updater(), *consumers]
            yield Followed(site, jobs, stores, EmbeddedStore(folder / "store"), running)


@pytest.mark.parametrize(
    "scenario",
    [
        scenarios.created,
        scenarios.edited,
        scenarios.deleted,
        scenarios.undeleted,
        scenarios.redirected,
        scenarios.merged,
        scenarios.merged_in_reverse,
        scenarios.moved_sitelink,
        scenarios.hidden,
        scenarios.out_of_order,
        scenarios.new_out_of_order,
        scenarios.duplicated,
        scenarios.missed,
        scenarios.reconciled,
        scenarios.crafted,
    ],
    ids=lambda scenario: scenario.__name__,
)
async def test_the_stores_are_as_if_loaded_from_scratch(scenario: Scenario, followed: Followed) -> None:
    """Triple for triple, one scenario after the other on the same wiki."""
    await followed.follow(scenario(followed.site))


async def test_a_late_edit_is_told_and_waits_for_a_reconciliation(followed: Followed) -> None:
    """Nobody takes it for the order of things; the stores keep the revision before until somebody asks."""
    site, jobs = followed.site, followed.jobs
    (marker,) = site.told([site.relabel("Q1", "in time")])
    graph = graph_of(site.repository, URIS)
    (late,) = site.told([site.relabel("Q9", "too late")])
    await followed.follow([late | {"dt": "2024-03-01T12:00:00Z"}, marker], graph)
    revision = site.repository.current_of("Q9")
    assert [event["revision_id"] for event in jobs.told(LAPSED) if event["item"] == "Q9"][-1] == revision
    await followed.follow([site.reconcile("Q9", revision, "CREATION")])


async def test_what_was_told_on_the_way_is_valid_and_complete(followed: Followed) -> None:
    """All kinds of mutations were needed. What could not be fetched was gone already when its edit was told."""
    jobs = followed.jobs
    assert {event["operation"] for event in jobs.told(MUTATIONS)} == {"import", "diff", "delete", "reconcile"}
    for stream in (MUTATIONS, LAPSED, INCONSISTENT, FAILED):
        assert jobs.told(stream)
        assert_valid(jobs.told(stream))
    assert {(event["item"], event["fetch_error_type"]) for event in jobs.told(FAILED)} == {("Q8", "ENTITY_NOT_FOUND")}
    assert jobs.told(ERRORS) == []
    assert [store.errors.read_text() for store in followed.served] == ["", ""]
