"""What was decided to do about an entity; to do it takes the wiki's answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from wikistate.core.updater.input_events import Origin


class FullImport(NamedTuple):
    """Add the entity as it is in this revision; the store does not hold it.

    Attributes:
        entity: Entity id.
        time: Event time of what led to it, milliseconds since the epoch.
        revision: To bring the store to.
        ingested: When the event was read, milliseconds since the epoch.
        origin: The event.
    """

    entity: str
    time: int
    revision: int
    ingested: int
    origin: Origin


class Diff(NamedTuple):
    """Bring the entity from one revision to a later one. See `FullImport`.

    Attributes:
        from_revision: What the store holds, as the state says; not the parent that the event states.
    """

    entity: str
    time: int
    revision: int
    ingested: int
    origin: Origin
    from_revision: int


class DeleteItem(NamedTuple):
    """Take the entity out. See `FullImport`."""

    entity: str
    time: int
    revision: int
    ingested: int
    origin: Origin


class ReconcileItem(NamedTuple):
    """Put the entity as it is in this revision in the place of whatever the store holds of it. See `FullImport`."""

    entity: str
    time: int
    revision: int
    ingested: int
    origin: Origin


Operation: TypeAlias = FullImport | Diff | DeleteItem | ReconcileItem
