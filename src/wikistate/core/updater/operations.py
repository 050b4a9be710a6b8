"""Operations that a decision asks for; executing one may need a fetch from the wiki."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from wikistate.core.updater.input_events import Origin


class FullImport(NamedTuple):
    """Insertion of the entity in this revision into a store that does not hold it.

    Attributes:
        entity: Entity id.
        time: Event time of the causing event, milliseconds since the epoch.
        revision: Revision that the store holds afterwards.
        ingested: Time at which the event was read, milliseconds since the epoch.
        origin: The causing event.
    """

    entity: str
    time: int
    revision: int
    ingested: int
    origin: Origin


class Diff(NamedTuple):
    """Change of the entity from one revision to a later one. See `FullImport`.

    Attributes:
        from_revision: Revision in the store according to the state; not the parent revision in the event.
    """

    entity: str
    time: int
    revision: int
    ingested: int
    origin: Origin
    from_revision: int


class DeleteItem(NamedTuple):
    """Deletion of the entity. See `FullImport`."""

    entity: str
    time: int
    revision: int
    ingested: int
    origin: Origin


class ReconcileItem(NamedTuple):
    """Replacement of the entity by this revision, for any content of the store. See `FullImport`."""

    entity: str
    time: int
    revision: int
    ingested: int
    origin: Origin


Operation: TypeAlias = FullImport | Diff | DeleteItem | ReconcileItem
