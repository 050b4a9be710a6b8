"""What an event means for the store, given what was seen of its entity before: one table.

The table is data; `decide` looks up the only row that fits and does what it says.
"""

from __future__ import annotations

from enum import Enum, StrEnum
from itertools import product
from typing import TYPE_CHECKING, NamedTuple, assert_never

from wikistate.core.updater.inputs import (
    InputEvent,
    PageDeleted,
    PageUndeleted,
    Reconcile,
    ReconcileAction,
    RevisionCreated,
)
from wikistate.core.updater.operations import DeleteItem, Diff, FullImport, Operation, ReconcileItem
from wikistate.core.updater.state import KeyState, Status

if TYPE_CHECKING:
    from collections.abc import Mapping


class Happened(Enum):
    """What the event tells."""

    REVISION = "a revision was saved"
    DELETION = "the page was deleted"
    UNDELETION = "the page was restored"
    ASKED_CREATION = "a reconciliation asks for a revision"
    ASKED_DELETION = "a reconciliation asks to take out a revision"
    FORCED_DELETION = "a reconciliation asks to take out revision 0"


class Seen(Enum):
    """What was seen before, beside the event's revision."""

    NOTHING = "nothing"
    OLDER = "an older revision"
    SAME = "that revision"
    NEWER = "a newer revision"
    GONE_OLDER = "deleted at an older revision"
    GONE_SAME = "deleted at that revision"
    GONE_NEWER = "deleted at a newer revision"


class Do(Enum):
    """What is done, and thereby what is remembered."""

    IMPORT = "import"
    DIFF = "diff"
    DELETE = "delete"
    DELETE_AND_FORGET = "delete and forget"
    """The next event of the entity is then as the first one."""
    RECONCILE = "reconcile"
    NOTHING = "nothing"


class At(Enum):
    """Whose revision an operation is about."""

    EVENT = "the event's revision"
    SEEN = "the revision seen"


class Reason(StrEnum):
    """Why that is done. The values are metric labels."""

    FIRST_REVISION = "first_revision"
    NEXT_REVISION = "next_revision"
    PAGE_DELETED = "page_deleted"
    PAGE_UNDELETED = "page_undeleted"
    RECONCILED = "reconciled"
    RECONCILED_TO_NEWER = "reconciled_to_newer"
    """The reconciliation is about an older revision than was seen: the store is brought to what was seen."""
    FORCED_DELETION = "forced_deletion"

    NEWER_REVISION_SEEN = "newer_revision_seen"
    """The event repeats what was seen, or is older."""
    UNMATCHED_UNDELETE = "unmatched_undelete"
    """Restored is what was not deleted, or not at that revision."""
    MISSED_UNDELETE = "missed_undelete"
    """A new revision of what was deleted: that it was restored never came."""
    UNKNOWN_ENTITY = "unknown_entity"
    """Deleted is what was never seen. Namespaces of entities hold other pages, too, so this is no sign of a loss."""
    AMBIGUOUS_CREATION = "ambiguous_creation"
    """Asked is to bring to the store what was seen to be deleted at that very revision. It is done, and told."""
    AMBIGUOUS_DELETION = "ambiguous_deletion"
    """Asked is to take out what was seen to exist at that very revision. It is done, and told."""


class Row(NamedTuple):
    """One row: what happened, what was seen before (any of these), what is done, at which revision, and why."""

    happened: Happened
    seen: tuple[Seen, ...]
    do: Do
    at: At
    reason: Reason


_H, _S, _D, _A, _R = Happened, Seen, Do, At, Reason
_GONE = (_S.GONE_OLDER, _S.GONE_SAME, _S.GONE_NEWER)

# fmt: off
TABLE: tuple[Row, ...] = (
    Row(_H.REVISION, (_S.NOTHING,), _D.IMPORT, _A.EVENT, _R.FIRST_REVISION),
    Row(_H.REVISION, (_S.OLDER,), _D.DIFF, _A.EVENT, _R.NEXT_REVISION),
    Row(_H.REVISION, (_S.SAME, _S.NEWER), _D.NOTHING, _A.EVENT, _R.NEWER_REVISION_SEEN),
    Row(_H.REVISION, (_S.GONE_OLDER,), _D.NOTHING, _A.EVENT, _R.MISSED_UNDELETE),
    Row(_H.REVISION, (_S.GONE_SAME, _S.GONE_NEWER), _D.NOTHING, _A.EVENT, _R.NEWER_REVISION_SEEN),

    Row(_H.DELETION, (_S.NOTHING,), _D.NOTHING, _A.EVENT, _R.UNKNOWN_ENTITY),
    Row(_H.DELETION, (_S.OLDER, _S.SAME), _D.DELETE, _A.EVENT, _R.PAGE_DELETED),
    Row(_H.DELETION, (_S.NEWER, *_GONE), _D.NOTHING, _A.EVENT, _R.NEWER_REVISION_SEEN),

    Row(_H.UNDELETION, (_S.NOTHING, _S.GONE_SAME), _D.IMPORT, _A.EVENT, _R.PAGE_UNDELETED),
    Row(_H.UNDELETION, (_S.SAME, _S.GONE_OLDER, _S.GONE_NEWER), _D.NOTHING, _A.EVENT, _R.UNMATCHED_UNDELETE),
    Row(_H.UNDELETION, (_S.OLDER, _S.NEWER), _D.NOTHING, _A.EVENT, _R.NEWER_REVISION_SEEN),

    Row(_H.ASKED_CREATION, (_S.NOTHING, _S.OLDER, _S.SAME, _S.GONE_OLDER), _D.RECONCILE, _A.EVENT, _R.RECONCILED),
    Row(_H.ASKED_CREATION, (_S.GONE_SAME,), _D.RECONCILE, _A.EVENT, _R.AMBIGUOUS_CREATION),
    Row(_H.ASKED_CREATION, (_S.NEWER,), _D.RECONCILE, _A.SEEN, _R.RECONCILED_TO_NEWER),
    Row(_H.ASKED_CREATION, (_S.GONE_NEWER,), _D.DELETE, _A.SEEN, _R.RECONCILED_TO_NEWER),

    Row(_H.ASKED_DELETION, (_S.NOTHING, _S.OLDER, _S.GONE_OLDER, _S.GONE_SAME), _D.DELETE, _A.EVENT, _R.RECONCILED),
    Row(_H.ASKED_DELETION, (_S.SAME,), _D.DELETE, _A.EVENT, _R.AMBIGUOUS_DELETION),
    Row(_H.ASKED_DELETION, (_S.NEWER,), _D.RECONCILE, _A.SEEN, _R.RECONCILED_TO_NEWER),
    Row(_H.ASKED_DELETION, (_S.GONE_NEWER,), _D.DELETE, _A.SEEN, _R.RECONCILED_TO_NEWER),

    Row(_H.FORCED_DELETION, tuple(_S), _D.DELETE_AND_FORGET, _A.EVENT, _R.FORCED_DELETION),
)
# fmt: on

INCONSISTENCIES: Mapping[Reason, str] = {
    _R.NEWER_REVISION_SEEN: "newer_revision_seen",
    _R.UNKNOWN_ENTITY: "newer_revision_seen",
    # The published name says delete where it means undelete; readers of the stream know it so.
    _R.UNMATCHED_UNDELETE: "unmatched_delete",
    _R.MISSED_UNDELETE: "missed_undelete",
    _R.AMBIGUOUS_CREATION: "reconcile_ambiguous_creation",
    _R.AMBIGUOUS_DELETION: "reconcile_ambiguous_deletion",
}
"""The reasons that say that events and state do not fit together, with their names on the wire."""

_ROWS = {pair: row for row in TABLE for pair in product([row.happened], row.seen)}


class Decision(NamedTuple):
    """What is to be done about an event.

    Attributes:
        operation: What to do to the store; None for nothing.
        state: What to remember from now on.
        reason: Why.
    """

    operation: Operation | None
    state: KeyState
    reason: Reason


def decide(state: KeyState, event: InputEvent) -> Decision:
    """Decide about an event whose turn it is. What waits in the state's buffer, and what the store holds, stay."""
    row = row_of(state, event)
    revision = event.revision if row.at is At.EVENT else state.revision
    return Decision(_operation(row.do, event, revision, state), _after(row.do, revision, state), row.reason)


def row_of(state: KeyState, event: InputEvent) -> Row:
    """The row of the table that fits."""
    return _ROWS[_happened(event), _seen(state, event.revision)]


def _happened(event: InputEvent) -> Happened:
    match event:
        case RevisionCreated():
            return Happened.REVISION
        case PageDeleted():
            return Happened.DELETION
        case PageUndeleted():
            return Happened.UNDELETION
        case Reconcile(action=ReconcileAction.CREATION):
            return Happened.ASKED_CREATION
        case Reconcile(revision=0):
            return Happened.FORCED_DELETION
        case Reconcile():
            return Happened.ASKED_DELETION
        case _:
            assert_never(event)


def _seen(state: KeyState, revision: int) -> Seen:
    if state.status is Status.UNDEFINED:
        return Seen.NOTHING
    gone = state.status is Status.DELETED
    if state.revision < revision:
        return Seen.GONE_OLDER if gone else Seen.OLDER
    if state.revision > revision:
        return Seen.GONE_NEWER if gone else Seen.NEWER
    return Seen.GONE_SAME if gone else Seen.SAME


def _operation(do: Do, event: InputEvent, revision: int, state: KeyState) -> Operation | None:
    common = (event.entity, event.time, revision, event.ingested, event.origin)
    match do:
        case Do.IMPORT:
            return FullImport(*common)
        case Do.DIFF:
            return Diff(*common, from_revision=state.revision)
        case Do.DELETE | Do.DELETE_AND_FORGET:
            return DeleteItem(*common)
        case Do.RECONCILE:
            return ReconcileItem(*common)
        case Do.NOTHING:
            return None


def _after(do: Do, revision: int, state: KeyState) -> KeyState:
    match do:
        case Do.IMPORT | Do.DIFF | Do.RECONCILE:
            return state._replace(revision=revision, status=Status.CREATED)
        case Do.DELETE:
            return state._replace(revision=revision, status=Status.DELETED)
        case Do.DELETE_AND_FORGET:
            return state._replace(revision=0, status=Status.UNDEFINED)
        case Do.NOTHING:
            return state
