"""The stores that follow a Wikibase in the end-to-end tests, and the graph that each of them must hold."""

from __future__ import annotations

import re
import urllib.request
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Protocol

from pyoxigraph import (
    DefaultGraph,
    Literal,
    Quad,
    QueryResultsFormat,
    QuerySolutions,
    Store,
    Triple,
    parse_query_results,
)
from tests.e2e.enrichment_job import TIMEOUT, setting_arguments

from wikistate.core.rdf.munge import munge
from wikistate.core.rdf.parse import parse_triples
from wikistate.testing.wikibase.documents import serialize_triples
from wikistate.testing.wikibase.vocabulary import XSD

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.support.stores import StoreProcess

    from wikistate.core.rdf.uris import Uris
    from wikistate.testing.wikibase import Repository

    Graph = frozenset[Triple]

_EVERYTHING = b"SELECT ?s ?p ?o WHERE { ?s ?p ?o }"
_CLEARED = "DELETE { ?s ?p ?o } WHERE { ?s ?p ?o }"
_NUMBERS = {f"{XSD}decimal", f"{XSD}integer"}
_NO_MILLISECONDS = re.compile(r"\.0+Z$")


def graph_of(repository: Repository, uris: Uris) -> Graph:
    """Return the graph of a store that is loaded from a munged dump, read in another format than the jobs read."""
    graph: set[Triple] = set()
    for entity in repository.current_revisions:
        document = repository.document(entity)
        assert document is not None
        body = serialize_triples(document, "nt", repository.vocabulary)
        triples = parse_triples(body, base=repository.vocabulary.document_base, mime_type="application/n-triples")
        graph |= munge(triples, entity, uris)
    return frozenset(graph)


class ConsumedStore(Protocol):
    """A store that one consumer writes."""

    @property
    def arguments(self) -> list[str]:
        """Arguments that configure the store of the consumer."""

    def read_graph(self) -> Graph:
        """Return the triples of the store, without bookkeeping triples."""

    def expected_graph(self, graph: Graph) -> Graph:
        """Return the triples of the store after an import of the graph."""


@dataclass(frozen=True, slots=True)
class EmbeddedStore:
    """Oxigraph in a folder, which is read while no consumer has it open. It may write a number in another form."""

    folder: Path

    @property
    def arguments(self) -> list[str]:
        """See `ConsumedStore`."""
        return ["--store", str(self.folder)]

    def read_graph(self) -> Graph:
        """See `ConsumedStore`."""
        return _without_bookkeeping(quad.triple for quad in Store(self.folder))

    def expected_graph(self, graph: Graph) -> Graph:
        """See `ConsumedStore`."""
        store = Store()
        store.extend(Quad(each.subject, each.predicate, each.object, DefaultGraph()) for each in graph)
        return frozenset(quad.triple for quad in store)


@dataclass(frozen=True, slots=True)
class ServedStore:
    """A SPARQL endpoint.

    Attributes:
        process: The server.
        errors: File of the error events of its consumer.
        by_value: Whether it returns numbers and times in another form.
    """

    process: StoreProcess
    errors: Path
    by_value: bool

    @property
    def arguments(self) -> list[str]:
        """See `ConsumedStore`."""
        errors = ["--error-sink", f"file:{self.errors}"]
        return [
            "--store",
            self.process.update_url,
            *errors,
            *setting_arguments(store__query_url=self.process.query_url),
        ]

    def clear(self) -> None:
        """Delete the triples that other tests have left."""
        self.process.update(_CLEARED)

    def read_graph(self) -> Graph:
        """See `ConsumedStore`."""
        headers = {"Content-Type": "application/sparql-query", "Accept": "application/sparql-results+json"}
        request = urllib.request.Request(self.process.query_url, _EVERYTHING, headers)
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
            rows = parse_query_results(response.read(), QueryResultsFormat.JSON)
        assert isinstance(rows, QuerySolutions)
        return self.expected_graph(_without_bookkeeping(Triple(row["s"], row["p"], row["o"]) for row in rows))

    def expected_graph(self, graph: Graph) -> Graph:
        """See `ConsumedStore`."""
        return frozenset(map(_normalize_triple, graph)) if self.by_value else graph


def assert_same(store: ConsumedStore, graph: Graph, *, of: str = "") -> None:
    """Assert that the store holds exactly the graph; report missing and additional triples, and the last scenario."""
    held, loaded = store.read_graph(), store.expected_graph(graph)
    missing, additional = sorted(map(str, loaded - held)), sorted(map(str, held - loaded))
    shown = "\n".join([f"missing: {line}" for line in missing[:9]] + [f"additional: {line}" for line in additional[:9]])
    assert not shown, f"{of} {store}: {len(missing)} are missing, {len(additional)} additional.\n{shown}"


def _without_bookkeeping(triples: Iterable[Triple]) -> Graph:
    # The freshness of a store stands under the concept base, which is not an entity.
    bookkeeping = re.compile(r"<urn:wikistate:|<https?://[^/>]+>$")
    return frozenset(triple for triple in triples if not bookkeeping.match(str(triple.subject)))


def _normalize_triple(triple: Triple) -> Triple:
    term = triple.object
    if not isinstance(term, Literal):
        return triple
    text = term.value
    if term.datatype.value in _NUMBERS:
        text = format(Decimal(text).normalize(), "f")
    elif term.datatype.value == f"{XSD}dateTime":
        text = _NO_MILLISECONDS.sub("Z", text)
    elif term.datatype.value == f"{XSD}double":
        text = repr(float(text))
    return (
        triple
        if text == term.value
        else Triple(triple.subject, triple.predicate, Literal(text, datatype=term.datatype))
    )
