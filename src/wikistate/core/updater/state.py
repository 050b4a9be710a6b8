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
from wikistate.errors import InputError, InternalError, StateError

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
            StateError: The packed fields are damaged.
        """
        state = cls.from_signed(signed)
        if not blob:
            return state
        try:
            return _unpack_fields(state, blob)
        except (ValueError, TypeError) as error:
            raise StateError(
                f"The state of an entity at revision {state.revision} is damaged: {blob[:60]!r} ({error!s:.80}).",
                hint="Restore state.sqlite in the state folder (--state) from a copy, or start with an empty state folder.",
            ) from error

    def __bool__(self) -> bool:
        """Return whether there is anything to keep."""
        return self != UNSEEN


UNSEEN = EntityState()

UNSEEN_IN_UNKNOWN_STORE = EntityState(store_revision=STORE_STATE_UNKNOWN)
"""The state of an unseen entity that the store may hold: its first operation replaces all of it."""

_VERSION = 1


def _unpack_fields(state: EntityState, blob: bytes) -> EntityState:
    match orjson.loads(blob):
        case [int(version), *fields]:
            pass
        case _:
            raise ValueError("not a list that begins with a format")
    if version != _VERSION:
        raise InputError(
            f"The state of an entity has format {version}; this release knows {_VERSION}.",
            hint="Run the release that wrote the state, or a later one.",
        )
    held, entity, buffer = fields
    if not isinstance(entity, str):
        raise TypeError("the id of the entity is not a text")
    if not (held is None or type(held) is int):
        raise ValueError("the revision in the store is not a number")
    return state._replace(
        store_revision=state.store_revision if held is None else held,
        buffer=tuple(_unpack_event(entity, event) for event in buffer),
    )


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
    if not (
        all(type(each) is int for each in (time, revision, ingested)) and all(isinstance(each, str) for each in rest)
    ):
        raise ValueError("a buffered event has a field of another type")
    common = (entity, time, revision, ingested, Origin(*rest))
    match kind:
        case "c" if own is None or type(own) is int:
            return RevisionCreated(*common, parent=own)
        case "d":
            return PageDeleted(*common)
        case "u":
            return PageUndeleted(*common)
        case _:
            return Reconcile(*common, action=ReconcileAction(own))
