"""Start offsets of a consumer group: a stored offset that takes precedence over the settings is named in the log."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest
from confluent_kafka import OFFSET_BEGINNING, OFFSET_INVALID, TopicPartition
from structlog.testing import capture_logs

from wikistate.adapters.connectors.kafka.position import OffsetTracker
from wikistate.adapters.connectors.kafka.settings import KafkaSourceSettings
from wikistate.adapters.connectors.start_stop import Bound, Committed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from confluent_kafka import Consumer

OLDEST, NEWEST = 0, 3012


class CommittedOffsets:
    """The part of a consumer that stores offsets of a group.

    Args:
        offsets: Committed offset by number of the partition.
    """

    def __init__(self, offsets: Mapping[int, int]) -> None:
        self._offsets = dict(offsets)

    def committed(self, partitions: Sequence[TopicPartition], _timeout: float) -> list[TopicPartition]:
        """Return the partitions with their committed offsets."""
        return [
            TopicPartition(part.topic, part.partition, self._offsets.get(part.partition, OFFSET_INVALID))
            for part in partitions
        ]

    def get_watermark_offsets(self, _partition: TopicPartition, _timeout: float) -> tuple[int, int]:
        """Return the oldest and the newest offset."""
        return OLDEST, NEWEST

    def commit(self, *, offsets: Sequence[TopicPartition], asynchronous: bool) -> list[TopicPartition]:
        """Store offsets."""
        assert not asynchronous
        self._offsets |= {part.partition: part.offset for part in offsets}
        return list(offsets)


def start(
    committed: Mapping[int, int], otherwise: Bound, *, partitions: int = 1, times: int = 1
) -> tuple[list[int], list[dict[str, object]]]:
    """Return the start offsets of partitions, and the log lines of so many assignments."""
    settings = KafkaSourceSettings("a:1", ("t",), "g", start=Committed(otherwise))
    tracker = OffsetTracker(cast("Consumer", CommittedOffsets(committed)), settings)
    numbers = range(partitions)
    tracker.fetch([("t", number) for number in numbers])
    placed: list[TopicPartition] = []
    with capture_logs() as lines:
        for _ in range(times):
            placed = tracker.start_offsets([TopicPartition("t", number) for number in numbers])
    return [part.offset for part in placed], [dict(line) for line in lines]


def test_committed_offset_that_beats_earliest_is_named() -> None:
    """The line has the group, its offset and the remedy; a rebalance does not repeat it."""
    offsets, (line,) = start({0: 3012}, Bound.EARLIEST, times=2)
    assert offsets == [3012]
    assert line["event"] == "start_ignored"
    assert line["reader"] == "The group g"
    assert line["position"] == "3012"
    assert line["start"] == "start=earliest"
    assert line["remedy"] == "new groups: add group=NEW"


def test_offsets_of_several_partitions_are_in_one_line() -> None:
    """Of many partitions the first are shown."""
    _, (line,) = start({0: 5, 1: 6}, Bound.EARLIEST, partitions=2)
    assert line["position"] == "0=5, 1=6"
    _, (line,) = start(dict.fromkeys(range(30), 7), Bound.EARLIEST, partitions=30)
    assert line["position"] == "0=7, 1=7, 2=7, 3=7, 4=7, 5=7, 6=7, 7=7 and 22 more"


@pytest.mark.parametrize(
    ("committed", "otherwise", "expected"),
    [({}, Bound.EARLIEST, OFFSET_BEGINNING), ({0: 0}, Bound.EARLIEST, 0), ({0: 7}, Bound.LATEST, 7)],
    ids=["new group", "committed at the beginning", "no start named"],
)
def test_start_that_applies_needs_no_line(committed: Mapping[int, int], otherwise: Bound, expected: int) -> None:
    """Nothing is ignored."""
    assert start(committed, otherwise) == ([expected], [])


def test_new_group_that_begins_at_the_end_is_named() -> None:
    """It reads none of the existing records, and ``earliest`` has no effect for it later."""
    offsets, (line,) = start({}, Bound.LATEST, times=2)
    assert offsets == [NEWEST]
    assert (line["event"], line["group"], line["position"]) == ("group_begins_at_end", "g", str(NEWEST))
