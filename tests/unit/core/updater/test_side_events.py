"""Events on side streams about failed or unusable inputs; each follows its schema."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.unit.core.updater.scenarios import INGESTED, ORIGIN, asked, deleted, restored, saved

from wikistate.core.events.bundled import SCHEMAS, STREAMS, read_bundled
from wikistate.core.events.documents import parse_document
from wikistate.core.events.repository import SchemaRepository
from wikistate.core.events.stream_config import StreamConfigs
from wikistate.core.updater.decide import INCONSISTENCIES, DecisionReason
from wikistate.core.updater.fetch_failures import FetchErrorType
from wikistate.core.updater.operations import DeleteItem, Diff, FullImport, Operation, ReconcileItem
from wikistate.core.updater.reorder import Inconsistency
from wikistate.core.updater.side_events import OperationFailed, SideEvents
from wikistate.core.updater.state import EntityState

if TYPE_CHECKING:
    from wikistate.core.updater.input_events import InputEvent

SIDE = SideEvents(domain="www.wikidata.org", emitter_id="rdf-updater@site-a")
NOW = 1_704_067_351_310
GONE = OperationFailed(FetchErrorType.ENTITY_NOT_FOUND, "EntityNotFound", "There is no such revision.")
COMMON = ("Q1", 1_704_067_199_000, 5, INGESTED, ORIGIN)

EVENTS = [
    (saved(5, parent=4), {"action_type": "revision-create", "parent_revision_id": 4}),
    (saved(5), {"action_type": "revision-create"}),
    (deleted(5), {"action_type": "page-delete"}),
    (restored(5), {"action_type": "page-undelete"}),
    (asked("CREATION", 5), {"action_type": "reconcile-creation"}),
    (asked("DELETION", 5), {"action_type": "reconcile-deletion"}),
]


def valid(event: dict[str, Any]) -> dict[str, Any]:
    """Return the event after checks that it follows its schema and belongs to a stream of that schema."""
    schema = SchemaRepository([SCHEMAS], read_bundled).get_by_uri(event["$schema"])
    assert schema.describe_violations(event) == ""
    streams = StreamConfigs.parse(parse_document(read_bundled(STREAMS) or b"", STREAMS), STREAMS)
    assert streams.get(event["meta"]["stream"]).schema_title == schema.title
    return event


@pytest.mark.parametrize(("event", "action"), EVENTS)
def test_late_event_becomes_a_lapsed_action(event: InputEvent, action: dict[str, Any]) -> None:
    """The event has the action of the late event and its origin."""
    found = valid(SIDE.build_lapsed_action(event, NOW))
    assert {name: found.get(name) for name in ("action_type", "parent_revision_id") if name in found} == action
    assert (found["item"], found["revision_id"]) == ("Q1", 5)


def test_all_side_events_have_common_fields() -> None:
    """They have stream, domain, emitter, ingestion time, and the event's own schema, time and `meta`."""
    found = valid(SIDE.build_lapsed_action(saved(5, t=1_704_067_199_000), NOW))
    assert found.pop("meta").keys() == {"stream", "domain", "id", "dt", "request_id"}
    assert found == {
        "$schema": "/rdf_streaming_updater/lapsed_action/1.1.0",
        "dt": "2024-01-01T00:02:31.310Z",
        "emitter_id": "rdf-updater@site-a",
        "item": "Q1",
        "original_ingestion_dt": "2024-01-01T00:00:00Z",
        "revision_id": 5,
        "original_event_info": {
            "dt": "2023-12-31T23:59:59Z",
            "$schema": ORIGIN.schema,
            "meta": {
                "id": ORIGIN.id,
                "dt": ORIGIN.dt,
                "stream": ORIGIN.stream,
                "domain": ORIGIN.domain,
                "request_id": ORIGIN.request_id,
            },
        },
        "action_type": "revision-create",
    }


def test_ids_are_the_same_for_the_same_content() -> None:
    """Readers can drop repeats after a crash, and never drop anything else."""
    first = SIDE.build_lapsed_action(saved(5), NOW)["meta"]["id"]
    assert SIDE.build_lapsed_action(saved(5), NOW + 60_000)["meta"]["id"] == first
    others = [
        SIDE.build_lapsed_action(saved(6), NOW),
        SIDE.build_lapsed_action(saved(5, of="Q2"), NOW),
        SIDE.build_fetch_failure(FullImport(*COMMON), GONE, NOW),
    ]
    assert first not in [other["meta"]["id"] for other in others]


@pytest.mark.parametrize("reason", INCONSISTENCIES)
@pytest.mark.parametrize("state", [EntityState(), EntityState.from_signed(7), EntityState.from_signed(-7)])
def test_inconsistency_has_the_known_state(reason: DecisionReason, state: EntityState) -> None:
    """The event has the state before and the kind of mismatch. An entity that was never seen has no revision."""
    found = SideEvents(domain="x", report_unknown=True).build_state_inconsistency(
        Inconsistency(deleted(5), reason, state), NOW
    )
    assert found is not None
    valid(found)
    assert found["inconsistency"] == INCONSISTENCIES[reason]
    assert found["state_status"] == state.status
    assert found.get("state_revision_id") == (state.revision or None)
    assert "emitter_id" not in found


def test_undeletion_that_matches_no_deletion_has_the_published_name() -> None:
    """The wire says ``unmatched_delete`` for an undeletion; consumers of the stream know that name."""
    inconsistency = Inconsistency(restored(5), DecisionReason.UNMATCHED_UNDELETE, EntityState.from_signed(7))
    found = SIDE.build_state_inconsistency(inconsistency, NOW)
    assert found is not None
    assert found["inconsistency"] == "unmatched_delete"


def test_deletions_of_unknown_entities_are_reported_only_on_request() -> None:
    """They are not a sign of a loss: otherwise each deleted file without captions would be reported."""
    unknown = Inconsistency(deleted(5), DecisionReason.UNKNOWN_ENTITY, EntityState())
    assert SIDE.build_state_inconsistency(unknown, NOW) is None
    reported = SideEvents(domain="x", report_unknown=True).build_state_inconsistency(unknown, NOW)
    assert reported is not None
    assert (reported["inconsistency"], reported["state_status"]) == ("newer_revision_seen", "UNDEFINED")


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        (FullImport(*COMMON), {"op_type": "import"}),
        (Diff(*COMMON, 4), {"op_type": "diff", "from_revision_id": 4}),
        (DeleteItem(*COMMON), {"op_type": "delete"}),
        (ReconcileItem(*COMMON), {"op_type": "reconcile"}),
    ],
)
@pytest.mark.parametrize("kind", FetchErrorType)
def test_fetch_failure_has_operation_and_reason(
    operation: Operation, expected: dict[str, Any], kind: FetchErrorType
) -> None:
    """The event has the operation, its revision and the reason of the failure."""
    found = valid(SIDE.build_fetch_failure(operation, GONE._replace(kind=kind), NOW))
    assert {name: found[name] for name in ("op_type", "from_revision_id") if name in found} == expected
    assert (found["fetch_error_type"], found["exception_type"]) == (kind, "EntityNotFound")
    assert found["exception_msg"] == "There is no such revision."
    assert found["revision_id"] == 5


def test_empty_origin_is_left_out() -> None:
    """An event without ids is reported, too. For the time at which it was received, its own time stands in."""
    bare = saved(5, t=1_704_067_199_000)._replace(origin=ORIGIN._replace(id="", dt="", domain="", request_id=""))
    found = valid(SIDE.build_lapsed_action(bare, NOW))
    assert found["original_event_info"]["meta"] == {"dt": "2023-12-31T23:59:59Z", "stream": ORIGIN.stream}
    assert "request_id" not in found["meta"]
