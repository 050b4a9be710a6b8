"""The comparison with peers judges by the output: what it must not let through, and what it must not count."""

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
    """As far as it matters here."""
    main = {"slot_role": "main"} | ({} if body is None else {"content_body": body})
    return orjson.dumps(
        {
            "wiki_id": "enwiki",
            "page": {"page_id": page},
            "revision": {"rev_id": revision, "content_slots": {"main": main}},
        }
    )


def written(revision: int, *, page: int = 1, body: str = "text") -> Record:
    """What a contender wrote for an edit."""
    return Record(b'{"wiki_id":"enwiki","page_id":%d}' % page, event(revision, page=page, body=body))


def answer(*revisions: int) -> bytes:
    """The wiki's, in the order given."""
    found = [{"revid": each, "slots": {"main": {"content": f"text {each}"}}} for each in revisions]
    return orjson.dumps({"query": {"pages": [{"revisions": [each]} for each in found]}})


def test_everything_once_and_in_order_is_right() -> None:
    """Nothing is repeated and nothing overtaken where each event is there once."""
    assert check([written(7), written(8)], revisions=range(7, 9), body="text") == (0, 0)


def test_a_repetition_is_counted_and_no_fault() -> None:
    """At least once is what all contenders promise."""
    assert check([written(7), written(7)], revisions=range(7, 8), body="text").repeated == 1


def test_an_event_behind_a_later_edit_of_its_page_is_counted() -> None:
    """Other pages have no order between them."""
    records = [written(8), written(7), written(9, page=2), written(6, page=3)]
    assert check(records, revisions=range(6, 10), body="text").overtaken == 1


def test_a_missing_event_is_named() -> None:
    """Also where the number of records is the right one."""
    with pytest.raises(PartError, match="Of 3 events 1 are missing, the first is 8"):
        check([written(7), written(7), written(9)], revisions=range(7, 10), body="text")


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (written(7, body="another text"), "Revision 7 has not the body"),
        (Record(written(7).key, event(7)), "Revision 7 has not the body"),
        (Record(b'{"wiki_id":"enwiki","page_id":2}', written(7).value), "Revision 7 has the key"),
    ],
)
def test_a_wrong_output_is_named(record: Record, reason: str) -> None:
    """A faster wrong answer does not count."""
    with pytest.raises(PartError, match=reason):
        check([record], revisions=range(7, 8), body="text")


def test_a_batch_asks_for_all_and_keeps_their_order() -> None:
    """The wiki answers in any order."""
    batch = Batch([event(7), event(8, page=2)])
    assert batch.query.endswith("&revids=7%7C8")
    values = [orjson.loads(value)["revision"] for value in batch.enriched(answer(8, 7))]
    assert [(each["rev_id"], each["content_slots"]["main"]["content_body"]) for each in values] == [
        (7, "text 7"),
        (8, "text 8"),
    ]


def test_a_batch_does_not_hide_what_the_wiki_did_not_answer() -> None:
    """A peer that wrote such an event without its body would be faster and wrong."""
    with pytest.raises(KeyError):
        Batch([event(7), event(8)]).enriched(answer(7))


def test_batches_cover_everything_once() -> None:
    """No request asks for more revisions than the wiki answers."""
    events = list(range(2 * REVISIONS + 1))
    cuts = [events[cut] for cut in plan_batches(len(events))]
    assert [len(cut) for cut in cuts] == [REVISIONS, REVISIONS, 1]
    assert list(chain(*cuts)) == events


def test_a_source_without_keys_can_still_write_them() -> None:
    """The key says wiki and page, as the records that are read have it."""
    assert make_page_key(event(7, page=3)) == b'{"wiki_id":"enwiki","page_id":3}'


def test_only_checkpoints_under_load_count() -> None:
    """An idle job makes one in milliseconds, before its first output and after its last."""
    checkpoints = [Checkpoint(1, 0.02), Checkpoint(3, 9), Checkpoint(13, 0.5), Checkpoint(20.5, 0.01)]
    assert select_under_load(checkpoints, first=5, last=20) == (9, 0.5)


def test_a_route_survives_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is handed to processes of other environments by variables."""
    route = PeerRoute("127.0.0.1:9092", "in", "out", "http://127.0.0.1/w/api.php", "/somewhere")
    for name, value in route.variables().items():
        monkeypatch.setenv(name, value)
    assert PeerRoute.from_environment() == route
