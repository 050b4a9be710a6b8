"""Side events: reports of the updater about late, inconsistent and failed changes, for processes that reconcile the store.

Source of the fields: the schemas ``rdf_streaming_updater/*``.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, assert_never

from wikistate.core.updater.decide import INCONSISTENCIES, DecisionReason
from wikistate.core.updater.input_events import (
    InputEvent,
    PageDeleted,
    PageUndeleted,
    Reconcile,
    ReconcileAction,
    RevisionCreated,
)
from wikistate.core.updater.messages import format_instant
from wikistate.core.updater.operations import DeleteItem, Diff, FullImport, Operation, ReconcileItem
from wikistate.core.updater.state import EntityStatus

if TYPE_CHECKING:
    from wikistate.core.events.meta import Event
    from wikistate.core.updater.fetch_failures import FetchErrorType
    from wikistate.core.updater.reorder import Inconsistency

LAPSED_ACTION = "/rdf_streaming_updater/lapsed_action/1.1.0"
STATE_INCONSISTENCY = "/rdf_streaming_updater/state_inconsistency/1.1.0"
FETCH_FAILURE = "/rdf_streaming_updater/fetch_failure/1.2.0"


class OperationFailed(NamedTuple):
    """Reason why an operation has failed: the fetch failed, or the response is not a valid entity.

    Attributes:
        kind: Kind of the failure on the wire.
        error_type: Name of the precise kind.
        message: Description for people.
    """

    kind: FetchErrorType
    error_type: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SideEvents:
    """Builder of the events of the side streams.

    Attributes:
        domain: Value of `meta.domain`.
        emitter_id: Name of the job; left out if empty.
        report_unknown: Whether deletions of unknown entities are reported as well. They are not a sign of a loss:
            namespaces of entities hold other pages, and the deletion of any file without captions is one of them.
        lapsed_action: Name of the stream of lapsed actions: events that arrived too late.
        state_inconsistency: Name of the stream of state inconsistencies: events that do not follow from the known state.
        fetch_failure: Name of the stream of fetch failures: operations that have failed.
    """

    domain: str
    emitter_id: str = ""
    report_unknown: bool = False
    lapsed_action: str = "rdf-streaming-updater.lapsed-action"
    state_inconsistency: str = "rdf-streaming-updater.state-inconsistency"
    fetch_failure: str = "rdf-streaming-updater.fetch-failure"

    def build_lapsed_action(self, event: InputEvent, now: int) -> Event:
        """Build a lapsed action: an event that arrived after a later event had been decided.

        Args:
            event: The late event.
            now: Milliseconds since the epoch.
        """
        return self._build_common(LAPSED_ACTION, self.lapsed_action, event, now) | _action_fields(event)

    def build_state_inconsistency(self, inconsistency: Inconsistency, now: int) -> Event | None:
        """Build a state inconsistency; return None if it is not reported.

        Args:
            inconsistency: The inconsistency that `reorder` returned.
            now: Milliseconds since the epoch.
        """
        if inconsistency.reason is DecisionReason.UNKNOWN_ENTITY and not self.report_unknown:
            return None
        state = inconsistency.state
        seen = {} if state.status is EntityStatus.UNDEFINED else {"state_revision_id": state.revision}
        return (
            self._build_common(STATE_INCONSISTENCY, self.state_inconsistency, inconsistency.event, now)
            | _action_fields(inconsistency.event)
            | {"inconsistency": INCONSISTENCIES[inconsistency.reason], "state_status": state.status.value}
            | seen
        )

    def build_fetch_failure(self, operation: Operation, failure: OperationFailed, now: int) -> Event:
        """Build a fetch failure.

        Args:
            operation: The operation that was tried; a diff has the revision in the store.
            failure: Reason of the failure.
            now: Milliseconds since the epoch.
        """
        return (
            self._build_common(FETCH_FAILURE, self.fetch_failure, operation, now)
            | {
                "op_type": _operation_type(operation),
                "exception_type": failure.error_type,
                "exception_msg": failure.message,
                "fetch_error_type": failure.kind.value,
            }
            | ({"from_revision_id": operation.from_revision} if isinstance(operation, Diff) else {})
        )

    def _build_common(self, schema: str, stream: str, about: InputEvent | Operation, now: int) -> Event:
        origin = about.origin
        # The schemas require the time at which the event was received. Without it, the event's own time is the nearest.
        received = origin.dt or format_instant(about.time)
        known = {"id": origin.id, "dt": received, "stream": origin.stream, "domain": origin.domain}
        request = {"request_id": origin.request_id} if origin.request_id else {}
        return {
            "$schema": schema,
            "meta": {"stream": stream, "domain": self.domain, "id": _event_id(stream, about), "dt": format_instant(now)}
            | request,
            "dt": format_instant(now),
            **({"emitter_id": self.emitter_id} if self.emitter_id else {}),
            "item": about.entity,
            "original_ingestion_dt": format_instant(about.ingested),
            "revision_id": about.revision,
            "original_event_info": {
                "dt": format_instant(about.time),
                "$schema": origin.schema,
                "meta": {name: text for name, text in known.items() if text} | request,
            },
        }


def _event_id(stream: str, about: InputEvent | Operation) -> str:
    """Return an id that is the same if the event is built again after a crash, so that consumers can drop repeats."""
    origin = about.origin
    name = origin.id or origin.dt  # an event without an id is known by its time, entity and revision
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{stream}/{origin.stream}/{name}/{about.entity}/{about.revision}"))


def _action_fields(event: InputEvent) -> Event:
    match event:
        case RevisionCreated(parent=None):
            return {"action_type": "revision-create"}
        case RevisionCreated(parent=parent):
            return {"action_type": "revision-create", "parent_revision_id": parent}
        case PageDeleted():
            return {"action_type": "page-delete"}
        case PageUndeleted():
            return {"action_type": "page-undelete"}
        case Reconcile(action=ReconcileAction.CREATION):
            return {"action_type": "reconcile-creation"}
        case Reconcile():
            return {"action_type": "reconcile-deletion"}
        case _:
            assert_never(event)


def _operation_type(operation: Operation) -> str:
    match operation:
        case Diff():
            return "diff"
        case FullImport():
            return "import"
        case DeleteItem():
            return "delete"
        case ReconcileItem():
            return "reconcile"
        case _:
            assert_never(operation)
