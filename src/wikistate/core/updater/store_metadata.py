"""Metadata of a store: its position in the source, and the form in which it holds entities."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pyoxigraph import BlankNode, Literal, NamedNode, Triple

    Row = Mapping[str, NamedNode | BlankNode | Literal | Triple]
    """Solution of a query: terms by variable names without the question mark. Unbound variables are not in it."""


class StorePosition(NamedTuple):
    """Position of a store in one partition.

    Attributes:
        next_offset: Offset of the first record that the store does not hold.
        completed_until: Event time of the last record that it holds, milliseconds since the epoch.
    """

    next_offset: int
    completed_until: int


class StoreForm(StrEnum):
    """Form of a store: the node that has the triples about an entity as a whole, such as its revision.

    Source: "Wikibase RDF dump format", data nodes.
    """

    EMPTY = "empty"
    """The store holds no entity."""

    MUNGED = "munged"
    """The triples are on the entity: the form of query services."""

    PLAIN = "plain"
    """The triples are on the data node of the entity: the form of the dump."""
