"""What brings an entity in step when the wiki itself was asked, in the place of an event.

A walk over all entities, and an event that does not fit what was seen, end in the same question: what does the wiki have
now, and what does the store hold? The answer depends on no order of events, so that it makes up for whatever was missed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from wikistate.core.updater.operations import DeleteItem, FullImport, Operation, ReconcileItem
from wikistate.core.updater.state import DOUBTFUL, NOTHING_HELD, KeyState, Status

if TYPE_CHECKING:
    from wikistate.core.updater.inputs import Origin


class Check(NamedTuple):
    """Somebody has reason to look after an entity.

    Attributes:
        entity: Entity id.
        time: When the reason arose, milliseconds since the epoch.
        ingested: When it was read.
        origin: What gave the reason.
        listed: The revision that the wiki was just seen to have; None where it has to be asked.
    """

    entity: str
    time: int
    ingested: int
    origin: Origin
    listed: int | None = None


class Settled(NamedTuple):
    """What a check came to.

    Attributes:
        state: To be remembered, as it is before `operation` is carried out.
        operation: What brings the store in step; None where it is.
    """

    state: KeyState
    operation: Operation | None


def believable(check: Check, state: KeyState) -> bool:
    """Whether what a list showed of an entity may still be so.

    It may not where something newer was seen since, or a deletion: only the wiki knows what came first.
    """
    return check.listed is not None and state.status is not Status.DELETED and state.revision <= check.listed


def doubted(state: KeyState, held: int | None) -> KeyState:
    """The state, compared with what the store says: where the two differ, nothing is known of what the store holds.

    Args:
        state: What is remembered.
        held: The revision that the store holds of the entity; None for nothing of it.
    """
    return state if (held or NOTHING_HELD) == state.held else state._replace(held=DOUBTFUL)


def settle(check: Check, state: KeyState, *, held: int | None, current: int | None) -> Settled:
    """Compare what the wiki has with what the store holds.

    Args:
        check: Which entity.
        state: What is remembered of it.
        held: The revision that the store holds; None for nothing.
        current: The revision that the wiki has; None where it has no such page.
    """
    if current is None:
        return _gone(check, doubted(state, held), held or 0)
    # A replica may lag behind an event: what was seen once is not unseen.
    revision = max(current, state.revision) if state.status is Status.CREATED else current
    after = doubted(state, held)._replace(revision=revision, status=Status.CREATED)
    if held == revision and (state.held == held or state.status is Status.UNDEFINED):
        return Settled(after._replace(held=held), None)
    return Settled(after, _bringing(check, revision))


def _bringing(check: Check, revision: int) -> Operation:
    """What was found by a walk says nothing about how fresh the store is, as a reconciliation does not."""
    common = (check.entity, check.time, revision, check.ingested, check.origin)
    return FullImport(*common) if check.listed is None else ReconcileItem(*common)


def _gone(check: Check, state: KeyState, held: int) -> Settled:
    revision = max(state.revision, held)
    after = state._replace(revision=revision, status=Status.DELETED) if revision else state
    if not held and state.held == NOTHING_HELD:
        return Settled(after, None)
    return Settled(after, DeleteItem(check.entity, check.time, revision, check.ingested, check.origin))
