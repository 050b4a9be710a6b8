"""Keyed state of an entity: the last known revision, the revision in the store, and the buffered events.

The state of most entities is one signed number, so that a hundred million fit on a disk; other fields are packed beside.
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
"""The triples of the entity in the store are not known: only replacing all of them repairs the store."""


class EntityStatus(StrEnum):
    """Status of the entity according to its last event. Values as in the field ``state_status``."""

    CREATED = "CREATED"
    DELETED = "DELETED"
    UNDEFINED = "UNDEFINED"


class EntityState(NamedTuple):
    """Keyed state of one entity.

    Attributes:
        revision: The last known revision; 0 while the status is undefined.
        status: Status of the entity with that revision.
        store_revision: The revision in the store, which is behind until an operation is executed. It is `NOT_IN_STORE`
            if the store does not hold the entity, and `STORE_STATE_UNKNOWN` after a failure.
        buffer: Events that wait for earlier events, in the order of their arrival.
    """

    revision: int = 0
    status: EntityStatus = EntityStatus.UNDEFINED
    store_revision: int = NOT_IN_STORE
    buffer: tuple[InputEvent, ...] = ()

    @classmethod
    def from_signed(cls, signed: int | None) -> EntityState:
        """Return the state of an entity that the store is up to date with.

        A positive number is a created entity, any other number a deleted one, None an unseen one.
        """
        if signed is None:
            return UNSEEN
        return cls(signed, EntityStatus.CREATED, signed) if signed > 0 else cls(-signed, EntityStatus.DELETED)

    @property
    def signed_revision(self) -> int | None:
        """Revision and status as one number, the argument of `from_signed`.

        Raises:
            InternalError: The entity is created at revision 0, which would be read back as deleted.
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
        """Whether the store holds the known revision."""
        return self.store_revision == (self.revision if self.status is EntityStatus.CREATED else NOT_IN_STORE)

    def pack(self) -> bytes:
        """Pack the fields that `signed_revision` does not hold; empty for nearly all entities."""
        if self.is_in_sync and not self.buffer:
            return b""
        entity = self.buffer[0].entity if self.buffer else ""
        held = None if self.is_in_sync else self.store_revision
        return orjson.dumps([_VERSION, held, entity, [_pack_event(event) for event in self.buffer]])

    @classmethod
    def unpack(cls, signed: int | None, blob: bytes) -> EntityState:
        """Return the state from the results of `signed_revision` and `pack`.

        Raises:
            InputError: The packed fields have a version that this release does not know.
        """
        state = cls.from_signed(signed)
        if not blob:
            return state
        try:
            version, *fields = orjson.loads(blob)
            return cls._unpack_fields(state, version, fields)
        except (ValueError, TypeError) as error:
            raise InputError(
                f"The state of an entity cannot be read: {error!s:.200}.",
                hint="The state file is damaged: restore it from a backup.",
            ) from error

    @staticmethod
    def _unpack_fields(state: EntityState, version: object, fields: list[Any]) -> EntityState:
        if version != _VERSION:
            raise InputError(
                f"The state of an entity has format {version}; this release knows {_VERSION}.",
                hint="Run the release that wrote the state, or a later one.",
            )
        held, entity, buffer = fields
        return state._replace(
            store_revision=state.store_revision if held is None else held,
            buffer=tuple(_unpack_event(entity, event) for event in buffer),
        )

    def __bool__(self) -> bool:
        """Return whether there is anything to keep."""
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
