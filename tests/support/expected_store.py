"""Content that a store must hold for a wiki, by the tables of the page on munging, without the code of the jobs.

It covers the documents of the test Wikibase: normal terms in the order of a wiki, and no orphans. A property of the
documents that it does not cover raises an error.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any

from pyoxigraph import BlankNode, Literal, NamedNode, Triple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wikistate.testing.wikibase import Repository

SCHEMA = "http://schema.org/"
ONTOLOGY = "http://wikiba.se/ontology#"
TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
COPIES = {SCHEMA + "name", "http://www.w3.org/2004/02/skos/core#prefLabel"}
PARTS = {"http://www.w3.org/ns/lemon/ontolex#lexicalForm", "http://www.w3.org/ns/lemon/ontolex#sense"}
FROM = "http://www.w3.org/ns/prov#wasDerivedFrom"
TEXTS = {"http://www.w3.org/2001/XMLSchema#string", "http://www.w3.org/1999/02/22-rdf-syntax-ns#langString"}
INVISIBLE = dict.fromkeys(
    [0xAD, *range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2065), *range(0x206A, 0x2070)]
)
DROPPED_TYPES = {ONTOLOGY + name for name in ("Item", "Lexeme", "Form", "Sense", "Statement", "Reference")}


def expected_triples(repository: Repository) -> Iterator[Triple]:
    """Yield the triples of all current entities; triples of shared nodes several times."""
    for entity in repository.current_revisions:
        yield from _EntityDocument(repository, entity).kept()


class _EntityDocument:
    """Document of one entity, by subject."""

    def __init__(self, repository: Repository, entity: str) -> None:
        self._base = repository.vocabulary.concept_base
        self._entity = repository.vocabulary.entity(entity).value
        self._is_lexeme = entity.startswith("L")
        self._groups: dict[str, list[Triple]] = defaultdict(list)
        for triple in repository.document(entity) or ():
            self._groups[_text(triple.subject)].append(triple)

    def kept(self) -> Iterator[Triple]:
        """Yield the triples of the table "Triples"."""
        data = next(node for node, group in self._groups.items() if self._is_data_node(group))
        entity = NamedNode(self._entity)
        for triple in self._groups.pop(data):
            name = triple.predicate.value
            if name in {SCHEMA + "version", SCHEMA + "dateModified"} or name.startswith(ONTOLOGY):
                yield Triple(entity, triple.predicate, triple.object)
        reachable = {self._entity, *self._reach()}
        for node, group in self._groups.items():
            for triple in group:
                if self._is_kept(node, triple, is_reachable=node in reachable):
                    yield Triple(self._normal(triple.subject), triple.predicate, self._normal(triple.object))

    def _is_data_node(self, group: list[Triple]) -> bool:
        statements = {(triple.predicate.value, _text(triple.object)) for triple in group}
        return (SCHEMA + "about", self._entity) in statements and (TYPE, SCHEMA + "Dataset") in statements

    def _reach(self) -> set[str]:
        """Return the nodes to which the entity leads: forms, senses, statements, references, values."""
        found: set[str] = set()
        waiting = [self._entity]
        while waiting:
            for triple in self._groups.get(waiting.pop(), ()):
                node, name = _text(triple.object), triple.predicate.value
                is_statement = name.startswith(f"{self._base}/prop/") and "/" not in name.removeprefix(
                    f"{self._base}/prop/"
                )
                is_shared = node.startswith((f"{self._base}/value/", f"{self._base}/reference/"))
                if node not in found and (name in PARTS or is_statement or is_shared):
                    found.add(node)
                    waiting.append(node)
        return found

    def _is_kept(self, node: str, triple: Triple, *, is_reachable: bool) -> bool:
        name, value = triple.predicate.value, _text(triple.object)
        if node.startswith(f"{self._base}/entity/") and not node.startswith(f"{self._base}/entity/statement/"):
            labels = COPIES | ({LABEL} if self._is_lexeme else set())
            return is_reachable and name not in labels and not (name == TYPE and value in DROPPED_TYPES)
        if node.startswith((f"{self._base}/entity/statement/", f"{self._base}/reference/", f"{self._base}/value/")):
            assert is_reachable, f"an orphan in the document of {self._entity}: {node}"
            return not (name == TYPE and value in DROPPED_TYPES)
        if node.startswith(f"{self._base}/prop/"):
            return name == TYPE or node.startswith(f"{self._base}/prop/novalue/")
        is_sitelink = any(_text(each.object) == SCHEMA + "Article" for each in self._groups[node])
        return is_sitelink or name == ONTOLOGY + "wikiGroup" or isinstance(triple.subject, BlankNode)

    def _normal(self, term: Any) -> Any:
        """Return a term by the table "Terms"."""
        if isinstance(term, BlankNode):
            origin = "/".join(self._base.split("/")[:3])
            return NamedNode(f"{origin}/.well-known/genid/{term.value}")
        if isinstance(term, Literal) and term.datatype.value in TEXTS:
            text = term.value.translate(INVISIBLE)
            return Literal(text, language=term.language) if term.language else Literal(text)
        return term


def _text(term: object) -> str:
    return str(getattr(term, "value", term))
