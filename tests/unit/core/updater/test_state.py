"""What is remembered of an entity is one signed number, and for few a little more; both are read back as they were."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.core.updater.scenarios import INGESTED, ORIGIN, asked, deleted, restored, saved

from wikistate.core.updater.input_events import InputEvent, Origin, RevisionCreated
from wikistate.core.updater.state import NOT_IN_STORE, STORE_STATE_UNKNOWN, EntityState, EntityStatus
from wikistate.errors import InputError, InternalError

REVISIONS = st.integers(1, 2**53)
EVENTS: st.SearchStrategy[InputEvent] = st.one_of(
    st.builds(saved, REVISIONS, parent=st.none() | REVISIONS, t=st.integers(0, 2**43)),
    st.builds(deleted, st.integers(0, 2**53), t=st.integers(0, 2**43)),
    st.builds(restored, REVISIONS, t=st.integers(0, 2**43)),
    st.builds(asked, st.sampled_from(["CREATION", "DELETION"]), REVISIONS),
)
STATES = st.builds(
    lambda signed, held, buffer: EntityState.from_signed(signed)._replace(store_revision=held, buffer=tuple(buffer)),
    st.none() | st.integers(-(2**53), 2**53),
    REVISIONS | st.sampled_from([NOT_IN_STORE, STORE_STATE_UNKNOWN]),
    st.lists(EVENTS, max_size=3),
)


@pytest.mark.parametrize(
    ("signed", "state"),
    [
        (None, EntityState(0, EntityStatus.UNDEFINED, NOT_IN_STORE)),
        (5, EntityState(5, EntityStatus.CREATED, 5)),
        (-5, EntityState(5, EntityStatus.DELETED, NOT_IN_STORE)),
        (0, EntityState(0, EntityStatus.DELETED, NOT_IN_STORE)),
    ],
)
def test_a_signed_number_says_it_all_for_most(signed: int | None, state: EntityState) -> None:
    """An entity whose store is in step and that waits for nothing takes one number and no bytes beside it."""
    assert EntityState.from_signed(signed) == state
    assert (state.signed_revision, state.pack()) == (signed, b"")


@given(STATES)
def test_written_down_and_read_back(state: EntityState) -> None:
    """Revision, status, what the store holds and what waits come back as they were."""
    assert EntityState.unpack(state.signed_revision, state.pack()) == state


def test_revision_0_is_none_that_exists() -> None:
    """As a signed number it would read as deleted, so an entity that exists at it is refused and not turned about."""
    with pytest.raises(InternalError, match="revision 0"):
        _ = EntityState(0, EntityStatus.CREATED).signed_revision


def test_what_waits_takes_little() -> None:
    """A waiting edit takes some 350 bytes, most of them its origin."""
    assert len(EntityState(buffer=(saved(5, parent=4, t=INGESTED),)).pack()) < 400
    bare = Origin("", "", "", "", "", "")
    assert len(EntityState(buffer=(RevisionCreated("Q1", 1, 5, 1, bare, 4),)).pack()) < 60
    assert ORIGIN.id.encode() in EntityState(buffer=(saved(5),)).pack()


def test_the_format_has_a_version() -> None:
    """What a later release wrote is refused with what to do, and not misread."""
    with pytest.raises(InputError, match="format 2; this release knows 1") as caught:
        EntityState.unpack(5, orjson.dumps([2, "whatever"]))
    assert "release" in caught.value.hint
