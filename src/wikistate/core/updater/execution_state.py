"""What becomes of a decision when the wiki does not answer.

A decision is made before the wiki is asked. When it then cannot be carried out, what was seen is ahead of what the store
holds, and a difference to what was seen would leave out what was missed. So the state keeps both, and each operation is
fitted to what the store holds, or is not known to hold, just before it is carried out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.core.updater.operations import DeleteItem, Diff, FullImport, Operation, ReconcileItem
from wikistate.core.updater.state import NOT_IN_STORE, STORE_STATE_UNKNOWN

if TYPE_CHECKING:
    from wikistate.core.updater.input_events import Origin
    from wikistate.core.updater.state import EntityState


def adapt_operation(operation: Operation, state: EntityState) -> Operation:
    """The operation as it must be carried out for the store to end at its revision.

    Args:
        operation: As it was decided.
        state: As it is when all earlier operations of the entity have been carried out or have failed.
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
    """The state after an operation was carried out."""
    return state._replace(store_revision=NOT_IN_STORE if isinstance(operation, DeleteItem) else operation.revision)


def mark_failed(state: EntityState) -> EntityState:
    """The state after an operation could not be carried out: the next one makes up for it.

    Nobody can tell any more what the store holds. It may be what it held before; but after a crash the operation is done a
    second time, and then its mutation may be out already, of a revision that the wiki has hidden in the meantime.
    """
    return state._replace(store_revision=STORE_STATE_UNKNOWN)


def as_full_import(operation: Operation) -> ReconcileItem:
    """The operation that ends at the same revision whatever the store holds."""
    return ReconcileItem(*_common_fields(operation))


def _common_fields(operation: Operation) -> tuple[str, int, int, int, Origin]:
    return operation.entity, operation.time, operation.revision, operation.ingested, operation.origin
