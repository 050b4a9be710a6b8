from __future__ import annotations

import orjson
import pytest

from wikistate.adapters.connectors.checkpoint import ResumePosition
from wikistate.adapters.connectors.eventstreams.parser import ServerSentEvent
from wikistate.adapters.connectors.eventstreams.single_topic import SingleTopicPosition
from wikistate.errors import ConfigError
from wikistate.streaming.record import Partition

STREAM = "mutation.v2"
EQIAD, CODFW = f"eqiad.{STREAM}", f"codfw.{STREAM}"


def event(
    topic: str, offset: int, *, others: int = 5, stated: bool = True, timestamps: bool = False
) -> ServerSentEvent:
    """An event as a server sends it that serves two topics; the other one stands at `others`."""
    kind = "timestamp" if timestamps else "offset"
    places = {EQIAD: others, CODFW: others} | {topic: offset}
    number = 1_700_000_000_000 if timestamps else 0
    event_id = [{"topic": name, "partition": 0, kind: number + place} for name, place in places.items()]
    meta = {"topic": topic, "partition": 0, "offset": offset, "dt": "2026-01-01T00:00:00Z"} if stated else {}
    return ServerSentEvent(orjson.dumps(event_id).decode(), orjson.dumps({"meta": meta}))


def offsets(progress: SingleTopicPosition, *events: ServerSentEvent) -> list[tuple[str, int]]:
    """Where the records come from."""
    arrivals = [arrival for each in events if (arrival := progress.to_record(each))]
    return [(arrival.record.partition.topic, arrival.record.offset) for arrival in arrivals]


@pytest.mark.parametrize("timestamps", [False, True])
def test_the_topic_of_the_first_message_is_followed_and_the_other_one_is_not(*, timestamps: bool) -> None:
    """Both sites have the same changes, in orders of their own; the offsets are those that the messages state."""
    events = [event(topic, offset, timestamps=timestamps) for offset in (3, 4) for topic in (CODFW, EQIAD)]
    assert offsets(SingleTopicPosition(STREAM), *events) == [(CODFW, 3), (CODFW, 4)]


def test_the_topic_of_the_settings_is_followed_though_another_one_comes_first() -> None:
    """What the operator says counts."""
    assert offsets(SingleTopicPosition(STREAM, EQIAD), event(CODFW, 3), event(EQIAD, 9), event(CODFW, 4)) == [
        (EQIAD, 9)
    ]


def test_a_connection_goes_on_behind_the_last_message_of_that_topic_alone() -> None:
    """The server is not asked for the other topic again."""
    progress = SingleTopicPosition(STREAM)
    assert progress.last_event_id() == ""
    offsets(progress, event(CODFW, 3), event(EQIAD, 8))
    assert orjson.loads(progress.last_event_id()) == [{"topic": CODFW, "partition": 0, "offset": 3}]


def test_what_was_seen_is_a_repeat() -> None:
    """A server sends again what lies before the place that it is asked for."""
    progress = SingleTopicPosition(STREAM)
    assert offsets(progress, *(event(CODFW, offset) for offset in (3, 4, 3, 4, 5))) == [
        (CODFW, 3),
        (CODFW, 4),
        (CODFW, 5),
    ]


def test_it_goes_on_where_the_store_is() -> None:
    """The position of the same stream counts, in whatever topic; positions of others do not."""
    progress = SingleTopicPosition(STREAM)
    progress.restore({Partition(CODFW): ResumePosition(7, ""), Partition("mutations.ndjson"): ResumePosition(99, "")})
    assert orjson.loads(progress.last_event_id()) == [{"topic": CODFW, "partition": 0, "offset": 6}]
    assert offsets(progress, event(EQIAD, 50), event(CODFW, 6), event(CODFW, 7)) == [(CODFW, 7)]


@pytest.mark.parametrize(("setting", "held"), [(EQIAD, [CODFW]), ("", [CODFW, EQIAD])], ids=["another", "several"])
def test_a_store_that_was_filled_from_another_topic_is_refused(setting: str, held: list[str]) -> None:
    """To change the site is to lose or repeat messages: the offsets of one say nothing of the other."""
    with pytest.raises(ConfigError, match="was followed in"):
        SingleTopicPosition(STREAM, setting).restore({Partition(topic): ResumePosition(7, "") for topic in held})


def test_several_positions_are_no_matter_when_the_setting_says_which() -> None:
    """The store was moved to another site by loading it anew, and still knows both."""
    progress = SingleTopicPosition(STREAM, EQIAD)
    progress.restore({Partition(topic): ResumePosition(7, "") for topic in (CODFW, EQIAD)})
    assert offsets(progress, event(EQIAD, 7)) == [(EQIAD, 7)]


@pytest.mark.parametrize("timestamps", [False, True])
def test_what_is_no_message_has_an_offset_too_and_is_seen_once(*, timestamps: bool) -> None:
    """By the id that it came with; where that holds timestamps, it is the next one."""
    progress = SingleTopicPosition(STREAM)
    broken = event(CODFW, 4, timestamps=timestamps)._replace(data=b'{"meta": {')
    found = offsets(
        progress, event(CODFW, 3, timestamps=timestamps), broken, broken, event(CODFW, 5, timestamps=timestamps)
    )
    assert found == [(CODFW, 3), (CODFW, 4), (CODFW, 5)]


def test_what_is_no_message_of_the_other_topic_is_not_ours() -> None:
    """The entry of the id that moved tells where it came from."""
    progress = SingleTopicPosition(STREAM)
    broken = event(EQIAD, 6, others=3)._replace(data=b"nothing")
    assert offsets(progress, event(CODFW, 3), broken, event(CODFW, 4)) == [(CODFW, 3), (CODFW, 4)]


def test_a_server_whose_messages_state_no_place_is_followed_by_its_ids() -> None:
    """Not every server of such streams writes the place into the message."""
    events = [event(CODFW, 3, stated=False), event(CODFW, 4, stated=False)]
    progress = SingleTopicPosition(STREAM, CODFW)
    progress.restore({Partition(CODFW): ResumePosition(3, "")})
    assert offsets(progress, *events) == [(CODFW, 3), (CODFW, 4)]
