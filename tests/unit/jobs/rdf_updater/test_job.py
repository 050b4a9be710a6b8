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
    """An updater whose wiki has the item Q1, which it knows."""
    bench = UpdaterBench()
    await bench.happen(bench.save())
    await bench.wait()
    return bench


async def test_a_new_entity_is_imported_whole(bench: UpdaterBench) -> None:
    """With the triples of nodes that it may share apart, and the revision remembered as one number."""
    (mutation,) = bench.mutations
    assert (mutation.operation, mutation.entity, mutation.revision) == (OperationName.IMPORT, "Q1", 1)
    assert mutation.patch.added | mutation.patch.linked == bench.graph("Q1", 1)
    assert bench.kept == KeyedState(1)


async def test_an_edit_that_follows_is_published_at_once_as_a_difference(bench: UpdaterBench) -> None:
    """What went and what came, of the two revisions."""
    await bench.happen(bench.save())
    mutation = bench.mutations[-1]
    before, after, patch = bench.graph("Q1", 1), bench.graph("Q1", 2), mutation.patch
    assert mutation.operation is OperationName.DIFF
    assert (before - patch.removed - patch.unlinked) | patch.added | patch.linked == after
    assert bench.entities.asked[-2:] == [("Q1", 1), ("Q1", 2)]
    assert bench.kept == KeyedState(2)


async def test_a_deletion_asks_the_wiki_nothing(bench: UpdaterBench) -> None:
    """There is nothing left to ask for."""
    asked = len(bench.entities.asked)
    await bench.happen(bench.repository.delete("Q1"))
    await bench.wait()
    assert bench.mutations[-1].operation is OperationName.DELETE
    assert len(bench.entities.asked) == asked
    assert bench.kept == KeyedState(-1)


async def test_the_change_after_one_that_failed_replaces_all_of_the_entity(bench: UpdaterBench) -> None:
    """The one that failed may have been published before a crash, so that nobody knows what the store holds."""
    failing, following = bench.save(), bench.save()
    bench.entities.answers[2] = missing("Q1", 2)
    await bench.happen(failing)
    assert len(bench.mutations) == 1
    (told,) = bench.said(Role.FETCH_FAILURE)
    assert (told["op_type"], told["from_revision_id"], told["revision_id"]) == ("diff", 1, 2)
    assert told["fetch_error_type"] == "UNEXPECTED_RESPONSE"
    step = await bench.happen(following)
    assert [operation.revision for operation in step.operations] == [3]
    mutation = bench.mutations[-1]
    assert (mutation.operation, mutation.patch.added) == (OperationName.RECONCILE, bench.graph("Q1", 3))
    assert bench.kept == KeyedState(3)


async def test_an_entity_whose_import_failed_is_published_by_its_next_change() -> None:
    """Also when the first revision was published, and hidden while the job was down: nothing of it stays."""
    bench = UpdaterBench()
    bench.entities.answers[1] = missing("Q1", 1)
    await bench.happen(bench.save())
    await bench.wait()
    assert bench.mutations == []
    await bench.happen(bench.save())
    (mutation,) = bench.mutations
    assert (mutation.operation, mutation.patch.added) == (OperationName.RECONCILE, bench.graph("Q1", 2))


async def test_when_the_published_revision_is_gone_all_of_the_entity_is_published(bench: UpdaterBench) -> None:
    """A revision that was hidden since cannot be compared with; the store is put right all the same."""
    change = bench.save()
    bench.repository.hide("Q1", 1)
    await bench.happen(change)
    mutation = bench.mutations[-1]
    assert mutation.operation is OperationName.RECONCILE
    assert mutation.patch.added == bench.graph("Q1", 2)
    assert bench.said(Role.FETCH_FAILURE) == []
    assert bench.kept == KeyedState(2)


@pytest.mark.parametrize("body", [b"<http://a> <http://b", b"not RDF {", b"", b"<urn:a> <urn:b> <urn:c> ."])
async def test_what_is_no_entity_is_told_and_touches_nothing(bench: UpdaterBench, body: bytes) -> None:
    """Cut short, not RDF, nothing, or something else: one entity that cannot be read stops no other."""
    change = bench.save()
    bench.entities.answers[2] = body
    await bench.happen(change)
    (told,) = bench.said(Role.FETCH_FAILURE)
    assert told["fetch_error_type"] == FetchErrorType.UNKNOWN
    assert len(bench.mutations) == 1
    assert bench.meter.by_label(metrics.FETCH_FAILURES)[("UNKNOWN",)] == 1


async def test_a_defect_of_ours_is_told_and_stops_no_other_entity(bench: UpdaterBench) -> None:
    """With what was raised."""
    change = bench.save()
    bench.entities.answers[2] = ValueError("a defect")
    await bench.happen(change)
    (told,) = bench.said(Role.FETCH_FAILURE)
    assert told["exception_type"] == "ValueError"
    assert "a defect" in told["exception_msg"]


async def test_what_no_entity_can_do_without_ends_the_run(bench: UpdaterBench) -> None:
    """A wiki that forbids us, for one."""
    change = bench.save()
    bench.entities.answers[2] = WikiError("Go away.")
    with pytest.raises(WikiError, match="Go away"):
        await bench.happen(change)


async def test_a_wrong_concept_base_is_named_with_the_right_one() -> None:
    """When the first entity cannot be read; later it would be that entity's own fault."""
    bench = UpdaterBench("rdf.concept_base=https://elsewhere.example")
    await bench.happen(bench.save())
    with pytest.raises(ConfigError, match=rf"rdf\.concept_base is https://elsewhere.*http://{DOMAIN}"):
        await bench.wait()


async def test_an_event_that_comes_too_late_is_told(bench: UpdaterBench) -> None:
    """As a lapsed action, and nothing is done."""
    change = bench.save()
    await bench.happen(change, watermark=change.time + 10 * MINUTE)
    (told,) = bench.said(Role.LAPSED_ACTION)
    assert (told["action_type"], told["item"], told["revision_id"]) == ("revision-create", "Q1", 2)
    assert bench.kept == KeyedState(1)


async def test_an_event_that_does_not_fit_is_told(bench: UpdaterBench) -> None:
    """An undeletion of what was not deleted."""
    await bench.happen(bench.repository.delete("Q1"))
    undeletion = bench.repository.restore("Q1")
    bench.kept = KeyedState(1)
    await bench.happen(undeletion)
    await bench.wait()
    (told,) = bench.said(Role.STATE_INCONSISTENCY)
    assert (told["inconsistency"], told["state_status"], told["state_revision_id"]) == (
        "unmatched_delete",
        "CREATED",
        1,
    )
    assert bench.meter.by_label(metrics.DECISIONS)[("unmatched_undelete",)] == 1


async def test_side_streams_can_be_switched_off() -> None:
    """Then only the metrics tell."""
    bench = UpdaterBench("rdf.side_outputs=false")
    bench.entities.answers[1] = missing("Q1", 1)
    await bench.happen(bench.save())
    await bench.wait()
    assert bench.told == []
    assert set(bench.assembled.outputs) == {Role.ERROR}
    assert bench.meter.by_label(metrics.FETCH_FAILURES)[("UNEXPECTED_RESPONSE",)] == 1


async def test_a_side_event_that_cannot_be_one_is_told_as_an_error(bench: UpdaterBench) -> None:
    """Whatever was read past all checks: here a revision that the side stream's schema does not take."""
    change = bench.save()
    event = build_page_change(change, bench.repository.wiki)
    accepted = bench.job.decode(Record(orjson.dumps(event), None, None, Partition("topic"), 0))
    assert accepted.event is not None
    await bench.do(accepted.event._replace(revision=-7), watermark=change.time + 10 * MINUTE)
    (error,) = bench.said(Role.ERROR)
    assert error["error_type"] == "InvalidSideEvent"
    assert orjson.loads(error["raw_event"])["revision_id"] == -7


async def test_what_is_not_wanted_is_counted_and_what_is_no_event_is_an_error(bench: UpdaterBench) -> None:
    """Neither touches what is remembered."""
    event = build_page_change(bench.save(), bench.repository.wiki)
    await bench.read(event | {"meta": event["meta"] | {"domain": "other.example"}})
    await bench.read(event | {"page": event["page"] | {"page_title": "Item:Q1/../Q2"}})
    await bench.read(b"[]")
    assert bench.meter.by_label(metrics.EVENTS_FILTERED) == {("wiki",): 1}
    assert [error["error_type"] for error in bench.said(Role.ERROR)] == ["InvalidInput", "NotAnObject"]
    assert bench.kept == KeyedState(1)


async def test_a_request_to_reconcile_is_carried_out_at_once() -> None:
    """Of the tag that the settings name; of others it is dropped."""
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
    assert bench.said(Role.ERROR) == []


async def test_the_older_streams_are_read_in_the_place_of_page_change() -> None:
    """Revision-create, page-delete and page-undelete come to the same."""
    bench = UpdaterBench("rdf.legacy_inputs=true")
    for change in (bench.save(), bench.repository.delete("Q1"), bench.repository.restore("Q1"), bench.save()):
        await bench.read(build_legacy_event(change, bench.repository.wiki))
        await bench.wait()
    names = [mutation.operation for mutation in bench.mutations]
    assert names[1:] == [OperationName.DELETE, OperationName.IMPORT, OperationName.DIFF]
    assert bench.kept == KeyedState(2)


async def test_a_difference_is_made_to_what_the_state_knows_and_not_to_the_stated_parent(bench: UpdaterBench) -> None:
    """A store that was loaded at revision 1 goes to 3 in one step when 2 is never heard of."""
    bench.save()
    await bench.happen(bench.save())
    step = await bench.wait()
    (operation,) = step.operations
    assert isinstance(operation, Diff)
    assert (operation.from_revision, operation.revision) == (1, 3)
