"""Subgraphs of a graph, and the assignment of entities to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from wikistate.core.rdf.subgraph_definitions import SubgraphDefinition, read_definitions

if TYPE_CHECKING:
    from collections.abc import Collection

    from pyoxigraph import NamedNode, Triple


@dataclass(frozen=True, slots=True)
class Subgraphs:
    """Subgraphs into which a graph is split, in the order of their definitions. The whole graph is one of them."""

    definitions: tuple[SubgraphDefinition, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read definitions in YAML.

        Raises:
            ConfigError: The definitions are not valid.
        """
        return cls(read_definitions(text))

    @classmethod
    def unsplit(cls, stream: str) -> Self:
        """Return the subgraphs of a graph that is not split: all mutations go to one stream."""
        return cls((SubgraphDefinition("whole", stream),))

    @property
    def streams(self) -> tuple[str, ...]:
        """Streams of the mutations."""
        return tuple(each.stream for each in self.definitions)

    def assign(self, triples: frozenset[Triple], entity: NamedNode) -> list[SubgraphDefinition]:
        """Return the subgraphs that an entity belongs to.

        Args:
            triples: All triples of the entity, munged.
            entity: IRI of the entity.
        """
        predicates = {rule.predicate for each in self.definitions for rule in each.rules}
        relevant = [triple for triple in triples if triple.predicate in predicates] if predicates else []
        return [each for each in self.definitions if _is_member(each, relevant, entity)]


def _is_member(definition: SubgraphDefinition, triples: Collection[Triple], entity: NamedNode) -> bool:
    decided = (rule.passes for rule in definition.rules if rule.matches(triples, entity))
    return next(decided, definition.passes_by_default)
