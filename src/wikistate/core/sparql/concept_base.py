"""Concept base of a store, from the IRIs of its entities: a store knows it even if the settings do not. Pure."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

from pyoxigraph import NamedNode

from wikistate.core.rdf.uris import is_concept_base
from wikistate.core.sparql.terms import format_iri, starts_with
from wikistate.core.sparql.vocabulary import ABOUT, BOOKKEEPING, DATE_MODIFIED, POSITION, VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wikistate.core.sparql.update_target import UpdateTarget
    from wikistate.core.updater.store_metadata import Row

_SAMPLE_SIZE = 1000
"""Number of nodes that are read to find the concept base."""

_ENTITY = re.compile(r"(?P<root>https?://\S+?)/entity/[QPLM][1-9][0-9]*")
_ROOT = re.compile(r"https?://[^/\s]+")


def build_concept_base_queries(target: UpdateTarget) -> tuple[str, ...]:
    """Return the queries for `read_concept_bases`, in the order in which they are tried.

    They look at entities with a revision, at entities that a document with a revision is about (the form of a dump), and
    at the subject of the freshness.
    """
    patterns = (
        f"?node {VERSION} ?version",
        f"?document {ABOUT} ?node ; {VERSION} ?version",
        f'?node {DATE_MODIFIED} ?moment FILTER(REGEX(STR(?node), "^https?://[^/]+$"))',
    )
    return tuple(f"SELECT ?node WHERE {target.where(pattern)} LIMIT {_SAMPLE_SIZE}" for pattern in patterns)


def read_concept_bases(rows: Iterable[Row]) -> list[str]:
    """Return the concept bases in the result of one query, the most frequent first; those that are not IRIs are left out."""
    nodes = [node.value for row in rows if isinstance(node := row.get("node"), NamedNode)]
    found = Counter(
        match["root"] for node in nodes if (match := _ENTITY.fullmatch(node)) and is_concept_base(match["root"])
    )
    if not found:
        found = Counter(node for node in nodes if _ROOT.fullmatch(node) and is_concept_base(node))
    return [root for root, _ in found.most_common()]


def build_contents_query(target: UpdateTarget) -> str:
    """Build the query of some subjects that are neither bookkeeping nor freshness, as ``?node``."""
    freshness = ", ".join(map(format_iri, target.freshness_subjects))
    ours = f"?node NOT IN ({BOOKKEEPING}, {freshness}) && !{starts_with('?node', POSITION)}"
    return f"SELECT ?node WHERE {target.where(f'?node ?predicate ?object FILTER({ours})')} LIMIT 1"


def build_other_graph_query(graph: str | None) -> str:
    """Build the query of a named graph with triples, other than one graph, as ``?graph``."""
    others = "" if graph is None else f" FILTER(?graph != {format_iri(graph)})"
    return f"SELECT ?graph WHERE {{ GRAPH ?graph {{ ?node ?predicate ?object }}{others} }} LIMIT 1"


def read_contents(rows: Iterable[Row]) -> list[str]:
    """Return the subjects, as text."""
    return [str(row["node"]) for row in rows if "node" in row]
