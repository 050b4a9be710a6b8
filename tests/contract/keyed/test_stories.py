"""Keyed jobs under every runner: the same outputs and reports for every story, whatever interrupts the job."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest
from tests.contract.keyed.interruptions import INTERRUPTIONS
from tests.contract.keyed.updater_stories import STORIES, tell_rows

from wikistate.core.updater.decide import TABLE

if TYPE_CHECKING:
    from tests.contract.keyed.plays import Performance

pytestmark = pytest.mark.timeout(1800)


@pytest.mark.parametrize("interruption", INTERRUPTIONS)
def test_each_story_has_its_outputs_and_reports(performance: Performance, interruption: str) -> None:
    """Outputs of a key in their order, and records of the other streams, each as often as it must be."""
    assert performance.plays[interruption].find_differences() == {}


def test_outputs_lead_to_the_content_of_the_last_revision(performance: Performance) -> None:
    """All keys of all plays, with outputs that consist of several records."""
    outputs = performance.job.outputs()
    assert performance.world.find_wrong_content(outputs) == {}
    assert len(outputs) > len(STORIES)


def test_no_record_is_committed_twice(performance: Performance) -> None:
    """Exactly once: no record of any stream, over a crash, an outage of the broker and a savepoint."""
    read = performance.job.read()
    counts = Counter((stream, performance.world.recognise(stream, value).identity) for stream, value in read)
    repeated = {name for name, count in counts.items() if count > 1}
    assert len(counts) > len(STORIES)
    assert not (repeated and performance.job.exactly_once), repeated


def test_every_row_of_the_decision_table_has_a_story() -> None:
    """Each event is decided for each known state, in which it can be."""
    told = [story.name for story in tell_rows()]
    rows = [(row.event_kind, state) for row in TABLE for state in row.known_states]
    impossible = 4  # revision 0 is never equal to or above a known one
    assert len(told) == len(set(told)) == len(rows) - impossible == 38
