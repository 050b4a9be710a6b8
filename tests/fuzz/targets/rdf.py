"""Readers of RDF: of EntityData in both formats, with the munging, the comparison and the splitting behind them."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from pyoxigraph import NamedNode
from tests.fuzz.corpus import load_seeds
from tests.fuzz.target import Kind, Target, require
from tests.fuzz.targets.events import RDF_TOKENS

from wikistate.adapters.mediawiki.wikibase_site import check_concept_uri, find_concept_uri
from wikistate.core.rdf.compare import compare_graphs
from wikistate.core.rdf.diff import diff
from wikistate.core.rdf.munge import munge
from wikistate.core.rdf.parse import parse_triples
from wikistate.core.rdf.subgraphs import Subgraphs
from wikistate.core.rdf.uris import Uris
from wikistate.core.sparql.terms import find_unwritable, serialize_triples
from wikistate.core.updater.chunks import split_into_chunks
from wikistate.errors import ConfigError, InputError

if TYPE_CHECKING:
    from pathlib import Path

    from wikistate.core.rdf.graph import Graph

_ENTITY = "Q1"
_BASE = "https://www.wikidata.org/wiki/Special:EntityData/Q1.ttl?flavor=dump&revision=1"
_URIS = Uris.for_wikibase("http://www.wikidata.org")
_SUBGRAPHS = """
prefixes: {wdt: "http://www.wikidata.org/prop/direct/", wd: "http://www.wikidata.org/entity/"}
subgraphs:
  - name: most
    stream: most
    default: pass
    rules: ["pass ?entity wdt:P31 wd:Q13442814"]
"""


def _read(data: bytes, mime_type: str) -> None:
    graph = munge(parse_triples(data, base=_BASE, mime_type=mime_type), _ENTITY, _URIS)
    before = _seed_graph(mime_type)
    patch = diff(before, graph, _URIS)
    require(not patch.added & patch.removed, "a triple is both added and removed")
    compare_graphs(graph, before)
    unwritable = set(find_unwritable(graph))
    serialize_triples(graph - unwritable)
    for chunk in split_into_chunks(graph, 2_000):
        parse_triples(chunk.text.encode(), base="message:///x")
    if _subgraphs() is not None:
        _subgraphs().assign(graph, NamedNode(_URIS.entity_iri(_ENTITY)))


@lru_cache(maxsize=2)
def _seed_graph(mime_type: str) -> Graph:
    target = TURTLE if mime_type == "text/turtle" else N_TRIPLES
    seed = next(iter(load_seeds(target).values()))
    return munge(parse_triples(seed, base=_BASE, mime_type=mime_type), _ENTITY, _URIS)


@lru_cache(maxsize=1)
def _subgraphs() -> Subgraphs:
    return Subgraphs.parse(_SUBGRAPHS)


def read_turtle(data: bytes, _: Path) -> None:
    """Read Turtle of an entity."""
    _read(data, "text/turtle")


def read_n_triples(data: bytes, _: Path) -> None:
    """Read N-Triples of an entity."""
    _read(data, "application/n-triples")


def read_concept_base(data: bytes, _: Path) -> None:
    """Find the concept base in the RDF of an entity, and use it."""
    found = find_concept_uri(data, entity_id=_ENTITY, base=_BASE)
    check_concept_uri("", actual=found)
    Uris.for_wikibase(found)


def read_subgraphs(data: bytes, _: Path) -> None:
    """Read definitions of subgraphs, and use them."""
    text = data.decode("utf-8", "replace")
    Subgraphs.parse(text).assign(_seed_graph("text/turtle"), NamedNode(_URIS.entity_iri(_ENTITY)))


TURTLE = Target(name="turtle", kind=Kind.TEXT, run=read_turtle, errors=(InputError,), tokens=RDF_TOKENS)
N_TRIPLES = Target(name="n-triples", kind=Kind.TEXT, run=read_n_triples, errors=(InputError,), tokens=RDF_TOKENS)
TARGETS = (
    TURTLE,
    N_TRIPLES,
    Target(
        name="concept-base",
        kind=Kind.TEXT,
        run=read_concept_base,
        errors=(InputError, ConfigError),
        tokens=(*RDF_TOKENS, "schema:about", "<http://schema.org/about>", "/entity/Q1>"),
    ),
    Target(
        name="subgraphs",
        kind=Kind.TEXT,
        run=read_subgraphs,
        errors=(ConfigError,),
        tokens=(
            "&a",
            "*a",
            "<<: *a",
            "!!python/object:os.system x",
            "? ",
            "|",
            ">",
            "---",
            "..",
            "%YAML 9.9",
            "!!binary aa",
        ),
    ),
)
