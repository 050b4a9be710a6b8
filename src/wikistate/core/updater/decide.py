"""Decision table: the action for an event, given the state of its entity.

The table is data; `decide` finds the only row that matches and applies it.
"""

from __future__ import annotations

from enum import Enum, StrEnum
from itertools import product
from typing import TYPE_CHECKING, NamedTuple, assert_never

from wikistate.core.updater.input_events import (
    InputEvent,
    PageDeleted,
    PageUndeleted,
    Reconcile,
    ReconcileAction,
    RevisionCreated,
)
from wikistate.core.updater.operations import DeleteItem, Diff, FullImport, Operation, ReconcileItem
from wikistate.core.updater.state import STORE_STATE_UNKNOWN, EntityState, EntityStatus

if TYPE_CHECKING:
    from collections.abc import Mapping


class EventKind(Enum):
    """Kind of an event."""

    REVISION = "a revision was saved"
    DELETION = "the page was deleted"
    UNDELETION = "the page was restored"
    RECONCILE_CREATION = "a reconciliation asks for a revision"
    RECONCILE_DELETION = "a reconciliation asks to delete a revision"
    FORCED_DELETION = "a reconciliation asks to delete revision 0"


class KnownState(Enum):
    """Known state of the entity, compared with the event's revision."""

    NOTHING = "nothing"
    OLDER = "an older revision"
    SAME = "that revision"
    NEWER = "a newer revision"
    DELETED_OLDER = "deleted at an older revision"
    DELETED_SAME = "deleted at that revision"
    DELETED_NEWER = "deleted at a newer revision"


class Action(Enum):
    """Action for the store, which also determines the new state."""

    IMPORT = "import"
    DIFF = "diff"
    DELETE = "delete"
    DELETE_AND_FORGET = "delete and forget"
    """The next event of the entity is then treated as its first one."""
    RECONCILE = "reconcile"
    NOTHING = "nothing"


class TargetRevision(Enum):
    """Revision to which an operation brings the store."""

    EVENT = "the event's revision"
    KNOWN = "the known revision"


class DecisionReason(StrEnum):
    """Reason of a decision. The values are metric labels."""

    FIRST_REVISION = "first_revision"
    NEXT_REVISION = "next_revision"
    PAGE_DELETED = "page_deleted"
    PAGE_UNDELETED = "page_undeleted"
    RECONCILED = "reconciled"
    RECONCILED_TO_NEWER = "reconciled_to_newer"
    """The reconciliation is about an older revision than the known one: the store is brought to the known revision."""
    FORCED_DELETION = "forced_deletion"

    NEWER_REVISION_SEEN = "newer_revision_seen"
    """The event repeats a known event, or is older."""
    UNMATCHED_UNDELETE = "unmatched_undelete"
    """The event restores an entity that was not deleted, or not at that revision."""
    MISSED_UNDELETE = "missed_undelete"
    """The event is a new revision of a deleted entity: the event that restored it was missed."""
    UNKNOWN_ENTITY = "unknown_entity"
    """The event deletes an unknown entity. This is not a sign of a loss: other pages share the entities' namespaces."""
    AMBIGUOUS_CREATION = "ambiguous_creation"
    """The reconciliation asks to import an entity that was deleted at that very revision. It is done and reported."""
    AMBIGUOUS_DELETION = "ambiguous_deletion"
    """The reconciliation asks to delete an entity that exists at that very revision. It is done and reported."""


class DecisionRule(NamedTuple):
    """Row of the table: the event, the known states (any of these), the action, the target revision, and the reason."""

    event_kind: EventKind
    known_states: tuple[KnownState, ...]
    action: Action
    target: TargetRevision
    reason: DecisionReason


_H, _S, _D, _A, _R = EventKind, KnownState, Action, TargetRevision, DecisionReason
_DELETED = (_S.DELETED_OLDER, _S.DELETED_SAME, _S.DELETED_NEWER)

# fmt: off
TABLE: tuple[DecisionRule, ...] = (
    DecisionRule(_H.REVISION, (_S.NOTHING,), _D.IMPORT, _A.EVENT, _R.FIRST_REVISION),
    DecisionRule(_H.REVISION, (_S.OLDER,), _D.DIFF, _A.EVENT, _R.NEXT_REVISION),
    DecisionRule(_H.REVISION, (_S.SAME, _S.NEWER), _D.NOTHING, _A.EVENT, _R.NEWER_REVISION_SEEN),
    DecisionRule(_H.REVISION, (_S.DELETED_OLDER,), _D.NOTHING, _A.EVENT, _R.MISSED_UNDELETE),
    DecisionRule(_H.REVISION, (_S.DELETED_SAME, _S.DELETED_NEWER), _D.NOTHING, _A.EVENT, _R.NEWER_REVISION_SEEN),

    DecisionRule(_H.DELETION, (_S.NOTHING,), _D.NOTHING, _A.EVENT, _R.UNKNOWN_ENTITY),
    DecisionRule(_H.DELETION, (_S.OLDER, _S.SAME), _D.DELETE, _A.EVENT, _R.PAGE_DELETED),
    DecisionRule(_H.DELETION, (_S.NEWER, *_DELETED), _D.NOTHING, _A.EVENT, _R.NEWER_REVISION_SEEN),

    DecisionRule(_H.UNDELETION, (_S.NOTHING, _S.DELETED_SAME), _D.IMPORT, _A.EVENT, _R.PAGE_UNDELETED),
    DecisionRule(_H.UNDELETION, (_S.SAME, _S.DELETED_OLDER, _S.DELETED_NEWER), _D.NOTHING, _A.EVENT, _R.UNMATCHED_UNDELETE),
    DecisionRule(_H.UNDELETION, (_S.OLDER, _S.NEWER), _D.NOTHING, _A.EVENT, _R.NEWER_REVISION_SEEN),

    DecisionRule(_H.RECONCILE_CREATION, (_S.NOTHING, _S.OLDER, _S.SAME, _S.DELETED_OLDER), _D.RECONCILE, _A.EVENT, _R.RECONCILED),
    DecisionRule(_H.RECONCILE_CREATION, (_S.DELETED_SAME,), _D.RECONCILE, _A.EVENT, _R.AMBIGUOUS_CREATION),
    DecisionRule(_H.RECONCILE_CREATION, (_S.NEWER,), _D.RECONCILE, _A.KNOWN, _R.RECONCILED_TO_NEWER),
    DecisionRule(_H.RECONCILE_CREATION, (_S.DELETED_NEWER,), _D.DELETE, _A.KNOWN, _R.RECONCILED_TO_NEWER),

    DecisionRule(_H.RECONCILE_DELETION, (_S.NOTHING, _S.OLDER, _S.DELETED_OLDER, _S.DELETED_SAME), _D.DELETE, _A.EVENT, _R.RECONCILED),
    DecisionRule(_H.RECONCILE_DELETION, (_S.SAME,), _D.DELETE, _A.EVENT, _R.AMBIGUOUS_DELETION),
    DecisionRule(_H.RECONCILE_DELETION, (_S.NEWER,), _D.RECONCILE, _A.KNOWN, _R.RECONCILED_TO_NEWER),
    DecisionRule(_H.RECONCILE_DELETION, (_S.DELETED_NEWER,), _D.DELETE, _A.KNOWN, _R.RECONCILED_TO_NEWER),

    DecisionRule(_H.FORCED_DELETION, tuple(_S), _D.DELETE_AND_FORGET, _A.EVENT, _R.FORCED_DELETION),
)
# fmt: on

INCONSISTENCIES: Mapping[DecisionReason, str] = {
    _R.NEWER_REVISION_SEEN: "newer_revision_seen",
    _R.UNKNOWN_ENTITY: "newer_revision_seen",
    # The published name has "delete" for an undeletion; consumers of the stream rely on it.
    _R.UNMATCHED_UNDELETE: "unmatched_delete",
    _R.MISSED_UNDELETE: "missed_undelete",
    _R.AMBIGUOUS_CREATION: "reconcile_ambiguous_creation",
    _R.AMBIGUOUS_DELETION: "reconcile_ambiguous_deletion",
}
"""The reasons for which event and state are inconsistent, with their names on the wire."""

_RULES = {pair: row for row in TABLE for pair in product([row.event_kind], row.known_states)}


class EventDecision(NamedTuple):
    """Decision about an event.

    Attributes:
        operation: Operation on the store; None for no operation.
        state: The new state of the entity.
        reason: Reason of the decision.
    """

    operation: Operation | None
    state: EntityState
    reason: DecisionReason


_UNKNOWN_DELETED = DecisionRule(
    EventKind.DELETION, (KnownState.NOTHING,), Action.DELETE, TargetRevision.EVENT, DecisionReason.PAGE_DELETED
)
"""The rule in place of that of `UNKNOWN_ENTITY` if the store may hold entities that the state does not know."""


def decide(state: EntityState, event: InputEvent) -> EventDecision:
    """Decide about the event that is next in order. The state's buffer and `store_revision` are not changed."""
    row = find_rule(state, event)
    if row.reason is DecisionReason.UNKNOWN_ENTITY and state.store_revision == STORE_STATE_UNKNOWN:
        row = _UNKNOWN_DELETED
    revision = event.revision if row.target is TargetRevision.EVENT else state.revision
    return EventDecision(
        _build_operation(row.action, event, revision, state), _next_state(row.action, revision, state), row.reason
    )


def find_rule(state: EntityState, event: InputEvent) -> DecisionRule:
    """Return the row of the table that matches."""
    return _RULES[_classify_event(event), _classify_state(state, event.revision)]


def _classify_event(event: InputEvent) -> EventKind:
    match event:
        case RevisionCreated():
            return EventKind.REVISION
        case PageDeleted():
            return EventKind.DELETION
        case PageUndeleted():
            return EventKind.UNDELETION
        case Reconcile(action=ReconcileAction.CREATION):
            return EventKind.RECONCILE_CREATION
        case Reconcile(revision=0):
            return EventKind.FORCED_DELETION
        case Reconcile():
            return EventKind.RECONCILE_DELETION
        case _:
            assert_never(event)


def _classify_state(state: EntityState, revision: int) -> KnownState:
    if state.status is EntityStatus.UNDEFINED:
        return KnownState.NOTHING
    deleted = state.status is EntityStatus.DELETED
    if state.revision < revision:
        return KnownState.DELETED_OLDER if deleted else KnownState.OLDER
    if state.revision > revision:
        return KnownState.DELETED_NEWER if deleted else KnownState.NEWER
    return KnownState.DELETED_SAME if deleted else KnownState.SAME


def _build_operation(action: Action, event: InputEvent, revision: int, state: EntityState) -> Operation | None:
    common = (event.entity, event.time, revision, event.ingested, event.origin)
    match action:
        case Action.IMPORT:
            return FullImport(*common)
        case Action.DIFF:
            return Diff(*common, from_revision=state.revision)
        case Action.DELETE | Action.DELETE_AND_FORGET:
            return DeleteItem(*common)
        case Action.RECONCILE:
            return ReconcileItem(*common)
        case Action.NOTHING:
            return None


def _next_state(action: Action, revision: int, state: EntityState) -> EntityState:
    match action:
        case Action.IMPORT | Action.DIFF | Action.RECONCILE:
            return state._replace(revision=revision, status=EntityStatus.CREATED)
        case Action.DELETE:
            return state._replace(revision=revision, status=EntityStatus.DELETED)
        case Action.DELETE_AND_FORGET:
            return state._replace(revision=0, status=EntityStatus.UNDEFINED)
        case Action.NOTHING:
            return state
