"""A Wikibase, Kafka and three stores: after each scenario every store is as if loaded from scratch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from tests.e2e import rdf_scenarios as scenarios
from tests.e2e.rdf_deployment import ERRORS, FAILED, INCONSISTENT, LAPSED, MUTATIONS, Deployment, ended
from tests.e2e.rdf_stores import EmbeddedStore, ServedStore, assert_same, graph_of
from tests.e2e.rdf_wiki import following
from tests.e2e.support import assert_valid, settings

from wikistate.core.rdf.uris import Uris
from wikistate.testing.wikibase import FakeWikibase

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from tests.conftest import NewTopic
    from tests.e2e.rdf_scenarios import Scenario, Site
    from tests.e2e.rdf_stores import FollowingStore, Graph

    from wikistate.testing.broker import KafkaBroker
    from wikistate.testing.processes import Process
    from wikistate.testing.stores import Blazegraph, Fuseki

Event = dict[str, Any]

CONCEPT = "http://wikibase.example"
URIS = Uris.for_wikibase(CONCEPT)


@dataclass
class Followed:
    """A wiki and its stores: those that are served are followed all the time, the embedded one is caught up."""

    site: Site
    jobs: Deployment
    served: Sequence[ServedStore]
    embedded: EmbeddedStore
    running: Sequence[Process]

    async def follow(self, events: Sequence[Event], graph: Graph | None = None, *, of: str) -> None:
        """Tell of changes; in the end all stores hold the graph, which is that of the wiki if none is given."""
        self.jobs.tell(events)
        graph = graph_of(self.site.repository, URIS) if graph is None else graph
        for store in self.served:
            await self.jobs.until(partial(_holds, store, store.loaded(graph)), *self.running)
            assert_same(store, graph, of=of)
        await ended(self.jobs.consumer(self.embedded, name="embedded", end="latest"))
        assert_same(self.embedded, graph, of=of)


def _holds(store: FollowingStore, graph: Graph) -> bool:
    return store.held() == graph


@pytest.fixture
async def followed(
    kafka: KafkaBroker, topic: NewTopic, fuseki: Fuseki, blazegraph: Blazegraph, tmp_path: Path
) -> AsyncIterator[Followed]:
    """All of it, running."""
    site = scenarios.Site()
    stores = [ServedStore(fuseki, tmp_path / "fuseki.ndjson", by_value=False)]
    stores += [ServedStore(blazegraph, tmp_path / "blazegraph.ndjson", by_value=True)]
    for store in stores:
        store.clear()
    async with FakeWikibase(site.repository) as wikibase:
        jobs = Deployment(
            broker=kafka,
            source=topic(),
            folder=tmp_path,
            updating=following(wikibase, rdf__reconcile=f"{scenarios.RECONCILE}[nightly-check]"),
            consuming=settings(store__concept_base=CONCEPT),
        )
        with jobs:
            consumers = [jobs.consumer(store, name=type(store.process).__name__) for store in stores]
            running = [jobs.updater(), *consumers]
            yield Followed(site, jobs, stores, EmbeddedStore(tmp_path / "store"), running)


SCENARIOS: tuple[Scenario, ...] = (
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
)


@pytest.mark.timeout(600)
async def test_after_each_scenario_the_stores_are_as_if_loaded_from_scratch(followed: Followed) -> None:
    """Triple for triple. One story: each scenario goes on with the wiki and the stores that the one before has left."""
    for scenario in SCENARIOS:
        await followed.follow(scenario(followed.site), of=scenario.__name__)
    await late_until_reconciled(followed)
    assert_told(followed)


async def late_until_reconciled(followed: Followed) -> None:
    """An edit that comes too late is told of; the stores keep the revision before until somebody asks."""
    site, jobs = followed.site, followed.jobs
    (marker,) = site.told([site.relabel("Q1", "in time")])
    graph = graph_of(site.repository, URIS)
    (late,) = site.told([site.relabel("Q9", "too late")])
    await followed.follow([late | {"dt": "2024-03-01T12:00:00Z"}, marker], graph, of="late")
    revision = site.repository.current_of("Q9")
    assert [event["revision_id"] for event in jobs.told(LAPSED) if event["item"] == "Q9"][-1] == revision
    await followed.follow([site.reconcile("Q9", revision, "CREATION")], of="reconciled")


def assert_told(followed: Followed) -> None:
    """All kinds of mutations were needed. What could not be fetched was gone already when its edit was told."""
    jobs = followed.jobs
    assert {event["operation"] for event in jobs.told(MUTATIONS)} == {"import", "diff", "delete", "reconcile"}
    for stream in (MUTATIONS, LAPSED, INCONSISTENT, FAILED):
        assert jobs.told(stream)
        assert_valid(jobs.told(stream))
    assert {(event["item"], event["fetch_error_type"]) for event in jobs.told(FAILED)} == {("Q8", "ENTITY_NOT_FOUND")}
    assert jobs.told(ERRORS) == []
    assert [store.errors.read_text() for store in followed.served] == ["", ""]
