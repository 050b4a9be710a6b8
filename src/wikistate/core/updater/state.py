"""What is remembered of an entity: the last revision that was seen, what the store holds, and what waits for its turn.

Of most entities it is one signed number, so that a hundred million of them fit on a disk; the rest is packed beside it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple

import orjson

from wikistate.core.updater.input_events import (
    InputEvent,
    Origin,
    PageDeleted,
    PageUndeleted,
    Reconcile,
    ReconcileAction,
    RevisionCreated,
)
from wikistate.errors import InputError, InternalError

NOT_IN_STORE = 0
"""The store holds nothing of the entity."""

STORE_STATE_UNKNOWN = -1
"""Nobody can tell any more what the store holds of the entity: only all of it can be put right."""


class EntityStatus(StrEnum):
    """Whether the entity exists, as far as was seen. Values as in the field ``state_status``."""

    CREATED = "CREATED"
    DELETED = "DELETED"
    UNDEFINED = "UNDEFINED"


class EntityState(NamedTuple):
    """What is remembered of one entity.

    Attributes:
        revision: The last one seen; 0 while the status is undefined.
        status: Of the entity with that revision.
        store_revision: The revision that the store holds, which is behind until an operation is carried out; or `NOT_IN_STORE`, or
            `STORE_STATE_UNKNOWN` when one failed.
        buffer: Events that wait for those before them, in the order in which they came.
    """

    revision: int = 0
    status: EntityStatus = EntityStatus.UNDEFINED
    store_revision: int = NOT_IN_STORE
    buffer: tuple[InputEvent, ...] = ()

    @classmethod
    def from_signed(cls, signed: int | None) -> EntityState:
        """The state of an entity whose store is in step: positive is created, the rest is deleted, None is unseen."""
        if signed is None:
            return UNSEEN
        return cls(signed, EntityStatus.CREATED, signed) if signed > 0 else cls(-signed, EntityStatus.DELETED)

    @property
    def signed_revision(self) -> int | None:
        """Revision and status as one number, as `of_signed` reads it.

        Raises:
            InternalError: Revision 0 was taken for one that exists; as a number it would read as deleted.
        """
        if self.status is EntityStatus.UNDEFINED:
            return None
        if self.status is EntityStatus.DELETED:
            return -self.revision
        if self.revision < 1:
            raise InternalError("An entity cannot exist at revision 0.", hint="Please report this.")
        return self.revision

    @property
    def is_in_sync(self) -> bool:
        """Whether the store holds what was seen."""
        return self.store_revision == (self.revision if self.status is EntityStatus.CREATED else NOT_IN_STORE)

    def pack(self) -> bytes:
        """What `signed_revision` does not say; empty for nearly all."""
        if self.is_in_sync and not self.buffer:
            return b""
        entity = self.buffer[0].entity if self.buffer else ""
        held = None if self.is_in_sync else self.store_revision
        return orjson.dumps([_VERSION, held, entity, [_pack_event(event) for event in self.buffer]])

    @classmethod
    def unpack(cls, signed: int | None, blob: bytes) -> EntityState:
        """The inverse of `signed_revision` and `pack`.

        Raises:
            InputError: The rest is of a version that this release does not know.
        """
        state = cls.from_signed(signed)
        if not blob:
            return state
        version, *fields = orjson.loads(blob)
        if version != _VERSION:
            raise InputError(
                f"The state of an entity has format {version}; this release knows {_VERSION}.",
                hint="Run the release that wrote it, or one after it.",
            )
        held, entity, buffer = fields
        return state._replace(
            store_revision=state.store_revision if held is None else held,
            buffer=tuple(_unpack_event(entity, event) for event in buffer),
        )

    def __bool__(self) -> bool:
        """Whether there is anything to remember."""
        return self != UNSEEN


UNSEEN = EntityState()

_VERSION = 1


def _pack_event(event: InputEvent) -> list[Any]:
    fields: list[Any]
    match event:
        case RevisionCreated(parent=parent):
            fields = ["c", parent]
        case PageDeleted():
            fields = ["d", None]
        case PageUndeleted():
            fields = ["u", None]
        case Reconcile(action=action):
            fields = ["r", action]
    return [*fields, event.time, event.revision, event.ingested, *event.origin]


def _unpack_event(entity: str, fields: list[Any]) -> InputEvent:
    kind, own, time, revision, ingested, *rest = fields
    common = (entity, time, revision, ingested, Origin(*rest))
    match kind:
        case "c":
            return RevisionCreated(*common, parent=own)
        case "d":
            return PageDeleted(*common)
        case "u":
            return PageUndeleted(*common)
        case _:
            return Reconcile(*common, action=ReconcileAction(own))
