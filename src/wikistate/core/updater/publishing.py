"""What becomes of a decision when the wiki does not answer.

A decision is made before the wiki is asked. When it then cannot be carried out, what was seen is ahead of what the store
holds, and a difference to what was seen would leave out what was missed. So the state keeps both, and each operation is
fitted to what the store holds just before it is carried out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.core.updater.operations import DeleteItem, Diff, FullImport, Operation, ReconcileItem
from wikistate.core.updater.state import DOUBTFUL, NOTHING_HELD

if TYPE_CHECKING:
    from wikistate.core.updater.inputs import Origin
    from wikistate.core.updater.state import KeyState


def fitted(operation: Operation, state: KeyState) -> Operation:
    """The operation as it must be carried out for the store to end at its revision.

    Args:
        operation: As it was decided.
        state: As it is when all earlier operations of the entity have been carried out or have failed.
    """
    if isinstance(operation, DeleteItem | ReconcileItem):
        return operation
    common = _common(operation)
    if state.held == DOUBTFUL:
        return ReconcileItem(*common)
    if state.held == NOTHING_HELD:
        return FullImport(*common)
    return Diff(*common, from_revision=state.held)


def published(state: KeyState, operation: Operation) -> KeyState:
    """The state after an operation was carried out."""
    return state._replace(held=NOTHING_HELD if isinstance(operation, DeleteItem) else operation.revision)


def failed(state: KeyState, operation: Operation, *, from_revision_gone: bool = False) -> KeyState:
    """The state after an operation could not be carried out: the next one makes up for it.

    Args:
        state: The state before.
        operation: As it was tried.
        from_revision_gone: Whether the wiki no longer has the revision that the store holds, so that no difference to
            it can be made any more.
    """
    doubtful = from_revision_gone or isinstance(operation, ReconcileItem)
    return state._replace(held=DOUBTFUL) if doubtful else state


def from_scratch(operation: Operation) -> ReconcileItem:
    """The operation that ends at the same revision whatever the store holds."""
    return ReconcileItem(*_common(operation))


def _common(operation: Operation) -> tuple[str, int, int, int, Origin]:
    return operation.entity, operation.time, operation.revision, operation.ingested, operation.origin
