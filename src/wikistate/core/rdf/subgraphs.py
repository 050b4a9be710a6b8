"""The subgraphs that a graph is split into, and the assignment of entities to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from wikistate.core.rdf.subgraph_definitions import SubgraphDefinition, read_definitions

if TYPE_CHECKING:
    from collections.abc import Collection

    from pyoxigraph import NamedNode, Triple


@dataclass(frozen=True, slots=True)
class Subgraphs:
    """The parts that a graph is split into, the whole one among them. In the order in which they are given."""

    definitions: tuple[SubgraphDefinition, ...]

    @classmethod
    def parse(cls, text: str) -> Self:
        """From definitions in YAML.

        Raises:
            ConfigError: They are not as they must be.
        """
        return cls(read_definitions(text))

    @classmethod
    def unsplit(cls, stream: str) -> Self:
        """No split: everything goes to one stream."""
        return cls((SubgraphDefinition("whole", stream),))

    @property
    def streams(self) -> tuple[str, ...]:
        """Where mutations may go."""
        return tuple(each.stream for each in self.definitions)

    def assign(self, triples: frozenset[Triple], entity: NamedNode) -> list[SubgraphDefinition]:
        """Those that an entity belongs to.

        Args:
            triples: All of the entity, munged.
            entity: Its IRI.
        """
        asked = {rule.predicate for each in self.definitions for rule in each.rules}
        telling = [triple for triple in triples if triple.predicate in asked] if asked else []
        return [each for each in self.definitions if _is_member(each, telling, entity)]


def _is_member(definition: SubgraphDefinition, triples: Collection[Triple], entity: NamedNode) -> bool:
    decided = (rule.passes for rule in definition.rules if rule.matches(triples, entity))
    return next(decided, definition.passes_by_default)
