"""The comparison with peers checks their outputs: wrong outputs fail, and repetitions are counted."""

from __future__ import annotations

from itertools import chain

import orjson
import pytest
from bench.peers.checkpoints import Checkpoint, select_under_load
from bench.peers.enrichment import REVISIONS, Batch, make_page_key, plan_batches
from bench.peers.outputs import Record, check
from bench.peers.route import PeerRoute

from wikistate.errors import PartError


def event(revision: int, *, page: int = 1, body: str | None = None) -> bytes:
    """Return the fields of an event that the comparison needs."""
    main = {"slot_role": "main"} | ({} if body is None else {"content_body": body})
    return orjson.dumps(
        {
            "wiki_id": "enwiki",
            "page": {"page_id": page},
            "revision": {"rev_id": revision, "content_slots": {"main": main}},
        }
    )


def written(revision: int, *, page: int = 1, body: str = "text") -> Record:
    """Return the output of a contender for an edit."""
    return Record(b'{"wiki_id":"enwiki","page_id":%d}' % page, event(revision, page=page, body=body))


def answer(*revisions: int) -> bytes:
    """Return the response of the wiki with these revisions in the given order."""
    found = [{"revid": each, "slots": {"main": {"content": f"text {each}"}}} for each in revisions]
    return orjson.dumps({"query": {"pages": [{"revisions": [each]} for each in found]}})


def test_each_event_once_and_in_order_is_correct() -> None:
    """Then no event is repeated or overtaken."""
    assert check([written(7), written(8)], revisions=range(7, 9), body="text") == (0, 0)


def test_repetition_is_counted_and_allowed() -> None:
    """All contenders guarantee at-least-once delivery."""
    assert check([written(7), written(7)], revisions=range(7, 8), body="text").repeated == 1


def test_event_after_a_later_edit_of_its_page_is_counted() -> None:
    """There is no order between the events of different pages."""
    records = [written(8), written(7), written(9, page=2), written(6, page=3)]
    assert check(records, revisions=range(6, 10), body="text").overtaken == 1


def test_missing_event_is_named() -> None:
    """It is detected even if the number of records is correct."""
    with pytest.raises(PartError, match="Of 3 events 1 are missing, the first is 8"):
        check([written(7), written(7), written(9)], revisions=range(7, 10), body="text")


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (written(7, body="another text"), "Revision 7 does not have the body"),
        (Record(written(7).key, event(7)), "Revision 7 does not have the body"),
        (Record(b'{"wiki_id":"enwiki","page_id":2}', written(7).value), "Revision 7 has the key"),
    ],
)
def test_wrong_output_is_named(record: Record, reason: str) -> None:
    """A contender with wrong outputs has no result."""
    with pytest.raises(PartError, match=reason):
        check([record], revisions=range(7, 8), body="text")


def test_batch_requests_all_events_and_keeps_their_order() -> None:
    """The wiki may return the revisions in another order."""
    batch = Batch([event(7), event(8, page=2)])
    assert batch.query.endswith("&revids=7%7C8")
    values = [orjson.loads(value)["revision"] for value in batch.enriched(answer(8, 7))]
    assert [(each["rev_id"], each["content_slots"]["main"]["content_body"]) for each in values] == [
        (7, "text 7"),
        (8, "text 8"),
    ]


def test_batch_fails_if_a_revision_is_missing_in_the_response() -> None:
    """A peer that writes such an event without its body would be faster and wrong."""
    with pytest.raises(KeyError):
        Batch([event(7), event(8)]).enriched(answer(7))


def test_batches_contain_each_event_once() -> None:
    """No request has more revisions than the wiki allows."""
    events = list(range(2 * REVISIONS + 1))
    cuts = [events[cut] for cut in plan_batches(len(events))]
    assert [len(cut) for cut in cuts] == [REVISIONS, REVISIONS, 1]
    assert list(chain(*cuts)) == events


def test_source_without_keys_can_write_keys() -> None:
    """The key has wiki and page, as in the records of the source topic."""
    assert make_page_key(event(7, page=3)) == b'{"wiki_id":"enwiki","page_id":3}'


def test_only_checkpoints_under_load_count() -> None:
    """Before its first and after its last output an idle job completes a checkpoint in milliseconds."""
    checkpoints = [Checkpoint(1, 0.02), Checkpoint(3, 9), Checkpoint(13, 0.5), Checkpoint(20.5, 0.01)]
    assert select_under_load(checkpoints, first=5, last=20) == (9, 0.5)


def test_route_survives_environment_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Processes of other environments receive it in variables."""
    route = PeerRoute("127.0.0.1:9092", "in", "out", "http://127.0.0.1/w/api.php", "/somewhere")
    for name, value in route.variables().items():
        monkeypatch.setenv(name, value)
    assert PeerRoute.from_environment() == route
