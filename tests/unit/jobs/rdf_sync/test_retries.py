"""An entity that exists and could not be fetched is compared with the wiki again until the store holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.unit.jobs.rdf_sync.test_job import LATER, World, edited, state_of

from wikistate.core.updater.state import STORE_STATE_UNKNOWN, EntityState, EntityStatus
from wikistate.errors import StateError
from wikistate.jobs.rdf_sync.retries import (
    FIRST_DELAY_MS,
    MAX_DELAY_MS,
    MAX_ENTITIES,
    RETRY_PARTITION,
    RetryQueue,
)
from wikistate.jobs.rdf_updater.job import pack_state
from wikistate.streaming.record import Record

if TYPE_CHECKING:
    from pathlib import Path


class WithheldWorld(World):
    """A wiki whose EntityData does not show the entities that its Action API lists.

    Attributes:
        listed: Revisions that the Action API lists beside those of `wiki`.
    """

    def __init__(self) -> None:
        super().__init__(ordered=True)
        self.listed: dict[str, int] = {}

    async def current_revision(self, entity: str) -> int | None:
        """See `World`."""
        return self.listed.get(entity) or await super().current_revision(entity)


@pytest.fixture
async def world() -> WithheldWorld:
    """Return a job after its start."""
    world = WithheldWorld()
    await world.job.open()
    world.now = LATER
    return world


async def test_withheld_entity_is_compared_again_until_the_store_holds_it(world: WithheldWorld) -> None:
    """No further event of the entity is needed; the old content does not stay for good."""
    world.listed["Q1"], world.store["Q1"] = 6, 5
    state, written = await world.process(edited(6), state_of(5))
    assert (state.store_revision, written) == (STORE_STATE_UNKNOWN, [])
    assert world.state.retries.take_due(world.now + FIRST_DELAY_MS - 1, 10) == []
    (entity,) = world.state.retries.take_due(world.now + FIRST_DELAY_MS, 10)
    decoded = world.job.decode(Record(entity.encode(), None, None, RETRY_PARTITION, 0))
    assert decoded.time is None
    assert decoded.event is not None
    world.wiki["Q1"] = 6
    found = await world.process(decoded.event, pack_state(state))
    assert found == (EntityState(6, EntityStatus.CREATED, 6), ["reconcile"])
    assert "Q1" not in world.state.retries


async def test_deleted_entity_is_not_compared_again(world: WithheldWorld) -> None:
    """The wiki says that there is no page, so the store is in step without its triples."""
    world.store["Q1"] = 5
    _, written = await world.process(edited(6), state_of(5))
    assert written == ["delete"]
    assert "Q1" not in world.state.retries


@pytest.mark.parametrize("is_held", [False, True], ids=["not in the store", "in the store"])
async def test_file_is_compared_again_only_if_the_store_holds_it(world: WithheldWorld, *, is_held: bool) -> None:
    """A file without media info exists as a page, and has nothing to fetch."""
    world.listed["M1"] = 6
    if is_held:
        world.store["M1"] = 5
    await world.process(edited(6)._replace(entity="M1"))
    assert ("M1" in world.state.retries) == is_held


def test_intervals_grow_to_an_hour() -> None:
    """An entity that is due is returned once, until its next failure or an hour later."""
    queue, now = RetryQueue(), 0
    delays = []
    for _ in range(12):
        queue.add("Q1", now)
        delay = next(each for each in range(0, MAX_DELAY_MS + 1, FIRST_DELAY_MS) if queue.take_due(now + each, 9))
        delays.append(delay)
        now += delay
        assert queue.take_due(now, 9) == []
    assert delays[:3] == [FIRST_DELAY_MS, 2 * FIRST_DELAY_MS, 4 * FIRST_DELAY_MS]
    assert delays[-1] == MAX_DELAY_MS


def test_limit_leaves_the_rest_for_the_next_poll() -> None:
    """No poll returns more records than the runner has room for."""
    queue = RetryQueue()
    for number in range(5):
        queue.add(f"Q{number}", 0)
    assert [len(queue.take_due(FIRST_DELAY_MS, 2)) for _ in range(4)] == [2, 2, 1, 0]


def test_queue_survives_a_restart(tmp_path: Path) -> None:
    """The file holds the entities of the last checkpoint."""
    path = tmp_path / "state" / "retries.json"
    queue = RetryQueue.load(path)
    queue.add("Q1", 0)
    queue.add("Q2", 0)
    queue.save()
    queue.discard("Q1")
    assert RetryQueue.load(path).take_due(FIRST_DELAY_MS, 9) == ["Q1", "Q2"]
    queue.save()
    assert RetryQueue.load(path).take_due(FIRST_DELAY_MS, 9) == ["Q2"]


@pytest.mark.parametrize("content", ["", "[]", '{"Q1": 5}', '{"Q1": [1]}'])
def test_unreadable_file_is_an_error(tmp_path: Path, content: str) -> None:
    """An empty queue would keep old content without a word; the message says what to do."""
    path = tmp_path / "retries.json"
    path.write_text(content)
    with pytest.raises(StateError, match="store verify"):
        RetryQueue.load(path)


def test_queue_is_bounded() -> None:
    """A wiki that serves no entity at all must not fill the memory."""
    queue = RetryQueue()
    for number in range(MAX_ENTITIES + 5):
        queue.add(f"Q{number}", 0)
    assert len(queue.take_due(FIRST_DELAY_MS, MAX_ENTITIES * 2)) == MAX_ENTITIES
