"""What a store is found to hold of one entity, among others with which it shares nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.core.rdf.compare import compare_graphs
from wikistate.core.rdf.diff import select_shared
from wikistate.core.rdf.munge import munge
from wikistate.core.rdf.parse import parse_triples
from wikistate.core.sparql.entity_query import build_entity_query, read_entity_triples
from wikistate.core.sparql.updates import UpdateTarget
from wikistate.core.updater.store_patch import StorePatch
from wikistate.testing.contracts.stores import WIKIDATA
from wikistate.testing.wikibase import EditSimulator, Repository
from wikistate.testing.wikibase.documents import serialize_triples
from wikistate.testing.wikibase.vocabulary import WIKIDATA as WIKIDATAS_WORDS
from wikistate.testing.wikibase.vocabulary import Vocabulary

if TYPE_CHECKING:
    from pyoxigraph import Triple

    from wikistate.adapters.triplestore.store import TripleStore


def munged() -> dict[str, frozenset[Triple]]:
    """Entities of every kind and datatype, with forms, senses, sitelinks, shared values and references."""
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


async def test_what_a_store_holds_of_an_entity_is_what_was_put_there(store: TripleStore) -> None:
    """All of it and nothing of the others, whatever they share; of one that is not there, nothing."""
    graphs = munged()
    everything = frozenset().union(*graphs.values())
    linked = select_shared(everything, WIKIDATA)
    await store.apply(StorePatch(added=everything - linked, linked=linked), {}, None)
    dialect = UpdateTarget(WIKIDATA)
    for entity, graph in graphs.items():
        found = read_entity_triples(await store.query(build_entity_query(entity, dialect)), entity, WIKIDATA)
        assert not compare_graphs(graph, found), entity
    assert {entity[0] for entity in graphs} == {"Q", "P", "L", "M"}
    assert not await store.query(build_entity_query("Q999999", dialect))


async def test_in_a_named_graph_it_is_looked_for_there() -> None:
    """The query names the graph."""
    assert "GRAPH <http://example/graph>" in build_entity_query(
        "Q1", UpdateTarget(WIKIDATA, graph="http://example/graph")
    )
