"""Common options of the SPARQL operations for one store. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from wikistate.core.sparql.terms import format_iri
from wikistate.core.sparql.vocabulary import VERSION

if TYPE_CHECKING:
    from wikistate.core.rdf.uris import Uris


class UpdateTarget(NamedTuple):
    """Common options of the operations for one store.

    Attributes:
        uris: IRIs of the Wikibase.
        graph: IRI of the named graph that holds everything; None for the default graph.
        deletes_orphans: Whether values, references and sites are deleted when nothing links to them any more.
        max_request_bytes: Largest size of a request. A single triple that is larger gets a request alone.
        more_freshness_subjects: IRIs that carry the freshness of the store as well; see `freshness_subjects`.
    """

    uris: Uris
    graph: str | None = None
    deletes_orphans: bool = True
    max_request_bytes: int = 8 << 20
    more_freshness_subjects: tuple[str, ...] = ()

    @property
    def freshness_subjects(self) -> tuple[str, ...]:
        """IRIs that carry the freshness of the store: each wiki whose entities it holds, then further ones.

        Query services and bots ask the concept base of Wikidata, also on the store of a wiki that uses Wikidata's items.
        """
        wikis = (self.uris.root, self.uris.foreign_entity.removesuffix("/entity/"))
        return tuple(dict.fromkeys((*wikis, *self.more_freshness_subjects)))

    def pattern(self, operation: str) -> str:
        """Return an update operation with a pattern, for this graph."""
        return operation if self.graph is None else f"WITH {format_iri(self.graph)} {operation}"

    def data(self, verb: str, lines: str) -> str:
        """Return ``INSERT DATA`` or ``DELETE DATA`` of whole lines, for this graph."""
        inner = lines if self.graph is None else f"GRAPH {format_iri(self.graph)} {{\n{lines}}}\n"
        return f"{verb} DATA {{\n{inner}}}"

    def where(self, pattern: str) -> str:
        """Return the pattern of a query, for this graph."""
        return f"{{ {pattern} }}" if self.graph is None else f"{{ GRAPH {format_iri(self.graph)} {{ {pattern} }} }}"

    def any_graph_query(self) -> str:
        """Return the query of one named graph that holds an entity, as ``?graph``."""
        return f"SELECT ?graph WHERE {{ GRAPH ?graph {{ ?entity {VERSION} ?version }} }} LIMIT 1"
