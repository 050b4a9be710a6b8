"""Mutation: a change of the triples of one entity in a store. The updater builds mutations, the consumer applies them.

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
    """Operation of a mutation. Values as in the field ``operation``."""

    IMPORT = "import"
    """Insert an entity that the store does not hold."""

    DIFF = "diff"
    """Insert and delete triples."""

    DELETE = "delete"
    """Delete the entity, for any content of the store. The mutation has no triples."""

    RECONCILE = "reconcile"
    """Replace the triples of the entity by `Patch.added`, which has all its triples and those of its shared nodes."""


class Mutation(NamedTuple):
    """Complete mutation.

    Attributes:
        operation: Operation on the entity.
        entity: Entity id.
        revision: Revision that the store holds afterwards.
        time: Event time, milliseconds since the epoch.
        ingested: Time at which the causing event was read, milliseconds since the epoch.
        origin: The causing event. For a mutation that was read from a stream, the metadata of its message.
        stream: Name of its stream: the stream of the whole graph or of a subgraph.
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
