"""What brings an entity in step when the wiki itself was asked, in the place of an event.

A walk over all entities, and an event that does not fit what was seen, end in the same question: what does the wiki have
now, and what does the store hold? The answer depends on no order of events, so that it makes up for whatever was missed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from wikistate.core.updater.operations import DeleteItem, FullImport, Operation, ReconcileItem
from wikistate.core.updater.state import NOT_IN_STORE, STORE_STATE_UNKNOWN, EntityState, EntityStatus

if TYPE_CHECKING:
    from wikistate.core.updater.input_events import Origin


class ResyncRequest(NamedTuple):
    """Somebody has reason to look after an entity.

    Attributes:
        entity: Entity id.
        time: When the reason arose, milliseconds since the epoch.
        ingested: When it was read.
        origin: What gave the reason.
        listed_revision: The revision that the wiki was just seen to have; None where it has to be asked.
    """

    entity: str
    time: int
    ingested: int
    origin: Origin
    listed_revision: int | None = None


class ResyncPlan(NamedTuple):
    """What a check came to.

    Attributes:
        state: To be remembered, as it is before `operation` is carried out.
        operation: What brings the store in step; None where it is.
    """

    state: EntityState
    operation: Operation | None


def is_trustworthy(request: ResyncRequest, state: EntityState) -> bool:
    """Whether what a list showed of an entity may still be so.

    It may not where something newer was seen since, or a deletion: only the wiki knows what came first.
    """
    return (
        request.listed_revision is not None
        and state.status is not EntityStatus.DELETED
        and state.revision <= request.listed_revision
    )


def mark_uncertain(state: EntityState, store_revision: int | None) -> EntityState:
    """The state, compared with what the store says: where the two differ, nothing is known of what the store holds.

    Args:
        state: What is remembered.
        store_revision: The revision that the store holds of the entity; None for nothing of it.
    """
    return (
        state
        if (store_revision or NOT_IN_STORE) == state.store_revision
        else state._replace(store_revision=STORE_STATE_UNKNOWN)
    )


def resync(
    request: ResyncRequest, state: EntityState, *, store_revision: int | None, current: int | None
) -> ResyncPlan:
    """Compare what the wiki has with what the store holds.

    Args:
        request: Which entity.
        state: What is remembered of it.
        store_revision: The revision that the store holds; None for nothing.
        current: The revision that the wiki has; None where it has no such page.
    """
    if current is None:
        return _resync_missing(request, mark_uncertain(state, store_revision), store_revision or 0)
    # A replica may lag behind an event: what was seen once is not unseen.
    revision = max(current, state.revision) if state.status is EntityStatus.CREATED else current
    after = mark_uncertain(state, store_revision)._replace(revision=revision, status=EntityStatus.CREATED)
    if store_revision == revision and (
        state.store_revision == store_revision or state.status is EntityStatus.UNDEFINED
    ):
        return ResyncPlan(after._replace(store_revision=store_revision), None)
    return ResyncPlan(after, _build_operation(request, revision))


def _build_operation(request: ResyncRequest, revision: int) -> Operation:
    """What was found by a walk says nothing about how fresh the store is, as a reconciliation does not."""
    common = (request.entity, request.time, revision, request.ingested, request.origin)
    return FullImport(*common) if request.listed_revision is None else ReconcileItem(*common)


def _resync_missing(request: ResyncRequest, state: EntityState, store_revision: int) -> ResyncPlan:
    revision = max(state.revision, store_revision)
    after = state._replace(revision=revision, status=EntityStatus.DELETED) if revision else state
    if not store_revision and state.store_revision == NOT_IN_STORE:
        return ResyncPlan(after, None)
    return ResyncPlan(after, DeleteItem(request.entity, request.time, revision, request.ingested, request.origin))
