"""The stores that follow a Wikibase in the end-to-end tests, and what each of them must hold."""

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
    """What a store holds that was loaded from a dump of the wiki, munged; read in the other format than the jobs do."""
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
        """What tells the consumer where it is."""

    def read_graph(self) -> Graph:
        """All that it holds, without its books."""

    def expected_graph(self, graph: Graph) -> Graph:
        """What it would hold if the graph had been loaded into it."""


@dataclass(frozen=True, slots=True)
class EmbeddedStore:
    """Oxigraph in a folder, which is read while no consumer has it open. It may write a number in another way."""

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
    """An endpoint.

    Attributes:
        process: The server.
        errors: Where its consumer tells of what it cannot read.
        by_value: Whether it gives numbers and times back in a form of its own.
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
        """Take out what other tests have left."""
        self.process.update(_CLEARED)

    def read_graph(self) -> Graph:
        """See `ConsumedStore`."""
        headers = {"Content-Type": "application/sparql-query", "Accept": "application/sparql-results+json"}
        request = urllib.request.Request(self.process.query_url, _EVERYTHING, headers)
        with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
            rows = parse_query_results(answer.read(), QueryResultsFormat.JSON)
        assert isinstance(rows, QuerySolutions)
        return self.expected_graph(_without_bookkeeping(Triple(row["s"], row["p"], row["o"]) for row in rows))

    def expected_graph(self, graph: Graph) -> Graph:
        """See `ConsumedStore`."""
        return frozenset(map(_normalize_triple, graph)) if self.by_value else graph


def assert_same(store: ConsumedStore, graph: Graph, *, of: str = "") -> None:
    """The store holds exactly the graph. Says which triples are missing and which are too many, and after what."""
    held, loaded = store.read_graph(), store.expected_graph(graph)
    missing, additional = sorted(map(str, loaded - held)), sorted(map(str, held - loaded))
    shown = "\n".join([f"missing: {line}" for line in missing[:9]] + [f"too many: {line}" for line in additional[:9]])
    assert not shown, f"{of} {store}: {len(missing)} are missing, {len(additional)} too many.\n{shown}"


def _without_bookkeeping(triples: Iterable[Triple]) -> Graph:
    # How fresh a store is stands under the concept base, which is no entity.
    ours = re.compile(r"<urn:wikistate:|<https?://[^/>]+>$")
    return frozenset(triple for triple in triples if not ours.match(str(triple.subject)))


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
