"""Query of the triples of one entity in a store, with those of the nodes that it shares with other entities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyoxigraph import NamedNode, Triple

from wikistate.core.rdf import vocabulary
from wikistate.core.sparql.patterns import (
    MAX_VALUE_CHAIN,
    filter_shared,
    is_property,
    match_parts,
    match_predicates,
    match_restrictions,
    match_statements,
)
from wikistate.core.sparql.terms import format_iri
from wikistate.core.sparql.vocabulary import ABOUT, IS_PART_OF, WIKI_GROUP
from wikistate.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from wikistate.core.rdf.uris import Uris
    from wikistate.core.sparql.update_target import UpdateTarget
    from wikistate.core.updater.store_metadata import Row


def build_entity_query(entity: str, target: UpdateTarget) -> str:
    """Build the query for `read_entity_triples`. It is one query, so that a concurrent update is visible as a whole or not."""
    listed = f"VALUES ?entity {{ {format_iri(target.uris.entity_iri(entity))} }}"
    patterns = [*_build_patterns(listed, target.uris)]
    if is_property(target.uris.entity_iri(entity), target.uris):
        patterns.append(f"{match_predicates(listed, target.uris)} ?declared ?p ?o BIND(?declared AS ?s)")
        patterns.append(f"{match_restrictions(listed, target.uris)} ?restriction ?p ?o BIND(?restriction AS ?s)")
    union = " UNION ".join(f"{{ {pattern} }}" for pattern in patterns)
    return f"SELECT DISTINCT ?s ?p ?o WHERE {target.where(union)}"


def _build_patterns(listed: str, uris: Uris) -> Iterator[str]:
    yield f"{match_parts(listed)} ?part ?p ?o BIND(?part AS ?s)"
    statement = match_statements(listed, uris)
    yield f"{statement} ?statement ?p ?o BIND(?statement AS ?s)"
    path, last = statement, "?statement"
    for step in range(MAX_VALUE_CHAIN + 1):
        node = f"?node{step}"
        path += f" {last} ?link{step} {node} {filter_shared(node, uris)}"
        last = node
        yield f"{path} {node} ?p ?o BIND({node} AS ?s)"
    yield f"{listed} ?article {ABOUT} ?entity ; ?p ?o BIND(?article AS ?s)"
    yield f"{listed} ?article {ABOUT} ?entity ; {IS_PART_OF} ?site . ?site {WIKI_GROUP} ?o BIND(?site AS ?s) BIND({WIKI_GROUP} AS ?p)"


def read_entity_triples(rows: Iterable[Row], entity: str, uris: Uris) -> frozenset[Triple]:
    """Return the triples. The link of an article to another entity is left out."""
    ours = NamedNode(uris.entity_iri(entity))
    triples = (_read_triple(row) for row in rows)
    return frozenset(triple for triple in triples if triple.predicate != vocabulary.ABOUT or triple.object == ours)


def _read_triple(row: Row) -> Triple:
    terms: Any = [row.get(name) for name in ("s", "p", "o")]
    try:
        return Triple(*terms)
    except TypeError as error:
        raise StoreError(
            f"The response of the store holds {terms!s:.200}, which is not a triple.",
            hint="Check that `store.query_url` is the URL of SPARQL queries of the store itself.",
        ) from error
