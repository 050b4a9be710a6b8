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
    """Return an event of a server with two topics; the position of the other topic is `others`."""
    kind = "timestamp" if timestamps else "offset"
    places = {EQIAD: others, CODFW: others} | {topic: offset}
    number = 1_700_000_000_000 if timestamps else 0
    event_id = [{"topic": name, "partition": 0, kind: number + place} for name, place in places.items()]
    meta = {"topic": topic, "partition": 0, "offset": offset, "dt": "2026-01-01T00:00:00Z"} if stated else {}
    return ServerSentEvent(orjson.dumps(event_id).decode(), orjson.dumps({"meta": meta}))


def offsets(progress: SingleTopicPosition, *events: ServerSentEvent) -> list[tuple[str, int]]:
    """Return the topics and the offsets of the records."""
    arrivals = [arrival for each in events if (arrival := progress.to_record(each))]
    return [(arrival.record.partition.topic, arrival.record.offset) for arrival in arrivals]


@pytest.mark.parametrize("timestamps", [False, True])
def test_topic_of_first_message_is_followed_and_other_topic_is_not(*, timestamps: bool) -> None:
    """Both sites have the same changes in different orders; the offsets are those that the messages state."""
    events = [event(topic, offset, timestamps=timestamps) for offset in (3, 4) for topic in (CODFW, EQIAD)]
    assert offsets(SingleTopicPosition(STREAM), *events) == [(CODFW, 3), (CODFW, 4)]


def test_topic_of_settings_is_followed_if_another_topic_is_first() -> None:
    """The setting overrides the first message."""
    assert offsets(SingleTopicPosition(STREAM, EQIAD), event(CODFW, 3), event(EQIAD, 9), event(CODFW, 4)) == [
        (EQIAD, 9)
    ]


def test_connection_resumes_after_last_message_of_followed_topic() -> None:
    """The other topic is not requested again."""
    progress = SingleTopicPosition(STREAM)
    assert progress.last_event_id() == ""
    offsets(progress, event(CODFW, 3), event(EQIAD, 8))
    assert orjson.loads(progress.last_event_id()) == [{"topic": CODFW, "partition": 0, "offset": 3}]


def test_known_offset_of_topic_is_a_repeat() -> None:
    """A server repeats messages before the requested position."""
    progress = SingleTopicPosition(STREAM)
    assert offsets(progress, *(event(CODFW, offset) for offset in (3, 4, 3, 4, 5))) == [
        (CODFW, 3),
        (CODFW, 4),
        (CODFW, 5),
    ]


def test_source_resumes_at_position_of_store() -> None:
    """A position of the same stream applies for any topic; positions of other streams do not."""
    progress = SingleTopicPosition(STREAM)
    progress.restore({Partition(CODFW): ResumePosition(7, ""), Partition("mutations.ndjson"): ResumePosition(99, "")})
    assert orjson.loads(progress.last_event_id()) == [{"topic": CODFW, "partition": 0, "offset": 6}]
    assert offsets(progress, event(EQIAD, 50), event(CODFW, 6), event(CODFW, 7)) == [(CODFW, 7)]


@pytest.mark.parametrize(("setting", "held"), [(EQIAD, [CODFW]), ("", [CODFW, EQIAD])], ids=["another", "several"])
def test_store_of_another_topic_is_rejected(setting: str, held: list[str]) -> None:
    """Another site would lose or repeat messages: the offsets of two sites are unrelated."""
    with pytest.raises(ConfigError, match="was followed in"):
        SingleTopicPosition(STREAM, setting).restore({Partition(topic): ResumePosition(7, "") for topic in held})


def test_setting_selects_one_of_several_positions() -> None:
    """The store was loaded again from another site, and still has both positions."""
    progress = SingleTopicPosition(STREAM, EQIAD)
    progress.restore({Partition(topic): ResumePosition(7, "") for topic in (CODFW, EQIAD)})
    assert offsets(progress, event(EQIAD, 7)) == [(EQIAD, 7)]


@pytest.mark.parametrize("timestamps", [False, True])
def test_invalid_message_has_an_offset_and_is_read_once(*, timestamps: bool) -> None:
    """The offset is that of its id, or the next one if the id has timestamps."""
    progress = SingleTopicPosition(STREAM)
    broken = event(CODFW, 4, timestamps=timestamps)._replace(data=b'{"meta": {')
    found = offsets(
        progress, event(CODFW, 3, timestamps=timestamps), broken, broken, event(CODFW, 5, timestamps=timestamps)
    )
    assert found == [(CODFW, 3), (CODFW, 4), (CODFW, 5)]


def test_invalid_message_of_other_topic_is_ignored() -> None:
    """The entry of the id that advanced identifies the topic."""
    progress = SingleTopicPosition(STREAM)
    broken = event(EQIAD, 6, others=3)._replace(data=b"nothing")
    assert offsets(progress, event(CODFW, 3), broken, event(CODFW, 4)) == [(CODFW, 3), (CODFW, 4)]


def test_messages_without_position_are_followed_by_ids() -> None:
    """Not every server of such streams writes the position into the message."""
    events = [event(CODFW, 3, stated=False), event(CODFW, 4, stated=False)]
    progress = SingleTopicPosition(STREAM, CODFW)
    progress.restore({Partition(CODFW): ResumePosition(3, "")})
    assert offsets(progress, *events) == [(CODFW, 3), (CODFW, 4)]
