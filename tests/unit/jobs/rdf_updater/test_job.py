from __future__ import annotations

import orjson
import pytest
from tests.unit.jobs.rdf_updater.updater_bench import DOMAIN, MINUTE, UpdaterBench, missing

from wikistate.core.updater.fetch_failures import FetchErrorType
from wikistate.core.updater.mutation import OperationName
from wikistate.core.updater.operations import Diff
from wikistate.errors import ConfigError, WikiError
from wikistate.streaming.keyed_job import KeyedState
from wikistate.streaming.record import Partition, Record, Role
from wikistate.telemetry import metrics
from wikistate.testing.wikibase import build_legacy_event, build_page_change


@pytest.fixture
async def bench() -> UpdaterBench:
    """Return an updater that knows the item Q1 of its wiki."""
    bench = UpdaterBench()
    await bench.happen(bench.save())
    await bench.wait()
    return bench


async def test_new_entity_is_imported_completely(bench: UpdaterBench) -> None:
    """Triples of nodes that it may share are separate, and the revision is stored as one number."""
    (mutation,) = bench.mutations
    assert (mutation.operation, mutation.entity, mutation.revision) == (OperationName.IMPORT, "Q1", 1)
    assert mutation.patch.added | mutation.patch.linked == bench.graph("Q1", 1)
    assert bench.state == KeyedState(1)


async def test_edit_of_the_known_revision_is_published_at_once_as_a_diff(bench: UpdaterBench) -> None:
    """The diff has the removed and the added triples of the two revisions."""
    await bench.happen(bench.save())
    mutation = bench.mutations[-1]
    before, after, patch = bench.graph("Q1", 1), bench.graph("Q1", 2), mutation.patch
    assert mutation.operation is OperationName.DIFF
    assert (before - patch.removed - patch.unlinked) | patch.added | patch.linked == after
    assert bench.entities.asked[-2:] == [("Q1", 1), ("Q1", 2)]
    assert bench.state == KeyedState(2)


async def test_deletion_needs_no_request_to_the_wiki(bench: UpdaterBench) -> None:
    """There is nothing left to fetch."""
    asked = len(bench.entities.asked)
    await bench.happen(bench.repository.delete("Q1"))
    await bench.wait()
    assert bench.mutations[-1].operation is OperationName.DELETE
    assert len(bench.entities.asked) == asked
    assert bench.state == KeyedState(-1)


async def test_change_after_a_failure_replaces_the_whole_entity(bench: UpdaterBench) -> None:
    """The failed change may have been published before a crash, so the content of the store is unknown."""
    failing, following = bench.save(), bench.save()
    bench.entities.answers[2] = missing("Q1", 2)
    await bench.happen(failing)
    assert len(bench.mutations) == 1
    (side_event,) = bench.events_of(Role.FETCH_FAILURE)
    assert (side_event["op_type"], side_event["from_revision_id"], side_event["revision_id"]) == ("diff", 1, 2)
    assert side_event["fetch_error_type"] == "UNEXPECTED_RESPONSE"
    step = await bench.happen(following)
    assert [operation.revision for operation in step.operations] == [3]
    mutation = bench.mutations[-1]
    assert (mutation.operation, mutation.patch.added) == (OperationName.RECONCILE, bench.graph("Q1", 3))
    assert bench.state == KeyedState(3)


async def test_entity_whose_import_failed_is_published_by_its_next_change() -> None:
    """The first revision may have been published, and hidden while the job was down: none of it stays."""
    bench = UpdaterBench()
    bench.entities.answers[1] = missing("Q1", 1)
    await bench.happen(bench.save())
    await bench.wait()
    assert bench.mutations == []
    await bench.happen(bench.save())
    (mutation,) = bench.mutations
    assert (mutation.operation, mutation.patch.added) == (OperationName.RECONCILE, bench.graph("Q1", 2))


async def test_entity_is_reconciled_if_its_published_revision_is_gone(bench: UpdaterBench) -> None:
    """A revision that was hidden since cannot be compared; the store is corrected in any case."""
    change = bench.save()
    bench.repository.hide("Q1", 1)
    await bench.happen(change)
    mutation = bench.mutations[-1]
    assert mutation.operation is OperationName.RECONCILE
    assert mutation.patch.added == bench.graph("Q1", 2)
    assert bench.events_of(Role.FETCH_FAILURE) == []
    assert bench.state == KeyedState(2)


@pytest.mark.parametrize("body", [b"<http://a> <http://b", b"not RDF {", b"", b"<urn:a> <urn:b> <urn:c> ."])
async def test_invalid_rdf_is_a_fetch_failure_without_a_mutation(bench: UpdaterBench, body: bytes) -> None:
    """The RDF is cut short, invalid, empty or of another kind: one unreadable entity does not stop others."""
    change = bench.save()
    bench.entities.answers[2] = body
    await bench.happen(change)
    (side_event,) = bench.events_of(Role.FETCH_FAILURE)
    assert side_event["fetch_error_type"] == FetchErrorType.UNKNOWN
    assert len(bench.mutations) == 1
    assert bench.meter.by_label(metrics.FETCH_FAILURES)[("UNKNOWN",)] == 1


async def test_internal_defect_is_a_fetch_failure_and_stops_no_other_entity(bench: UpdaterBench) -> None:
    """The fetch failure has the exception."""
    change = bench.save()
    bench.entities.answers[2] = ValueError("a defect")
    await bench.happen(change)
    (side_event,) = bench.events_of(Role.FETCH_FAILURE)
    assert side_event["exception_type"] == "ValueError"
    assert "a defect" in side_event["exception_msg"]


async def test_error_that_affects_all_entities_ends_the_run(bench: UpdaterBench) -> None:
    """One such error is a wiki that denies access."""
    change = bench.save()
    bench.entities.answers[2] = WikiError("Go away.")
    with pytest.raises(WikiError, match="Go away"):
        await bench.happen(change)


async def test_wrong_concept_base_is_reported_with_the_right_one() -> None:
    """It is checked when the first entity cannot be read; later such a failure belongs to the entity itself."""
    bench = UpdaterBench("rdf.concept_base=https://elsewhere.example")
    await bench.happen(bench.save())
    with pytest.raises(ConfigError, match=rf"rdf\.concept_base is https://elsewhere.*http://{DOMAIN}"):
        await bench.wait()


async def test_late_event_becomes_a_lapsed_action(bench: UpdaterBench) -> None:
    """No operation is executed."""
    change = bench.save()
    await bench.happen(change, watermark=change.time + 10 * MINUTE)
    (side_event,) = bench.events_of(Role.LAPSED_ACTION)
    assert (side_event["action_type"], side_event["item"], side_event["revision_id"]) == ("revision-create", "Q1", 2)
    assert bench.state == KeyedState(1)


async def test_mismatched_event_becomes_a_state_inconsistency(bench: UpdaterBench) -> None:
    """The event is an undeletion of an entity that was not deleted."""
    await bench.happen(bench.repository.delete("Q1"))
    undeletion = bench.repository.restore("Q1")
    bench.state = KeyedState(1)
    await bench.happen(undeletion)
    await bench.wait()
    (side_event,) = bench.events_of(Role.STATE_INCONSISTENCY)
    assert (side_event["inconsistency"], side_event["state_status"], side_event["state_revision_id"]) == (
        "unmatched_delete",
        "CREATED",
        1,
    )
    assert bench.meter.by_label(metrics.DECISIONS)[("unmatched_undelete",)] == 1


async def test_side_outputs_can_be_switched_off() -> None:
    """Then only the metrics count them."""
    bench = UpdaterBench("rdf.side_outputs=false")
    bench.entities.answers[1] = missing("Q1", 1)
    await bench.happen(bench.save())
    await bench.wait()
    assert bench.outputs == []
    assert set(bench.assembled.outputs) == {Role.ERROR}
    assert bench.meter.by_label(metrics.FETCH_FAILURES)[("UNEXPECTED_RESPONSE",)] == 1


async def test_invalid_side_event_becomes_an_error_event(bench: UpdaterBench) -> None:
    """It may get past all checks: here its revision breaks the schema of the side stream."""
    change = bench.save()
    event = build_page_change(change, bench.repository.wiki)
    accepted = bench.job.decode(Record(orjson.dumps(event), None, None, Partition("topic"), 0))
    assert accepted.event is not None
    await bench.do(accepted.event._replace(revision=-7), watermark=change.time + 10 * MINUTE)
    (error,) = bench.events_of(Role.ERROR)
    assert error["error_type"] == "InvalidSideEvent"
    assert orjson.loads(error["raw_event"])["revision_id"] == -7


async def test_filtered_event_is_counted_and_invalid_event_is_an_error(bench: UpdaterBench) -> None:
    """Neither changes the state."""
    event = build_page_change(bench.save(), bench.repository.wiki)
    await bench.read(event | {"meta": event["meta"] | {"domain": "other.example"}})
    await bench.read(event | {"page": event["page"] | {"page_title": "Item:Q1/../Q2"}})
    await bench.read(b"[]")
    assert bench.meter.by_label(metrics.EVENTS_FILTERED) == {("wiki",): 1}
    assert [error["error_type"] for error in bench.events_of(Role.ERROR)] == ["InvalidInput", "NotAnObject"]
    assert bench.state == KeyedState(1)


async def test_reconciliation_is_executed_at_once() -> None:
    """It has the source of the settings; a reconciliation of another source is dropped."""
    bench = UpdaterBench("rdf.reconcile=rdf-streaming-updater.reconcile[check]")
    await bench.happen(bench.save())
    await bench.wait()
    meta = {"stream": "rdf-streaming-updater.reconcile", "dt": "2023-11-14T22:13:20Z", "id": "a", "domain": DOMAIN}
    info = {"$schema": "unused", "meta": meta | {"request_id": "b"}}
    request = {
        "$schema": "/rdf_streaming_updater/reconcile/1.0.0",
        "meta": meta | {"request_id": "b"},
        "item": "Q1",
        "revision_id": 1,
        "reconciliation_source": "check",
        "reconciliation_action": "CREATION",
        "original_event_info": info,
    }
    await bench.read(request)
    await bench.read(request | {"reconciliation_source": "other"})
    assert [mutation.operation for mutation in bench.mutations] == [OperationName.IMPORT, OperationName.RECONCILE]
    assert bench.mutations[-1].patch.added == bench.graph("Q1", 1)
    assert bench.events_of(Role.ERROR) == []


async def test_older_streams_replace_page_change() -> None:
    """Revision-create, page-delete and page-undelete have the same effect."""
    bench = UpdaterBench("rdf.legacy_inputs=true")
    for change in (bench.save(), bench.repository.delete("Q1"), bench.repository.restore("Q1"), bench.save()):
        await bench.read(build_legacy_event(change, bench.repository.wiki))
        await bench.wait()
    names = [mutation.operation for mutation in bench.mutations]
    assert names[1:] == [OperationName.DELETE, OperationName.IMPORT, OperationName.DIFF]
    assert bench.state == KeyedState(2)


async def test_diff_starts_at_the_known_revision_and_not_at_the_stated_parent(bench: UpdaterBench) -> None:
    """A store loaded at revision 1 reaches 3 in one step when the event of 2 never comes."""
    bench.save()
    await bench.happen(bench.save())
    step = await bench.wait()
    (operation,) = step.operations
    assert isinstance(operation, Diff)
    assert (operation.from_revision, operation.revision) == (1, 3)


async def test_unknown_entity_of_a_filled_store_is_replaced_by_its_first_change() -> None:
    """Then it is known, and the next change is a diff."""
    bench = UpdaterBench("rdf.reconcile_unknown=true")
    bench.save()
    for _ in range(2):
        await bench.happen(bench.save())
        await bench.wait()
    first, second = bench.mutations
    assert (first.operation, first.patch.added) == (OperationName.RECONCILE, bench.graph("Q1", 2))
    assert second.operation is OperationName.DIFF
    assert bench.state == KeyedState(3)


async def test_unknown_entity_of_a_filled_store_is_deleted() -> None:
    """The store may hold it; for an empty store the event means nothing."""
    bench = UpdaterBench("rdf.reconcile_unknown=true")
    bench.save()
    await bench.happen(bench.repository.delete("Q1"))
    await bench.wait()
    assert [mutation.operation for mutation in bench.mutations] == [OperationName.DELETE]
    assert bench.state == KeyedState(-1)


async def test_undeletion_of_an_unknown_entity_of_a_filled_store_replaces_it() -> None:
    """The store may hold a copy from before the deletion."""
    bench = UpdaterBench("rdf.reconcile_unknown=true")
    bench.save()
    bench.repository.delete("Q1")
    await bench.happen(bench.repository.restore("Q1"))
    await bench.wait()
    assert [mutation.operation for mutation in bench.mutations] == [OperationName.RECONCILE]
