"""A change of a store's graph about one entity: what the updater makes and the consumer applies.

On the wire a mutation is one or more messages (``mediawiki/wikibase/entity/rdf_change``), because the triples of a large
entity do not fit into one.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from wikistate.core.rdf.patch import Patch

if TYPE_CHECKING:
    from wikistate.core.updater.input_events import Origin


class OperationName(StrEnum):
    """What a mutation does. Values as in the field ``operation``."""

    IMPORT = "import"
    """Adds an entity that the store does not hold."""

    DIFF = "diff"
    """Adds and removes triples."""

    DELETE = "delete"
    """Takes the entity out, whatever the store holds of it. Has no triples."""

    RECONCILE = "reconcile"
    """Puts `Patch.added`, all triples of the entity with those of its shared nodes, in the place of what the store holds."""


class Mutation(NamedTuple):
    """One mutation, whole.

    Attributes:
        operation: What it does.
        entity: Entity id.
        revision: That the store holds afterwards.
        time: Event time, milliseconds since the epoch.
        ingested: When the event that led to it was read, milliseconds since the epoch.
        origin: The event that led to it. Of a mutation that was read from a stream, what the message states.
        stream: Name of the stream that it is for: the whole graph's, or that of a subgraph.
        patch: The triples.
    """

    operation: OperationName
    entity: str
    revision: int
    time: int
    ingested: int
    origin: Origin
    stream: str
    patch: Patch = Patch()
