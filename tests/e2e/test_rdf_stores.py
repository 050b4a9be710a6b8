"""A Wikibase, Kafka and three stores: after each scenario every store equals one loaded from scratch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest
from tests.e2e import rdf_scenarios as scenarios
from tests.e2e.enrichment_job import assert_valid, setting_arguments
from tests.e2e.rdf_deployment import ERRORS, FAILED, INCONSISTENT, LAPSED, MUTATIONS, RdfDeployment, wait_for_end
from tests.e2e.rdf_stores import EmbeddedStore, ServedStore, assert_same, graph_of
from tests.e2e.rdf_wiki import follow_settings

from wikistate.core.rdf.uris import Uris
from wikistate.testing.wikibase import FakeWikibase

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

    from tests.conftest import TopicFactory
    from tests.e2e.rdf_scenarios import Scenario, WikiSite
    from tests.e2e.rdf_stores import ConsumedStore, Graph
    from tests.support.broker import KafkaBroker
    from tests.support.processes import Process
    from tests.support.stores import BlazegraphServer, FusekiServer

Event = dict[str, Any]

CONCEPT = "http://wikibase.example"
URIS = Uris.for_wikibase(CONCEPT)


@dataclass
class FollowedWiki:
    """A wiki and its stores: consumers follow it into the served ones, the embedded one catches up in each scenario."""

    site: WikiSite
    jobs: RdfDeployment
    served: Sequence[ServedStore]
    embedded: EmbeddedStore
    running: Sequence[Process]

    async def follow(self, events: Sequence[Event], graph: Graph | None = None, *, of: str) -> None:
        """Append events, and assert that all stores hold the graph in the end, by default that of the wiki."""
        self.jobs.append_events(events)
        graph = graph_of(self.site.repository, URIS) if graph is None else graph
        for store in self.served:
            await self.jobs.wait_until(partial(_holds, store, store.expected_graph(graph)), *self.running)
            assert_same(store, graph, of=of)
        await wait_for_end(self.jobs.start_consumer(self.embedded, name="embedded", end="latest"), 0)
        assert_same(self.embedded, graph, of=of)


def _holds(store: ConsumedStore, graph: Graph) -> bool:
    return store.read_graph() == graph


@pytest.fixture
async def followed(
    kafka: KafkaBroker, topic: TopicFactory, fuseki: FusekiServer, blazegraph: BlazegraphServer, tmp_path: Path
) -> AsyncIterator[FollowedWiki]:
    """Wiki and stores with all jobs running."""
    site = scenarios.WikiSite()
    stores = [ServedStore(fuseki, tmp_path / "fuseki.ndjson", by_value=False)]
    stores += [ServedStore(blazegraph, tmp_path / "blazegraph.ndjson", by_value=True)]
    for store in stores:
        store.clear()
    async with FakeWikibase(site.repository) as wikibase:
        jobs = RdfDeployment(
            broker=kafka,
            source=topic(),
            folder=tmp_path,
            updater_arguments=follow_settings(wikibase, rdf__reconcile=f"{scenarios.RECONCILE}[nightly-check]"),
            consumer_arguments=setting_arguments(store__concept_base=CONCEPT),
        )
        with jobs:
            consumers = [jobs.start_consumer(store, name=type(store.process).__name__) for store in stores]
            running = [jobs.start_updater(), *consumers]
            yield FollowedWiki(site, jobs, stores, EmbeddedStore(tmp_path / "store"), running)


SCENARIOS: tuple[Scenario, ...] = (
    scenarios.create_entities,
    scenarios.edit_entities,
    scenarios.delete_entities,
    scenarios.undelete_entities,
    scenarios.redirect_items,
    scenarios.merge_items,
    scenarios.merge_in_reverse_order,
    scenarios.move_sitelink,
    scenarios.hide_published_revision,
    scenarios.deliver_out_of_order,
    scenarios.deliver_new_entity_out_of_order,
    scenarios.duplicate_events,
    scenarios.skip_event,
    scenarios.reconcile_missed_changes,
    scenarios.write_injection_texts,
)


@pytest.mark.timeout(600)
async def test_stores_equal_ones_loaded_from_scratch_after_each_scenario(followed: FollowedWiki) -> None:
    """The scenarios form one sequence: each begins with the wiki and the stores of the one before."""
    for scenario in SCENARIOS:
        await followed.follow(scenario(followed.site), of=scenario.__name__)
    await check_late_edit(followed)
    assert_streams(followed)


async def check_late_edit(followed: FollowedWiki) -> None:
    """Assert that an edit that arrives too late is reported, and that the stores have it after a reconciliation."""
    site, jobs = followed.site, followed.jobs
    (marker,) = site.encode_changes([site.relabel("Q1", "in time")])
    graph = graph_of(site.repository, URIS)
    (late,) = site.encode_changes([site.relabel("Q9", "too late")])
    await followed.follow([late | {"dt": "2024-03-01T12:00:00Z"}, marker], graph, of="late")
    revision = site.repository.current_revision("Q9")
    assert [event["revision_id"] for event in jobs.read_events(LAPSED) if event["item"] == "Q9"][-1] == revision
    await followed.follow([site.reconcile("Q9", revision, "CREATION")], of="reconciled")


def assert_streams(followed: FollowedWiki) -> None:
    """Assert that all kinds of mutations occurred; the only fetch failures are of an entity deleted before its event."""
    jobs = followed.jobs
    assert {event["operation"] for event in jobs.read_events(MUTATIONS)} == {"import", "diff", "delete", "reconcile"}
    for stream in (MUTATIONS, LAPSED, INCONSISTENT, FAILED):
        assert jobs.read_events(stream)
        assert_valid(jobs.read_events(stream))
    assert {(event["item"], event["fetch_error_type"]) for event in jobs.read_events(FAILED)} == {
        ("Q8", "ENTITY_NOT_FOUND")
    }
    assert jobs.read_events(ERRORS) == []
    assert [store.errors.read_text() for store in followed.served] == ["", ""]
