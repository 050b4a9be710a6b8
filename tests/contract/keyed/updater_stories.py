"""Stories of rdf-updater: each row of its decision table for each state, and all that a stream and a wiki can do to an entity.

An entity has the revisions 1, 2 and 3. Steps are events (``save``, ``delete``, ``restore``, ``reconcile``,
``reconcile-deletion``, ``not-json``, ``not-a-change``, ``no-revision``, ``null``) or changes of the wiki (``hide``, ``lose``,
``find``) with the number of a revision.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.contract.keyed.stories import Act, Story

from wikistate.core.updater.decide import INCONSISTENCIES, TABLE, Action, EventKind, KnownState, TargetRevision

if TYPE_CHECKING:
    from collections.abc import Iterator

    from wikistate.core.updater.decide import DecisionRule

_TESTED = 2
"""The revision of the event that a row decides."""

_STEPS = {
    EventKind.REVISION: "save",
    EventKind.DELETION: "delete",
    EventKind.UNDELETION: "restore",
    EventKind.RECONCILE_CREATION: "reconcile",
    EventKind.RECONCILE_DELETION: "reconcile-deletion",
    EventKind.FORCED_DELETION: "reconcile-deletion",
}
_KNOWN = {
    KnownState.NOTHING: 0,
    KnownState.OLDER: 1,
    KnownState.SAME: 2,
    KnownState.NEWER: 3,
    KnownState.DELETED_OLDER: 1,
    KnownState.DELETED_SAME: 2,
    KnownState.DELETED_NEWER: 3,
}
_DELETED = {KnownState.DELETED_OLDER, KnownState.DELETED_SAME, KnownState.DELETED_NEWER}
_ABOVE_ZERO = {KnownState.NOTHING, KnownState.NEWER, KnownState.DELETED_NEWER}
"""The known states that are possible when the event is about revision 0."""

_OPERATIONS = {
    Action.IMPORT: "import",
    Action.DIFF: "diff",
    Action.DELETE: "delete",
    Action.DELETE_AND_FORGET: "delete",
    Action.RECONCILE: "reconcile",
}


def tell_rows() -> Iterator[Story]:
    """Yield a story for each event and known state that the decision table has."""
    for row in TABLE:
        for state in row.known_states:
            if row.event_kind is not EventKind.FORCED_DELETION or state in _ABOVE_ZERO:
                yield _tell_row(row, state)


def _tell_row(row: DecisionRule, state: KnownState) -> Story:
    revision = 0 if row.event_kind is EventKind.FORCED_DELETION else _TESTED
    target = revision if row.target is TargetRevision.EVENT else _KNOWN[state]
    published = () if row.action is Action.NOTHING else (f"{_OPERATIONS[row.action]} {target}",)
    reports = (f"inconsistency {revision} {INCONSISTENCIES[row.reason]}",) if row.reason in INCONSISTENCIES else ()
    tested = Act((f"{_STEPS[row.event_kind]} {revision}",), published, reports)
    return Story(f"{row.event_kind.value}; the state has {state.value}", _reach(state), tested)


def _reach(state: KnownState) -> Act:
    known = _KNOWN[state]
    if not known:
        return Act()
    if state in _DELETED:
        return Act((f"save {known}", f"delete {known}"), (f"import {known}", f"delete {known}"))
    return Act((f"save {known}",), (f"import {known}",))


_IMPORTED = Act(("save 1",), ("import 1",))
_EDITED = Act(("save 2",), ("diff 2",))
_NEWER_SEEN = "inconsistency 2 newer_revision_seen"

STORIES: tuple[Story, ...] = (
    *tell_rows(),
    Story("edits in order", _IMPORTED, Act(("save 2", "save 3"), ("diff 2", "diff 3"))),
    Story("edits out of order", _IMPORTED, Act(("save 3", "save 2"), ("diff 2", "diff 3"))),
    Story(
        "all changes of a new entity out of order",
        Act(),
        Act(("save 3", "delete 3", "save 1", "save 2"), ("import 1", "diff 2", "diff 3", "delete 3")),
    ),
    Story("repeated event", _IMPORTED, Act(("save 2", "save 2"), ("diff 2",), (_NEWER_SEEN,))),
    Story("missed event", _IMPORTED, Act(("save 3",), ("diff 3",))),
    Story("late event", _IMPORTED, Act(("save 3",), ("diff 3",)), late=Act(("late save 2",), (), ("lapsed 2",))),
    Story("late event of an unknown entity", Act(), Act(), late=Act(("late save 1",), (), ("lapsed 1",))),
    Story("deleted and restored", _IMPORTED, Act(("delete 1", "restore 1"), ("delete 1", "import 1"))),
    Story(
        "forgotten and seen again",
        Act(("save 2",), ("import 2",)),
        Act(("reconcile-deletion 0",), ("delete 0",)),
        Act(("save 1",), ("import 1",)),
    ),
    Story(
        "failed fetch, and an edit at once",
        _IMPORTED,
        Act(("lose 2", "save 2", "save 3"), ("reconcile 3",), ("failure 2",)),
    ),
    Story(
        "failed fetch, and an edit later",
        _IMPORTED,
        Act(("lose 2", "save 2"), (), ("failure 2",)),
        Act(("find 2", "save 3"), ("reconcile 3",)),
    ),
    Story(
        "failed first fetch, and an edit later",
        Act(),
        Act(("lose 1", "save 1"), (), ("failure 1",)),
        Act(("find 1", "save 2"), ("reconcile 2",)),
    ),
    Story(
        "failed fetch, and a deletion later",
        _IMPORTED,
        Act(("lose 2", "save 2"), (), ("failure 2",)),
        Act(("find 2", "delete 2", "restore 2"), ("delete 2", "import 2")),
    ),
    Story(
        "hidden base revision", _IMPORTED, Act(("hide 1", "save 2"), ("reconcile 2",)), Act(("save 3",), ("diff 3",))
    ),
    Story(
        "hidden revision",
        _IMPORTED,
        Act(("hide 2", "save 2"), (), ("failure 2",)),
        Act(("save 3",), ("reconcile 3",)),
    ),
    *(
        Story(
            f"poison record: {poison}",
            _IMPORTED,
            Act((f"{poison} 2", "save 2", f"{poison} 3"), ("diff 2",), ("error", "error")),
        )
        for poison in ("not-json", "not-a-change", "no-revision")
    ),
    Story("record without a value", _IMPORTED, Act(("null 1", *_EDITED.steps, "null 2"), _EDITED.published)),
)
"""All stories."""
