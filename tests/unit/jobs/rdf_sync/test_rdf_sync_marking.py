"""Store and checkpoint stay together: what is noted where, in which order, and what a start makes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from tests.unit.jobs.rdf_sync.durable import Durable

from wikistate.core.sparql.contents import StorePosition
from wikistate.errors import ConfigError, StateError
from wikistate.jobs.rdf_sync.marking import GenerationFile, MarkingOutlet, mark_of
from wikistate.jobs.rdf_sync.standing import Standing

if TYPE_CHECKING:
    from pathlib import Path


MARK = mark_of("wikibase.example")
WINDOW = 100


def outlet(store: Durable, file: GenerationFile, *, now: float = 1_000.0) -> MarkingOutlet:
    """The outlet, compared with the store as at a start."""
    made = MarkingOutlet(store, lambda: store.contents, file, MARK, window=WINDOW, clock=lambda: now)
    made.compare(reach=None, adopt=False)
    return made


@pytest.fixture
def file(tmp_path: Path) -> GenerationFile:
    """Our side of the mark."""
    return GenerationFile(tmp_path / "state" / "generation")


async def test_the_store_is_marked_before_our_side_is(file: GenerationFile) -> None:
    """So that a store whose mark is older than ours can only have been put back."""
    store = Durable(file)
    marking = outlet(store, file)
    await marking.flush()
    assert store.known_by_then is None
    assert store.positions == {MARK: StorePosition(1_000_000, 0)}
    assert file.read() == (1_000_000, 0)


async def test_no_two_checkpoints_have_the_same_mark(file: GenerationFile) -> None:
    """Not even when the clock stands still, or went back since the last run."""
    store = Durable(file)
    first = outlet(store, file)
    await first.flush()
    await first.flush()
    second = outlet(store, file, now=500.0)
    await second.flush()
    assert file.read() == (1_000_002, 0)


async def test_a_store_is_complete_when_the_walk_is_over_and_up_to_when_the_source_was_followed(
    file: GenerationFile,
) -> None:
    """Before that it says that it is not."""
    store = Durable(file)
    marking = outlet(store, file)
    marking.followed = 777
    await marking.flush()
    assert store.positions[MARK].completed_until == 0
    assert outlet(store, file).standing is Standing.RESUME
    marking.walking = False
    await marking.flush()
    assert store.positions[MARK].completed_until == 777
    assert outlet(store, file).standing is Standing.FOLLOW


async def test_what_waits_for_events_before_it_is_not_in_the_store(file: GenerationFile) -> None:
    """The first of these bounds what the store says of itself, and not what the source need not say again."""
    store = Durable(file)
    marking = outlet(store, file)
    marking.followed, marking.walking = 777, False
    await marking.flush(wake=700 + WINDOW)
    assert store.positions[MARK].completed_until == 699
    assert file.read() == (1_000_000, 777)
    await marking.flush(wake=5_000)
    assert store.positions[MARK].completed_until == 777


async def test_a_store_that_was_put_back_is_recognised_and_one_that_is_ahead_is_no_matter(
    file: GenerationFile, tmp_path: Path
) -> None:
    """Ahead it is when a kill came between the two."""
    store = Durable(file)
    marking = outlet(store, file)
    marking.followed, marking.walking = 777, False
    await marking.flush()
    copy, before = dict(store.positions), (tmp_path / "state" / "generation").read_text()
    await marking.flush()
    (tmp_path / "state" / "generation").write_text(before)
    assert outlet(store, file).standing is Standing.FOLLOW
    await marking.flush()
    store.positions = copy
    assert outlet(store, file).standing is Standing.OLDER


async def test_a_store_that_follows_another_wiki_is_not_taken_for_one_in_step(file: GenerationFile) -> None:
    """Its mark is another one's; what it holds of this wiki is looked at."""
    store = Durable(file)
    marking = MarkingOutlet(store, lambda: store.contents, file, mark_of("another.example"), window=WINDOW)
    marking.walking, marking.followed = False, 777
    await marking.flush()
    with pytest.raises(ConfigError, match="did not write"):
        outlet(store, file)


def test_a_note_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """With what it is for and what comes of removing it."""
    path = tmp_path / "generation"
    path.write_text("what?")
    with pytest.raises(StateError, match="cannot be used"):
        GenerationFile(path).read()
