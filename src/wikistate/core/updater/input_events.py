"""What happened to an entity, whatever stream told it."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple, TypeAlias


class Origin(NamedTuple):
    """The event that told of it: what later events say of where they come from.

    Attributes:
        schema: Its ``$schema``.
        dt: Its ``meta.dt``, RFC 3339.
        id: Its ``meta.id``.
        domain: Its ``meta.domain``.
        stream: Its ``meta.stream``.
        request_id: Its ``meta.request_id``. Any of these is empty where the event does not state it.
    """

    schema: str
    dt: str
    id: str
    domain: str
    stream: str
    request_id: str


class RevisionCreated(NamedTuple):
    """A revision was saved: an edit, the first of a page, or a move.

    Attributes:
        entity: Entity id, such as ``Q42``; order is kept within it.
        time: When it happened, milliseconds since the epoch: the event time of the stream.
        revision: Its id; of a deletion the last one, of an undeletion the restored one.
        ingested: When we read of it, milliseconds since the epoch.
        origin: The event that told of it.
        parent: The revision before it; None for the first, or where the event does not say.
    """

    entity: str
    time: int
    revision: int
    ingested: int
    origin: Origin
    parent: int | None


class PageDeleted(NamedTuple):
    """The entity's page was deleted or suppressed. See `RevisionCreated`."""

    entity: str
    time: int
    revision: int
    ingested: int
    origin: Origin


class PageUndeleted(NamedTuple):
    """The entity's page was restored. See `RevisionCreated`."""

    entity: str
    time: int
    revision: int
    ingested: int
    origin: Origin


class ReconcileAction(StrEnum):
    """What the store is to be brought to. Values as in the field ``reconciliation_action``."""

    CREATION = "CREATION"
    DELETION = "DELETION"


class Reconcile(NamedTuple):
    """Somebody asks to bring the store in step with this revision. See `RevisionCreated`."""

    entity: str
    time: int
    revision: int
    ingested: int
    origin: Origin
    action: ReconcileAction


InputEvent: TypeAlias = RevisionCreated | PageDeleted | PageUndeleted | Reconcile
