"""Which parts of a graph a change of an entity concerns, and what is done to each.

An entity that is not in a subgraph may leave a *stub* there: one triple, ``ENTITY wikibaseqs:subgraph SUBGRAPH``, that
says where it lives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self, TypeAlias, assert_never

from pyoxigraph import NamedNode, Triple

from wikistate.core.rdf.diffing import diff
from wikistate.core.rdf.patch import Patch
from wikistate.core.rdf.subgraph_definitions import Definition, read_definitions
from wikistate.core.rdf.vocabulary import SUBGRAPH
from wikistate.core.updater.mutation import Mutation, OperationName
from wikistate.core.updater.operations import DeleteItem, Diff, FullImport, ReconcileItem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from wikistate.core.rdf.uris import Uris
    from wikistate.core.updater.operations import Operation

    Change: TypeAlias = tuple[OperationName, Definition, Patch]

_NOTHING: frozenset[Triple] = frozenset()


@dataclass(frozen=True, slots=True)
class Subgraphs:
    """The parts that a graph is split into, the whole one among them. In the order in which they are given."""

    definitions: tuple[Definition, ...]

    @classmethod
    def read(cls, text: str) -> Self:
        """From definitions in YAML.

        Raises:
            ConfigError: They are not as they must be.
        """
        return cls(read_definitions(text))

    @classmethod
    def whole(cls, stream: str) -> Self:
        """No split: everything goes to one stream."""
        return cls((Definition("whole", stream),))

    @property
    def streams(self) -> tuple[str, ...]:
        """Where mutations may go."""
        return tuple(each.stream for each in self.definitions)

    def assigned(self, triples: frozenset[Triple], entity: NamedNode) -> list[Definition]:
        """Those that an entity belongs to.

        Args:
            triples: All of the entity, munged.
            entity: Its IRI.
        """
        asked = {rule.predicate for each in self.definitions for rule in each.rules}
        telling = [triple for triple in triples if triple.predicate in asked] if asked else []
        return [each for each in self.definitions if _passes(each, telling, entity)]


def _passes(definition: Definition, triples: Collection[Triple], entity: NamedNode) -> bool:
    decided = (rule.passes for rule in definition.rules if rule.matches(triples, entity))
    return next(decided, definition.passes)


def mutations_of(
    operation: Operation,
    before: frozenset[Triple],
    after: frozenset[Triple],
    uris: Uris,
    subgraphs: Subgraphs,
) -> list[Mutation]:
    """What an operation does to each subgraph, in the order in which it has to be done.

    Args:
        operation: What was decided.
        before: The entity's munged triples in `Diff.from_revision`; of other operations they are not looked at.
        after: In the operation's revision; of a `DeleteItem` they are not looked at.
        uris: Of the wiki.
        subgraphs: What the graph is split into.
    """
    split = _Split(subgraphs, uris, NamedNode(uris.entity_iri(operation.entity)))
    match operation:
        case FullImport():
            changes = split.imported(after)
        case Diff():
            changes = split.changed(before, after)
        case ReconcileItem():
            changes = split.reconciled(after)
        case DeleteItem():
            changes = _deleted(subgraphs.definitions)
        case _:
            assert_never(operation)
    return [_mutation(operation, name, definition, patch) for name, definition, patch in changes]


def _mutation(operation: Operation, name: OperationName, definition: Definition, patch: Patch) -> Mutation:
    return Mutation(
        name,
        operation.entity,
        operation.revision,
        operation.time,
        operation.ingested,
        operation.origin,
        definition.stream,
        patch,
    )


@dataclass(frozen=True, slots=True)
class _Split:
    """What is done to the subgraphs about one entity."""

    subgraphs: Subgraphs
    uris: Uris
    entity: NamedNode

    def imported(self, after: frozenset[Triple]) -> Iterator[Change]:
        """The entity where it belongs, stubs elsewhere."""
        assigned = self.subgraphs.assigned(after, self.entity)
        yield from _patched(OperationName.IMPORT, assigned, diff(_NOTHING, after, self.uris))
        yield from self._stubbed(OperationName.IMPORT, self._others(assigned), assigned)

    def changed(self, before: frozenset[Triple], after: frozenset[Triple]) -> Iterator[Change]:
        """The difference where the entity stays; where it comes or goes, what was there goes first.

        Stubs are told again only when the entity moved: nothing else changes them.
        """
        old, new = (self.subgraphs.assigned(triples, self.entity) for triples in (before, after))
        left = [each for each in old if each not in new]
        entered = [each for each in new if each not in old]
        apart = [each for each in self._others(new) if each not in old]
        yield from _patched(OperationName.DIFF, [each for each in new if each in old], diff(before, after, self.uris))
        yield from _deleted(left)
        if any(each.is_stub_source for each in left):
            yield from _deleted(apart)
        yield from self._entered(entered, after)
        if left or entered:
            yield from self._stubbed(OperationName.DIFF, [*left, *apart], new)

    def _entered(self, entered: Sequence[Definition], after: frozenset[Triple]) -> Iterator[Change]:
        if entered:
            yield from _deleted(entered)  # the stub
            yield from _patched(OperationName.DIFF, entered, diff(_NOTHING, after, self.uris))

    def reconciled(self, after: frozenset[Triple]) -> Iterator[Change]:
        """All triples where the entity belongs. Elsewhere stubs, or nothing, take the place of what is there."""
        assigned = self.subgraphs.assigned(after, self.entity)
        yield from _patched(OperationName.RECONCILE, assigned, Patch(added=after))
        others = self._others(assigned)
        stubs = Patch(added=self._stubs(assigned))
        stubbed = [each for each in others if each.uri and stubs.added]
        yield from _patched(OperationName.RECONCILE, stubbed, stubs)
        yield from _deleted([each for each in others if each not in stubbed])

    def _others(self, assigned: Sequence[Definition]) -> list[Definition]:
        return [each for each in self.subgraphs.definitions if each not in assigned]

    def _stubbed(
        self, name: OperationName, targets: Sequence[Definition], sources: Sequence[Definition]
    ) -> Iterator[Change]:
        if stubs := self._stubs(sources):
            yield from _patched(name, [each for each in targets if each.uri], Patch(linked=stubs))

    def _stubs(self, sources: Sequence[Definition]) -> frozenset[Triple]:
        return frozenset(
            Triple(self.entity, SUBGRAPH, each.uri) for each in sources if each.uri and each.is_stub_source
        )


def _patched(name: OperationName, definitions: Sequence[Definition], patch: Patch) -> Iterator[Change]:
    return ((name, each, patch) for each in definitions)


def _deleted(definitions: Sequence[Definition]) -> Iterator[Change]:
    return _patched(OperationName.DELETE, definitions, Patch())
