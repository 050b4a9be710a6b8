"""The triples of one entity in a store, among others with which it shares nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.core.rdf.diff import select_shared
from wikistate.core.rdf.munge import munge
from wikistate.core.rdf.parse import parse_triples
from wikistate.core.sparql.entity_query import build_entity_query, read_entity_triples
from wikistate.core.sparql.updates import UpdateTarget
from wikistate.core.updater.store_patch import StorePatch
from wikistate.ops.verify.stored_forms import find_differences
from wikistate.testing.contracts.stores import WIKIDATA
from wikistate.testing.wikibase import EditSimulator, Repository
from wikistate.testing.wikibase.documents import serialize_triples
from wikistate.testing.wikibase.vocabulary import WIKIDATA as WIKIDATAS_WORDS
from wikistate.testing.wikibase.vocabulary import Vocabulary

if TYPE_CHECKING:
    from pyoxigraph import Triple

    from wikistate.adapters.triplestore.store import TripleStore


def munged() -> dict[str, frozenset[Triple]]:
    """Return entities of each kind and datatype, with forms, senses, sitelinks, shared values and references."""
    repository = Repository(vocabulary=Vocabulary(WIKIDATAS_WORDS))
    editors = EditSimulator(repository, seed=11, triples=60)
    editors.create_initial(8)
    editors.simulate(12)
    graphs: dict[str, frozenset[Triple]] = {}
    for entity in repository.current_revisions:
        body = serialize_triples(repository.document(entity) or (), "ttl", repository.vocabulary)
        graph = munge(parse_triples(body, base=f"{WIKIDATA.entity_data}{entity}"), entity, WIKIDATA)
        if graph:
            graphs[entity] = graph
    return graphs


async def test_entity_query_returns_stored_triples_of_entity(store: TripleStore) -> None:
    """It returns all triples of the entity and none of others, also with shared nodes; none for a missing entity."""
    graphs = munged()
    everything = frozenset().union(*graphs.values())
    linked = select_shared(everything, WIKIDATA)
    await store.apply(StorePatch(added=everything - linked, linked=linked), {}, None)
    target = UpdateTarget(WIKIDATA)
    for entity, graph in graphs.items():
        found = read_entity_triples(await store.query(build_entity_query(entity, target)), entity, WIKIDATA)
        assert not await find_differences(graph, found, store, target), entity
    assert {entity[0] for entity in graphs} == {"Q", "P", "L", "M"}
    assert not await store.query(build_entity_query("Q999999", target))


async def test_query_names_the_named_graph() -> None:
    """The entity is searched in that graph only."""
    assert "GRAPH <http://example/graph>" in build_entity_query(
        "Q1", UpdateTarget(WIKIDATA, graph="http://example/graph")
    )
