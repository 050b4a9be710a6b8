"""What is remembered of an entity: the last revision that was seen, what the store holds, and what waits for its turn.

Of most entities it is one signed number, so that a hundred million of them fit on a disk; the rest is packed beside it.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, NamedTuple

import orjson

from wikistate.core.updater.inputs import (
    InputEvent,
    Origin,
    PageDeleted,
    PageUndeleted,
    Reconcile,
    ReconcileAction,
    RevisionCreated,
)
from wikistate.errors import InputError, InternalError

NOTHING_HELD = 0
"""The store holds nothing of the entity."""

DOUBTFUL = -1
"""Nobody can tell any more what the store holds of the entity: only all of it can be put right."""


class Status(StrEnum):
    """Whether the entity exists, as far as was seen. Values as in the field ``state_status``."""

    CREATED = "CREATED"
    DELETED = "DELETED"
    UNDEFINED = "UNDEFINED"


class KeyState(NamedTuple):
    """What is remembered of one entity.

    Attributes:
        revision: The last one seen; 0 while the status is undefined.
        status: Of the entity with that revision.
        held: The revision that the store holds, which is behind until an operation is carried out; or `NOTHING_HELD`, or
            `DOUBTFUL` when one failed.
        buffer: Events that wait for those before them, in the order in which they came.
    """

    revision: int = 0
    status: Status = Status.UNDEFINED
    held: int = NOTHING_HELD
    buffer: tuple[InputEvent, ...] = ()

    @classmethod
    def of_signed(cls, signed: int | None) -> KeyState:
        """The state of an entity whose store is in step: positive is created, the rest is deleted, None is unseen."""
        if signed is None:
            return UNSEEN
        return cls(signed, Status.CREATED, signed) if signed > 0 else cls(-signed, Status.DELETED)

    @property
    def signed_revision(self) -> int | None:
        """Revision and status as one number, as `of_signed` reads it.

        Raises:
            InternalError: Revision 0 was taken for one that exists; as a number it would read as deleted.
        """
        if self.status is Status.UNDEFINED:
            return None
        if self.status is Status.DELETED:
            return -self.revision
        if self.revision < 1:
            raise InternalError("An entity cannot exist at revision 0.", hint="Please report this.")
        return self.revision

    @property
    def in_step(self) -> bool:
        """Whether the store holds what was seen."""
        return self.held == (self.revision if self.status is Status.CREATED else NOTHING_HELD)

    def pack(self) -> bytes:
        """What `signed_revision` does not say; empty for nearly all."""
        if self.in_step and not self.buffer:
            return b""
        entity = self.buffer[0].entity if self.buffer else ""
        held = None if self.in_step else self.held
        return orjson.dumps([_VERSION, held, entity, [_pack(event) for event in self.buffer]])

    @classmethod
    def unpack(cls, signed: int | None, rest: bytes) -> KeyState:
        """The inverse of `signed_revision` and `pack`.

        Raises:
            InputError: The rest is of a version that this release does not know.
        """
        state = cls.of_signed(signed)
        if not rest:
            return state
        version, *fields = orjson.loads(rest)
        if version != _VERSION:
            raise InputError(
                f"The state of an entity has format {version}; this release knows {_VERSION}.",
                hint="Run the release that wrote it, or one after it.",
            )
        held, entity, buffer = fields
        return state._replace(
            held=state.held if held is None else held, buffer=tuple(_unpack(entity, event) for event in buffer)
        )

    def __bool__(self) -> bool:
        """Whether there is anything to remember."""
        return self != UNSEEN


UNSEEN = KeyState()

_VERSION = 1


def _pack(event: InputEvent) -> list[Any]:
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


def _unpack(entity: str, fields: list[Any]) -> InputEvent:
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
