"""Generator of mutations of a Wikibase in order, with the graph that a store must hold after them.

The entities have all forms that matter to a store: items with statements, shared value and reference nodes, sitelinks
that move, lexemes with forms and senses, redirects after merges, deletions and reconciliations.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyoxigraph import Literal, NamedNode, Triple

from wikistate.core.rdf.diff import diff
from wikistate.core.rdf.patch import Patch
from wikistate.core.rdf.uris import Uris
from wikistate.core.updater.input_events import Origin
from wikistate.core.updater.mutation import Mutation, OperationName

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from random import Random

ROOT = "http://www.wikidata.org"
STREAM = "rdf-streaming-updater.mutation.v2"
FIRST_EVENT_TIME = 1_700_000_000_000
"""Event time of the first mutation, milliseconds since the epoch; each following one is a second later."""

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_WIKIBASE = "http://wikiba.se/ontology#"
_SCHEMA = "http://schema.org/"
_ONTOLEX = "http://www.w3.org/ns/lemon/ontolex#"
_LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
_INTEGER = NamedNode("http://www.w3.org/2001/XMLSchema#integer")
_VALUES, _REFERENCES, _PAGES = 40, 30, 60  # few, so that entities share them

Graph = frozenset[Triple]


@dataclass(slots=True)
class _Entity:
    """State of an entity, from which its triples follow."""

    revision: int
    statements: dict[int, tuple[int, int]] = field(default_factory=dict)  # statement number to value and reference
    forms: int = 0
    redirect: str = ""


class MutationGenerator:
    """Generator of random changes.

    Args:
        random: Random generator of all choices. The same seed gives the same changes.
        entities: Number of entity ids; a deleted entity may be created again.
        statements: Maximum number of statements of an entity.
    """

    def __init__(self, random: Random, *, entities: int = 60, statements: int = 6) -> None:
        self._random = random
        self._ids = [f"{'L' if number % 5 == 0 else 'Q'}{number}" for number in range(1, entities + 1)]
        self._statements = statements
        self._live: dict[str, _Entity] = {}
        self._pages: dict[int, str] = {}
        self._mutation_count = 0
        self._revision = 0
        self.uris = Uris.for_wikibase(ROOT)

    def generate(self, count: int) -> Iterator[Mutation]:
        """Yield about so many mutations in order; each has an effect."""
        end = self._mutation_count + count
        while self._mutation_count < end:
            yield from self._change()

    def generate_imports(self) -> Iterator[Mutation]:
        """Yield the imports of all entities that do not exist yet, in order."""
        for entity in self._ids:
            if entity not in self._live:
                yield from self._create(entity)

    def expected_graph(self) -> Graph:
        """Return the graph of a store that was loaded from scratch."""
        return frozenset().union(*(self._triples(entity) for entity in self._live))

    def _change(self) -> Iterator[Mutation]:
        entity = self._random.choice(self._ids)
        known = self._live.get(entity)
        if known is None or known.redirect:
            yield from self._create(entity)
            return
        kinds: tuple[tuple[Callable[[str], Iterator[Mutation]], int], ...] = (
            (self._edit, 70),
            (self._move_sitelink, 12),
            (self._merge, 5),
            (self._delete, 5),
            (self._reconcile, 8),
        )
        (kind,) = self._random.choices([kind for kind, _ in kinds], [weight for _, weight in kinds])
        yield from kind(entity)

    def _create(self, entity: str) -> Iterator[Mutation]:
        before = self._triples(entity) if entity in self._live else frozenset[Triple]()
        self._live[entity] = _Entity(self._next_revision())
        self._change_statements(entity)
        operation = OperationName.DIFF if before else OperationName.IMPORT
        yield self._make_mutation(operation, entity, diff(before, self._triples(entity), self.uris))

    def _edit(self, entity: str) -> Iterator[Mutation]:
        before = self._triples(entity)
        self._change_statements(entity)
        yield self._make_diff(entity, before)

    def _move_sitelink(self, entity: str) -> Iterator[Mutation]:
        """Move a sitelink to another entity; the mutations of both entities have a random order."""
        page = self._random.randrange(_PAGES)
        loser = self._pages.get(page)
        before = {each: self._triples(each) for each in (entity, loser) if each}
        self._pages[page] = entity
        order = [each for each in before if each != loser] + [each for each in before if each == loser]
        self._random.shuffle(order)
        for each in order:
            yield self._make_diff(each, before[each])

    def _merge(self, entity: str) -> Iterator[Mutation]:
        """Merge an entity into another: it becomes a redirect, and its statements and sitelinks move."""
        others = [
            each for each, known in self._live.items() if each != entity and each[0] == entity[0] and not known.redirect
        ]
        if not others:
            return
        target = self._random.choice(others)
        before = {each: self._triples(each) for each in (target, entity)}
        merged = self._live[entity]
        for page, owner in self._pages.items():
            if owner == entity:
                self._pages[page] = target
        self._live[target].statements |= merged.statements
        self._live[entity] = _Entity(self._next_revision(), redirect=target)
        for each in self._random.sample([target, entity], 2):
            yield self._make_diff(each, before[each])

    def _delete(self, entity: str) -> Iterator[Mutation]:
        del self._live[entity]
        self._pages = {page: owner for page, owner in self._pages.items() if owner != entity}
        yield self._make_mutation(OperationName.DELETE, entity, Patch())

    def _reconcile(self, entity: str) -> Iterator[Mutation]:
        self._live[entity].revision = self._next_revision()
        yield self._make_mutation(OperationName.RECONCILE, entity, Patch(added=self._triples(entity)))

    def _change_statements(self, entity: str) -> None:
        known, random = self._live[entity], self._random
        known.revision = self._next_revision()
        for _ in range(random.randint(1, 3)):
            number = random.randrange(self._statements)
            if known.statements.pop(number, None) is None or random.random() < 0.7:
                known.statements[number] = random.randrange(_VALUES), random.randrange(_REFERENCES)
        known.forms = random.randint(0, 2) if entity.startswith("L") else 0

    def _make_diff(self, entity: str, before: Graph) -> Mutation:
        self._live[entity].revision = self._next_revision()
        return self._make_mutation(OperationName.DIFF, entity, diff(before, self._triples(entity), self.uris))

    def _make_mutation(self, operation: OperationName, entity: str, patch: Patch) -> Mutation:
        self._mutation_count += 1
        time = FIRST_EVENT_TIME + self._mutation_count * 1000
        revision = self._live[entity].revision if entity in self._live else self._revision
        number = f"00000000-0000-4000-8000-{self._mutation_count:012}"
        origin = Origin(
            "/mediawiki/page/change/1.2.0", "2026-01-01T00:00:00Z", number, "www.wikidata.org", "page_change", number
        )
        return Mutation(operation, entity, revision, time, time, origin, STREAM, patch)

    def _next_revision(self) -> int:
        self._revision += 1
        return self._revision

    def _triples(self, entity: str) -> Graph:
        known = self._live[entity]
        if known.redirect:
            target = NamedNode(self.uris.entity_iri(known.redirect))
            return frozenset({Triple(self._iri(entity), NamedNode("http://www.w3.org/2002/07/owl#sameAs"), target)})
        return frozenset(self._entity_triples(entity, known))

    def _entity_triples(self, entity: str, known: _Entity) -> Iterator[Triple]:
        subject = self._iri(entity)
        kind = "Lexeme" if entity.startswith("L") else "Item"
        yield Triple(subject, NamedNode(f"{_RDF}type"), NamedNode(_WIKIBASE + kind))
        yield Triple(subject, NamedNode(f"{_SCHEMA}version"), Literal(str(known.revision), datatype=_INTEGER))
        yield Triple(subject, NamedNode(_LABEL), Literal(f'{entity} "№ {known.revision}"\n', language="en"))
        for number, (value, reference) in known.statements.items():
            yield from self._statement_triples(entity, number, value, reference)
        for page, owner in self._pages.items():
            if owner == entity:
                yield from _sitelink_triples(subject, page)
        for number in range(known.forms):
            yield from self._form_triples(entity, number + 1)

    def _statement_triples(self, entity: str, number: int, value: int, reference: int) -> Iterator[Triple]:
        prop = f"P{number % 3 + 1}"
        statement = NamedNode(f"{self.uris.statement}{entity}-{number:08}")
        node = NamedNode(f"{self.uris.value}{value:032x}")
        cited = NamedNode(f"{self.uris.reference}{reference:040x}")
        dated = NamedNode(f"{self.uris.value}{(reference + 7) % _VALUES:032x}")
        yield Triple(self._iri(entity), NamedNode(f"{self.uris.prop}{prop}"), statement)
        yield Triple(statement, NamedNode(f"{_RDF}type"), NamedNode(f"{_WIKIBASE}BestRank"))
        yield Triple(statement, NamedNode(f"{self.uris.prop}statement/{prop}"), Literal(str(value)))
        yield Triple(statement, NamedNode(f"{self.uris.prop}statement/value/{prop}"), node)
        yield Triple(statement, NamedNode("http://www.w3.org/ns/prov#wasDerivedFrom"), cited)
        yield Triple(cited, NamedNode(f"{self.uris.prop}reference/value/P813"), dated)
        for each in (node, dated):
            yield Triple(each, NamedNode(f"{_WIKIBASE}timeValue"), Literal(_value_text(each)))

    def _form_triples(self, entity: str, number: int) -> Iterator[Triple]:
        form = NamedNode(f"{self._iri(entity).value}-F{number}")
        yield Triple(self._iri(entity), NamedNode(f"{_ONTOLEX}lexicalForm"), form)
        yield Triple(form, NamedNode(f"{_ONTOLEX}representation"), Literal(f"form {number}", language="en"))

    def _iri(self, entity: str) -> NamedNode:
        return NamedNode(self.uris.entity_iri(entity))


def _value_text(node: NamedNode) -> str:
    """Return the text of a value; that of the first one looks like an escape sequence, which no step may interpret."""
    number = node.value[-4:]
    return f"value \\u0041\t{number}" if number == "0000" else f"value {number}"


def _sitelink_triples(subject: NamedNode, page: int) -> Iterator[Triple]:
    site = NamedNode(f"https://{('de', 'en', 'fr')[page % 3]}.wikipedia.org/")
    article = NamedNode(f"{site.value}wiki/Page_{page}")
    yield Triple(article, NamedNode(f"{_RDF}type"), NamedNode(f"{_SCHEMA}Article"))
    yield Triple(article, NamedNode(f"{_SCHEMA}about"), subject)
    yield Triple(article, NamedNode(f"{_SCHEMA}isPartOf"), site)
    yield Triple(article, NamedNode(f"{_SCHEMA}name"), Literal(f"Page {page}", language="en"))
    yield Triple(site, NamedNode(f"{_WIKIBASE}wikiGroup"), Literal("wikipedia"))
