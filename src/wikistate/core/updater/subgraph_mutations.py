"""Mutations of each subgraph that follow from one operation on an entity.

A subgraph that does not hold an entity may have a *stub* of it: one triple, ``ENTITY wikibaseqs:subgraph SUBGRAPH``, which
names the subgraph that holds the entity.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias, assert_never

from pyoxigraph import NamedNode, Triple

from wikistate.core.rdf.diff import diff
from wikistate.core.rdf.patch import Patch
from wikistate.core.rdf.vocabulary import SUBGRAPH
from wikistate.core.updater.mutation import Mutation, OperationName
from wikistate.core.updater.operations import DeleteItem, Diff, FullImport, ReconcileItem

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wikistate.core.rdf.subgraph_definitions import SubgraphDefinition
    from wikistate.core.rdf.subgraphs import Subgraphs
    from wikistate.core.rdf.uris import Uris
    from wikistate.core.updater.operations import Operation

    SubgraphChange: TypeAlias = tuple[OperationName, SubgraphDefinition, Patch]

_NO_TRIPLES: frozenset[Triple] = frozenset()


def build_mutations(
    operation: Operation,
    before: frozenset[Triple],
    after: frozenset[Triple],
    uris: Uris,
    subgraphs: Subgraphs,
) -> list[Mutation]:
    """Return the mutations of each subgraph, in the order in which they apply.

    Args:
        operation: The operation on the entity.
        before: The entity's munged triples in `Diff.from_revision`; ignored for other operations.
        after: The entity's munged triples in the operation's revision; ignored for a `DeleteItem`.
        uris: IRIs of the wiki.
        subgraphs: The subgraphs into which the graph is split.
    """
    split = _SubgraphSplitter(subgraphs, uris, NamedNode(uris.entity_iri(operation.entity)))
    match operation:
        case FullImport():
            changes = split.split_import(after)
        case Diff():
            changes = split.split_diff(before, after)
        case ReconcileItem():
            changes = split.split_reconcile(after)
        case DeleteItem():
            changes = _emit_deletions(subgraphs.definitions)
        case _:
            assert_never(operation)
    return [_build_mutation(operation, name, definition, patch) for name, definition, patch in changes]


def _build_mutation(
    operation: Operation, name: OperationName, definition: SubgraphDefinition, patch: Patch
) -> Mutation:
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
class _SubgraphSplitter:
    """Splitter of the operations on one entity into changes of subgraphs."""

    subgraphs: Subgraphs
    uris: Uris
    entity: NamedNode

    def split_import(self, after: frozenset[Triple]) -> Iterator[SubgraphChange]:
        """Yield imports of the entity for its subgraphs and of stubs for the others."""
        assigned = self.subgraphs.assign(after, self.entity)
        yield from _emit_patches(OperationName.IMPORT, assigned, diff(_NO_TRIPLES, after, self.uris))
        yield from self._emit_stubs(OperationName.IMPORT, self._unassigned(assigned), assigned)

    def split_diff(self, before: frozenset[Triple], after: frozenset[Triple]) -> Iterator[SubgraphChange]:
        """Yield diffs for the subgraphs that keep the entity, and a deletion first for those that gain or lose it.

        Stubs are emitted again only if the entity moved: nothing else changes them.
        """
        old, new = (self.subgraphs.assign(triples, self.entity) for triples in (before, after))
        left = [each for each in old if each not in new]
        entered = [each for each in new if each not in old]
        apart = [each for each in self._unassigned(new) if each not in old]
        yield from _emit_patches(
            OperationName.DIFF, [each for each in new if each in old], diff(before, after, self.uris)
        )
        yield from _emit_deletions(left)
        if any(each.is_stub_source for each in left):
            yield from _emit_deletions(apart)
        yield from self._split_entry(entered, after)
        if left or entered:
            yield from self._emit_stubs(OperationName.DIFF, [*left, *apart], new)

    def _split_entry(self, entered: Sequence[SubgraphDefinition], after: frozenset[Triple]) -> Iterator[SubgraphChange]:
        if entered:
            yield from _emit_deletions(entered)  # deletes the stub
            yield from _emit_patches(OperationName.DIFF, entered, diff(_NO_TRIPLES, after, self.uris))

    def split_reconcile(self, after: frozenset[Triple]) -> Iterator[SubgraphChange]:
        """Yield reconciliations with all triples for the entity's subgraphs, and with stubs or nothing for the others."""
        assigned = self.subgraphs.assign(after, self.entity)
        yield from _emit_patches(OperationName.RECONCILE, assigned, Patch(added=after))
        others = self._unassigned(assigned)
        stubs = Patch(added=self._build_stubs(assigned))
        stubbed = [each for each in others if each.uri and stubs.added]
        yield from _emit_patches(OperationName.RECONCILE, stubbed, stubs)
        yield from _emit_deletions([each for each in others if each not in stubbed])

    def _unassigned(self, assigned: Sequence[SubgraphDefinition]) -> list[SubgraphDefinition]:
        return [each for each in self.subgraphs.definitions if each not in assigned]

    def _emit_stubs(
        self, name: OperationName, targets: Sequence[SubgraphDefinition], sources: Sequence[SubgraphDefinition]
    ) -> Iterator[SubgraphChange]:
        if stubs := self._build_stubs(sources):
            yield from _emit_patches(name, [each for each in targets if each.uri], Patch(linked=stubs))

    def _build_stubs(self, sources: Sequence[SubgraphDefinition]) -> frozenset[Triple]:
        return frozenset(
            Triple(self.entity, SUBGRAPH, each.uri) for each in sources if each.uri and each.is_stub_source
        )


def _emit_patches(
    name: OperationName, definitions: Sequence[SubgraphDefinition], patch: Patch
) -> Iterator[SubgraphChange]:
    return ((name, each, patch) for each in definitions)


def _emit_deletions(definitions: Sequence[SubgraphDefinition]) -> Iterator[SubgraphChange]:
    return _emit_patches(OperationName.DELETE, definitions, Patch())
