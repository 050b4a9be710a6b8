"""Every triple store, empty, behind one fixture."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from pyoxigraph import Literal, Triple
from tests.support.stores import BlazegraphServer

from wikistate.adapters.triplestore.endpoint import EndpointSettings, SparqlEndpoint
from wikistate.adapters.triplestore.oxigraph import OxigraphStore
from wikistate.core.rdf.uris import Uris
from wikistate.core.sparql.updates import UpdateTarget

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.support.stores import StoreProcess

    from wikistate.adapters.triplestore.store import TripleStore

WIKIDATA = Uris.for_wikibase("http://www.wikidata.org")
_EVERYTHING = (
    "DELETE { ?s ?p ?o } WHERE { ?s ?p ?o } ; DELETE { GRAPH ?g { ?s ?p ?o } } WHERE { GRAPH ?g { ?s ?p ?o } }"
)
_DEFAULT = "DELETE { ?s ?p ?o } WHERE { ?s ?p ?o }"


@dataclass(frozen=True, slots=True)
class StoreTarget:
    """A place for a store.

    Attributes:
        name: Of the kind of store.
        process: The server; None for the embedded one.
        folder: Of the embedded one.
    """

    name: str
    process: StoreProcess | None
    folder: Path

    def store(self, *, graph: str | None = None, orphans: bool = True, request_bytes: int = 8 << 20) -> TripleStore:
        """A new adapter for it, not opened."""
        dialect = UpdateTarget(WIKIDATA, graph=graph, deletes_orphans=orphans, max_request_bytes=request_bytes)
        if self.process is None:
            return OxigraphStore(self.folder, dialect)
        settings = EndpointSettings(update_url=self.process.update_url, query_url=self.process.query_url)
        return SparqlEndpoint(settings, dialect)


@pytest.fixture(scope="session")
def blazegraph_quads(
    blazegraph: BlazegraphServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BlazegraphServer]:
    """A Blazegraph whose triples may stand in graphs, which queries see as one."""
    del blazegraph  # asked for because it skips the test where the part cannot be had
    with BlazegraphServer(tmp_path_factory.mktemp("quads"), quads=True) as store:
        yield store


@pytest.fixture(params=["embedded", "oxigraph_server", "fuseki", "blazegraph"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> StoreTarget:
    """Each kind of store, empty."""
    if request.param == "embedded":
        return StoreTarget(request.param, None, tmp_path / "store")
    process: StoreProcess = request.getfixturevalue(request.param)
    process.update(_DEFAULT if request.param == "blazegraph" else _EVERYTHING)
    return StoreTarget(request.param, process, tmp_path)


@pytest.fixture
async def store(target: StoreTarget) -> AsyncIterator[TripleStore]:
    """Each kind of store, empty and open."""
    opened = target.store()
    await opened.open()
    yield opened
    await opened.close()


async def read_held_triples(store: TripleStore) -> set[Triple]:
    """All triples of entities that a store holds: without its books and its freshness. Times are compared by value."""
    rows = await store.query("SELECT ?s ?p ?o WHERE { ?s ?p ?o }")
    found = {Triple(row["s"], row["p"], _normalize_term(row["o"])) for row in rows}  # type: ignore[arg-type]
    return {t for t in found if not str(t.subject).startswith(("<urn:wikistate:", "<http://www.wikidata.org>"))}


def _normalize_term(term: object) -> object:
    if isinstance(term, Literal) and term.value.endswith(".000Z"):
        return Literal(term.value.removesuffix(".000Z") + "Z", datatype=term.datatype)
    return term
