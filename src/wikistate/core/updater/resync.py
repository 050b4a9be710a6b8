"""Resynchronisation of an entity: the operation that follows from the wiki's current revision instead of an event.

A full scan, and an event that is inconsistent with the state, both lead to a comparison of the wiki's current revision
with the revision in the store. The result does not depend on the order of events, so it repairs any missed event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from wikistate.core.updater.operations import DeleteItem, FullImport, Operation, ReconcileItem
from wikistate.core.updater.state import NOT_IN_STORE, STORE_STATE_UNKNOWN, EntityState, EntityStatus

if TYPE_CHECKING:
    from wikistate.core.updater.input_events import Origin


class ResyncRequest(NamedTuple):
    """Request to resynchronise an entity.

    Attributes:
        entity: Entity id.
        time: Time of the cause, milliseconds since the epoch.
        ingested: Time at which the cause was read, milliseconds since the epoch.
        origin: The event that caused the request.
        listed_revision: Revision in a recent list of the wiki; None if the revision has to be requested.
    """

    entity: str
    time: int
    ingested: int
    origin: Origin
    listed_revision: int | None = None


class ResyncPlan(NamedTuple):
    """Result of the comparison.

    Attributes:
        state: The new state, before `operation` is executed.
        operation: Operation that brings the store up to date; None if the store is up to date.
    """

    state: EntityState
    operation: Operation | None


def is_trustworthy(request: ResyncRequest, state: EntityState) -> bool:
    """Return whether the listed revision of an entity may still be current.

    It is not if a newer revision or a deletion is known: then only the wiki knows the order.
    """
    return (
        request.listed_revision is not None
        and state.status is not EntityStatus.DELETED
        and state.revision <= request.listed_revision
    )


def mark_uncertain(state: EntityState, store_revision: int | None) -> EntityState:
    """Return the state after a comparison with the store: if they differ, the content of the store counts as unknown.

    Args:
        state: The known state.
        store_revision: The revision of the entity in the store; None if the store does not hold it.
    """
    return (
        state
        if (store_revision or NOT_IN_STORE) == state.store_revision
        else state._replace(store_revision=STORE_STATE_UNKNOWN)
    )


def resync(
    request: ResyncRequest, state: EntityState, *, store_revision: int | None, current: int | None
) -> ResyncPlan:
    """Compare the current revision on the wiki with the revision in the store.

    Args:
        request: The request for the entity.
        state: The state of the entity.
        store_revision: The revision in the store; None if the store does not hold the entity.
        current: The current revision on the wiki; None if the page does not exist.
    """
    if current is None:
        return _resync_missing(request, mark_uncertain(state, store_revision), store_revision or 0)
    # A replica may lag behind an event: a known revision stays known.
    revision = max(current, state.revision) if state.status is EntityStatus.CREATED else current
    after = mark_uncertain(state, store_revision)._replace(revision=revision, status=EntityStatus.CREATED)
    if store_revision == revision and (
        state.store_revision == store_revision or state.status is EntityStatus.UNDEFINED
    ):
        return ResyncPlan(after._replace(store_revision=store_revision), None)
    return ResyncPlan(after, _build_operation(request, revision))


def _build_operation(request: ResyncRequest, revision: int) -> Operation:
    """Build the operation. After a full scan it is a reconciliation, which does not count for the freshness of the store."""
    common = (request.entity, request.time, revision, request.ingested, request.origin)
    return FullImport(*common) if request.listed_revision is None else ReconcileItem(*common)


def _resync_missing(request: ResyncRequest, state: EntityState, store_revision: int) -> ResyncPlan:
    revision = max(state.revision, store_revision)
    after = state._replace(revision=revision, status=EntityStatus.DELETED) if revision else state
    if not store_revision and state.store_revision == NOT_IN_STORE:
        return ResyncPlan(after, None)
    return ResyncPlan(after, DeleteItem(request.entity, request.time, revision, request.ingested, request.origin))
