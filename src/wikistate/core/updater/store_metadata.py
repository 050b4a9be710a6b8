"""What a store says of itself: how far it is, and in which form it holds entities."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyoxigraph import BlankNode, Literal, NamedNode, Triple

    Row = Mapping[str, NamedNode | BlankNode | Literal | Triple]
    """One solution of a query: variable names, without the question mark, to terms. What is unbound is not in it."""


class StorePosition(NamedTuple):
    """How far a store is in one partition.

    Attributes:
        next_offset: Of the first record that the store does not hold.
        completed_until: Event time of the last record that it holds, milliseconds since the epoch.
    """

    next_offset: int
    completed_until: int


class StoreForm(StrEnum):
    """Where a store holds what Wikibase says about an entity as a whole, its revision for one.

    Source: "Wikibase RDF dump format", data nodes.
    """

    EMPTY = "empty"
    """It holds no entity."""

    MUNGED = "munged"
    """On the entity, as query services load it."""

    PLAIN = "plain"
    """On the data node of the entity, as the dump has it."""
