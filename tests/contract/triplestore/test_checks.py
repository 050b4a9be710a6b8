"""The checks of a store before the first update."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest
from pyoxigraph import Literal, NamedNode, RdfFormat, Triple, parse
from tests.support.stores import AuthenticatedOxigraphServer, OxigraphServer

from wikistate.adapters.triplestore.credentials import Basic, Bearer, Credential
from wikistate.adapters.triplestore.endpoint import SparqlEndpoint
from wikistate.adapters.triplestore.endpoint_client import EndpointSettings
from wikistate.adapters.triplestore.oxigraph import OxigraphStore
from wikistate.core.sparql.update_target import UpdateTarget
from wikistate.core.updater.store_metadata import StoreForm, StorePosition
from wikistate.core.updater.store_patch import StorePatch
from wikistate.errors import ConfigError, StoreError
from wikistate.streaming.record import Partition
from wikistate.testing.contracts.small_entities import VALUES, make_article, make_article_link, make_item, parse_triples
from wikistate.testing.contracts.store_operations import read_held_triples
from wikistate.testing.contracts.stores import WIKIDATA

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.contract.triplestore.conftest import StoreTarget
    from tests.support.stores import BlazegraphServer

    from wikistate.adapters.triplestore.store import TripleStore

GRAPH = "http://www.wikidata.org/graph"
PLAIN = parse_triples("<http://www.wikidata.org/wiki/Special:EntityData/Q2> schema:about wd:Q2 ; schema:version 4 .")
PLAIN_ELSEWHERE = parse_triples(
    "<http://h/index.php?title=Spezial:EntityData/Q2> schema:about wd:Q2 ; schema:version 4 ."
)


class NewEndpoint(Protocol):
    """A factory of adapters with short timeouts, which are closed after the test."""

    def __call__(
        self, update: str, query: str = "", *, graph: str | None = None, known: Credential | None = None
    ) -> TripleStore:
        """Return an adapter, not open."""


@pytest.fixture
async def endpoint() -> AsyncIterator[NewEndpoint]:
    """See `NewEndpoint`."""
    made: list[TripleStore] = []

    def make(update: str, query: str = "", *, graph: str | None = None, known: Credential | None = None) -> TripleStore:
        settings = EndpointSettings(update_url=update, query_url=query, credential=known, first_wait=0.01, tries=2)
        made.append(SparqlEndpoint(settings, UpdateTarget(WIKIDATA, graph=graph)))
        return made[-1]

    yield make
    for store in made:
        await store.close()


@pytest.mark.parametrize("target", ["embedded", "oxigraph_server", "fuseki", "blazegraph_quads"], indirect=True)
async def test_all_triples_may_be_in_a_named_graph(target: StoreTarget) -> None:
    """All triples are in the graph and in no other, including positions and freshness."""
    store = target.store(graph=GRAPH)
    await store.open()
    where = {Partition("t"): StorePosition(4, 5000)}
    await store.apply(StorePatch(added=make_item("Q1") | make_item("Q2")), where, 1000)
    await store.apply(
        StorePatch(deleted=frozenset({"Q1"}), removed=make_item("Q2"), added=make_item("Q3")), where, 1000
    )
    assert await store.positions() == where
    assert await store.versions(["Q1", "Q2", "Q3"]) == {"Q3": 1}
    assert await store.counts() == {"Item": 1}
    inside = await store.query(f"SELECT ?s WHERE {{ GRAPH <{GRAPH}> {{ ?s ?p ?o }} }}")
    assert len(inside) == len(make_item("Q3")) + 5
    elsewhere = f"GRAPH ?graph {{ ?s ?p ?o }} FILTER(?graph != <{GRAPH}>)"
    assert await store.query(f"SELECT ?s WHERE {{ {elsewhere} }}") == []
    await store.close()


@pytest.mark.parametrize("union", [False, True])
async def test_entities_outside_of_updated_graph_are_found_at_open(
    endpoint: NewEndpoint, tmp_path: Path, *, union: bool
) -> None:
    """Deletions would succeed and delete nothing, whether queries see the entities or not. The error names the graph."""
    with OxigraphServer(tmp_path, union=union) as server:
        right = endpoint(server.update_url, server.query_url, graph=GRAPH)
        assert (await right.open()).form is StoreForm.EMPTY
        await right.apply(StorePatch(added=make_item("Q1")), {}, None)
        with pytest.raises(StoreError, match=rf"updates do not reach them.*store\.graph.*{GRAPH}"):
            await endpoint(server.update_url, server.query_url).open()
        again = endpoint(server.update_url, server.query_url, graph=GRAPH)
        assert (await again.open()).form is StoreForm.MUNGED
        left = await again.query(f"SELECT ?s WHERE {{ GRAPH <{GRAPH}> {{ ?s ?p ?o }} }}")
        assert len(left) == len(make_item("Q1"))


async def test_store_whose_updates_reach_all_graphs_needs_no_setting(
    endpoint: NewEndpoint, blazegraph_quads: BlazegraphServer
) -> None:
    """Blazegraph deletes a triple in each graph, so the check passes."""
    await endpoint(blazegraph_quads.update_url, graph=GRAPH).open()
    blazegraph_quads.update(f"INSERT DATA {{ GRAPH <{GRAPH}> {{ <a:a> <http://schema.org/version> 1 }} }}")
    store = endpoint(blazegraph_quads.update_url)
    await store.open()
    await store.apply(StorePatch(removed=parse_triples("<a:a> schema:version 1 .")), {}, None)
    assert await store.ask("ASK { <a:a> ?p ?o }") is False


async def test_updates_of_another_store_are_found_at_open(
    oxigraph_server: OxigraphServer, endpoint: NewEndpoint, tmp_path: Path
) -> None:
    """Queries do not see the marker."""
    with OxigraphServer(tmp_path) as other:
        store = endpoint(other.update_url, oxigraph_server.query_url)
        with pytest.raises(StoreError, match=r"does not show it.*Compare the URLs"):
            await store.open()


@pytest.mark.parametrize("data_node", [PLAIN, PLAIN_ELSEWHERE], ids=["usual address", "another address"])
async def test_form_of_store_is_recognised(target: StoreTarget, data_node: frozenset[Triple]) -> None:
    """The subjects of the revisions show it; a mixture is rejected."""
    store = target.store()
    await store.open()
    await store.apply(StorePatch(added=data_node), {}, None)
    await store.close()
    plain = target.store()
    assert (await plain.open()).form is StoreForm.PLAIN
    assert await plain.versions(["Q2"]) == {"Q2": 4}
    await plain.apply(StorePatch(added=make_item("Q1")), {}, None)
    await plain.close()
    mixed = target.store()
    with pytest.raises(StoreError, match=r"mixes two forms.*1 are on the entity"):
        await mixed.open()
    await mixed.close()


@pytest.mark.parametrize("known", [Basic("anybody", "sesame"), Bearer("sesame")])
async def test_endpoint_with_authentication_is_accessible(
    known: Credential, endpoint: NewEndpoint, tmp_path: Path
) -> None:
    """A password and a token are supported; without them, the message names the missing setting. Neither is ever shown."""
    with AuthenticatedOxigraphServer(tmp_path, "sesame") as server:
        store = endpoint(server.update_url, server.query_url, known=known)
        assert (await store.open()).form is StoreForm.EMPTY
        stranger = endpoint(server.update_url, server.query_url)
        with pytest.raises(StoreError, match=r"answers 401: Authentication required.*store\.authentication"):
            await stranger.open()
    assert "sesame" not in repr(known)


async def test_folder_of_another_process_is_a_config_error(tmp_path: Path) -> None:
    """Two writers of one store would not notice each other."""
    first, second = (OxigraphStore(tmp_path / "store", UpdateTarget(WIKIDATA)) for _ in range(2))
    await first.open()
    with pytest.raises(ConfigError, match="no other process"):
        await second.open()
    for store in (first, second):
        await store.close()


async def test_logged_triples_are_written_out_of_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a number of triples they are written to separate files, and not only after gigabytes.

    The newest write-ahead log of RocksDB shows it: it holds only the data in memory. (The number of the written files
    does not, because RocksDB merges them at any time.)
    """
    monkeypatch.setattr("wikistate.adapters.triplestore.oxigraph.LOGGED", 20)
    folder = tmp_path / "store"
    store = OxigraphStore(folder, UpdateTarget(WIKIDATA))
    await store.open()
    await store.apply(StorePatch(added=make_item("Q1"), weight=19), {}, None)
    waiting = max(folder.glob("*.log"))
    assert b"/Q1" in waiting.read_bytes()
    await store.apply(StorePatch(added=make_item("Q2"), weight=1), {}, None)
    newest = max(folder.glob("*.log"))
    assert newest > waiting
    assert b"/Q2" not in newest.read_bytes()
    await store.close()


async def test_applied_batches_survive_restart(tmp_path: Path) -> None:
    """This holds for batches with and without bulk loading."""
    many = frozenset().union(*(make_item(f"Q{number}") for number in range(400)))
    store = OxigraphStore(tmp_path / "store", UpdateTarget(WIKIDATA))
    await store.open()
    await store.apply(StorePatch(added=make_item("Q1000"), linked=make_item("Q1001")), {}, None)
    await store.apply(StorePatch(added=many, deleted=frozenset({"Q1000"})), {Partition("t"): StorePosition(9, 9)}, None)
    await store.close()
    again = OxigraphStore(tmp_path / "store", UpdateTarget(WIKIDATA))
    contents = await again.open()
    assert contents.positions == {Partition("t"): StorePosition(9, 9)}
    assert await again.counts() == {"Item": 401}
    await again.close()


async def test_embedded_store_accepts_iri_that_only_sparql_allows(tmp_path: Path) -> None:
    """Wikis contain addresses that RFC 3987 forbids. They are stored and deleted like others."""
    line = b"<http://www.wikidata.org/entity/Q1> <urn:p> <http://a.test/100%> ."
    odd = frozenset(quad.triple for quad in parse(line, RdfFormat.N_TRIPLES, lenient=True))
    store = OxigraphStore(tmp_path / "store", UpdateTarget(WIKIDATA))
    await store.open()
    await store.apply(StorePatch(added=odd | make_item("Q2")), {}, None)
    assert await store.ask("ASK { ?s <urn:p> ?o }")
    await store.apply(StorePatch(removed=odd, deleted=frozenset({"Q2"})), {}, None)
    assert await store.query("SELECT ?s WHERE { ?s ?p ?o }") == []
    await store.close()


@pytest.mark.parametrize("extra", [0, 2_000])
async def test_orphans_of_a_batch_with_an_iri_that_only_sparql_allows_are_deleted(tmp_path: Path, extra: int) -> None:
    """Such a batch is deleted triple by triple, and still records its possible orphans: a value, and an article."""
    line = b"<http://www.wikidata.org/entity/Q1> <urn:p> <http://a.test/100%> ."
    odd = frozenset(quad.triple for quad in parse(line, RdfFormat.N_TRIPLES, lenient=True))
    more = frozenset(
        Triple(NamedNode("http://www.wikidata.org/entity/Q9"), NamedNode("urn:p"), Literal(str(n)))
        for n in range(extra)
    )
    store = OxigraphStore(tmp_path / "store", UpdateTarget(WIKIDATA))
    await store.open()
    item = make_item("Q1") | make_article_link("Q1", "A")
    await store.apply(StorePatch(added=odd | item, linked=parse_triples(VALUES) | make_article("A")), {}, None)
    unlinked = parse_triples(VALUES) | make_article("A")
    await store.apply(StorePatch(removed=odd | item, unlinked=unlinked, added=more), {}, None)
    assert await read_held_triples(store) == more
    await store.close()
