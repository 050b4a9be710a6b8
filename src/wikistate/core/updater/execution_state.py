"""Adaptation of operations to the revision in the store, for decisions whose fetch fails.

A decision is made before the fetch. If the fetch fails, the known revision is ahead of the store, and a diff from the
known revision would leave out the missed changes. Therefore the state has both revisions, and each operation is adapted to
the revision in the store, or to the lack of knowledge about it, just before it is executed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.core.updater.operations import DeleteItem, Diff, FullImport, Operation, ReconcileItem
from wikistate.core.updater.state import NOT_IN_STORE, STORE_STATE_UNKNOWN

if TYPE_CHECKING:
    from wikistate.core.updater.input_events import Origin
    from wikistate.core.updater.state import EntityState


def adapt_operation(operation: Operation, state: EntityState) -> Operation:
    """Return the operation that brings the store to the revision of the given operation.

    Args:
        operation: The operation of the decision.
        state: The state after all earlier operations of the entity were executed or have failed.
    """
    if isinstance(operation, DeleteItem | ReconcileItem):
        return operation
    common = _common_fields(operation)
    if state.store_revision == STORE_STATE_UNKNOWN:
        return ReconcileItem(*common)
    if state.store_revision == NOT_IN_STORE:
        return FullImport(*common)
    return Diff(*common, from_revision=state.store_revision)


def mark_published(state: EntityState, operation: Operation) -> EntityState:
    """Return the state after an operation was executed."""
    return state._replace(store_revision=NOT_IN_STORE if isinstance(operation, DeleteItem) else operation.revision)


def mark_failed(state: EntityState) -> EntityState:
    """Return the state after an operation has failed: the next operation reconciles the entity.

    The content of the store is not known any more. It may be unchanged. But after a crash the operation is executed a second
    time, and its mutation may have been written the first time, with a revision that the wiki has hidden in the meantime.
    """
    return state._replace(store_revision=STORE_STATE_UNKNOWN)


def as_full_import(operation: Operation) -> ReconcileItem:
    """Return the operation that ends at the same revision for any content of the store."""
    return ReconcileItem(*_common_fields(operation))


def _common_fields(operation: Operation) -> tuple[str, int, int, int, Origin]:
    return operation.entity, operation.time, operation.revision, operation.ingested, operation.origin
