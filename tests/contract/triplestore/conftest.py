"""A fixture with each kind of triple store, empty."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from tests.support.stores import BlazegraphServer

from wikistate.adapters.triplestore.endpoint import SparqlEndpoint
from wikistate.adapters.triplestore.endpoint_client import EndpointSettings
from wikistate.adapters.triplestore.oxigraph import OxigraphStore
from wikistate.core.sparql.update_target import UpdateTarget
from wikistate.testing.contracts.stores import WIKIDATA

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.support.stores import StoreProcess

    from wikistate.adapters.triplestore.store import TripleStore

_EVERYTHING = (
    "DELETE { ?s ?p ?o } WHERE { ?s ?p ?o } ; DELETE { GRAPH ?g { ?s ?p ?o } } WHERE { GRAPH ?g { ?s ?p ?o } }"
)
_DEFAULT = "DELETE { ?s ?p ?o } WHERE { ?s ?p ?o }"


@dataclass(frozen=True, slots=True)
class StoreTarget:
    """The place of a store. See `StorePlace` for the protocol.

    Attributes:
        name: The kind of store.
        process: The server; None for the embedded store.
        folder: The folder of the embedded store.
    """

    name: str
    process: StoreProcess | None
    folder: Path

    @property
    def reports_changes(self) -> bool:
        """See `StorePlace`. Only Blazegraph does."""
        return self.name == "blazegraph"

    @property
    def splits_requests(self) -> bool:
        """See `StorePlace`. The embedded store has no requests."""
        return self.process is not None

    def store(self, *, graph: str | None = None, orphans: bool = True, request_bytes: int = 8 << 20) -> TripleStore:
        """Return a new adapter, not open."""
        target = UpdateTarget(WIKIDATA, graph=graph, deletes_orphans=orphans, max_request_bytes=request_bytes)
        if self.process is None:
            return OxigraphStore(self.folder, target)
        settings = EndpointSettings(update_url=self.process.update_url, query_url=self.process.query_url)
        return SparqlEndpoint(settings, target)


@pytest.fixture(scope="session")
def blazegraph_quads(
    blazegraph: BlazegraphServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BlazegraphServer]:
    """A Blazegraph with named graphs, which queries see as one graph."""
    del blazegraph  # requested because it skips the test if Blazegraph cannot be installed
    with BlazegraphServer(tmp_path_factory.mktemp("quads"), quads=True) as store:
        yield store


@pytest.fixture(params=["embedded", "oxigraph_server", "fuseki", "blazegraph"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> StoreTarget:
    """Return each kind of store, empty."""
    if request.param == "embedded":
        return StoreTarget(request.param, None, tmp_path / "store")
    process: StoreProcess = request.getfixturevalue(request.param)
    process.update(_DEFAULT if request.param == "blazegraph" else _EVERYTHING)
    return StoreTarget(request.param, process, tmp_path)


@pytest.fixture
async def store(target: StoreTarget) -> AsyncIterator[TripleStore]:
    """Return each kind of store, empty and open."""
    opened = target.store()
    await opened.open()
    yield opened
    await opened.close()
