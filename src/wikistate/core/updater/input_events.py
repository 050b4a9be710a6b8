"""Changes of entities, independent of the stream that reported them."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, TypeAlias


class Origin(NamedTuple):
    """Event that reported a change; derived events copy these fields. A field is empty if the event does not have it.

    Attributes:
        schema: Its ``$schema``.
        dt: Its ``meta.dt``, RFC 3339.
        id: Its ``meta.id``.
        domain: Its ``meta.domain``.
        stream: Its ``meta.stream``.
        request_id: Its ``meta.request_id``.
    """

    schema: str
    dt: str
    id: str
    domain: str
    stream: str
    request_id: str


class RevisionCreated(NamedTuple):
    """Saved revision: an edit, the first revision of a page, or a move.

    Attributes:
        entity: Entity id, such as ``Q42``; order is kept within it.
        time: Time of the change, milliseconds since the epoch: the event time of the stream.
        revision: Id of the revision; for a deletion the last one, for an undeletion the restored one.
        ingested: Time at which the event was read, milliseconds since the epoch.
        origin: The event that reported the change.
        parent: The revision before it; None for the first revision, or if the event does not have it.
    """

    entity: str
    time: int
    revision: int
    ingested: int
    origin: Origin
    parent: int | None


class PageDeleted(NamedTuple):
    """Deletion or suppression of the entity's page. See `RevisionCreated`."""

    entity: str
    time: int
    revision: int
    ingested: int
    origin: Origin


class PageUndeleted(NamedTuple):
    """Undeletion of the entity's page. See `RevisionCreated`."""

    entity: str
    time: int
    revision: int
    ingested: int
    origin: Origin


class ReconcileAction(StrEnum):
    """Requested state of the entity in the store. Values as in the field ``reconciliation_action``."""

    CREATION = "CREATION"
    DELETION = "DELETION"


class Reconcile(NamedTuple):
    """Request to reconcile the entity in the store with this revision. See `RevisionCreated`."""

    entity: str
    time: int
    revision: int
    ingested: int
    origin: Origin
    action: ReconcileAction


InputEvent: TypeAlias = RevisionCreated | PageDeleted | PageUndeleted | Reconcile
