"""State of an entity: one signed number, and rarely a little more; both are read back unchanged."""

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
def test_signed_number_is_the_whole_state_of_most_entities(signed: int | None, state: EntityState) -> None:
    """An entity that agrees with the store and has no waiting event needs one number and no further bytes."""
    assert EntityState.from_signed(signed) == state
    assert (state.signed_revision, state.pack()) == (signed, b"")


@given(STATES)
def test_packed_state_is_unpacked_unchanged(state: EntityState) -> None:
    """Revision, status, revision in the store and waiting events come back unchanged."""
    assert EntityState.unpack(state.signed_revision, state.pack()) == state


def test_entity_cannot_exist_at_revision_0() -> None:
    """As a signed number 0 means deleted, so an entity that exists at revision 0 is rejected."""
    with pytest.raises(InternalError, match="revision 0"):
        _ = EntityState(0, EntityStatus.CREATED).signed_revision


def test_waiting_event_needs_few_bytes() -> None:
    """A waiting edit needs about 350 bytes, most of them for its origin."""
    assert len(EntityState(buffer=(saved(5, parent=4, t=INGESTED),)).pack()) < 400
    bare = Origin("", "", "", "", "", "")
    assert len(EntityState(buffer=(RevisionCreated("Q1", 1, 5, 1, bare, 4),)).pack()) < 60
    assert ORIGIN.id.encode() in EntityState(buffer=(saved(5),)).pack()


def test_format_has_a_version() -> None:
    """State of a later release is rejected with a hint, and not misread."""
    with pytest.raises(InputError, match="format 2; this release knows 1") as caught:
        EntityState.unpack(5, orjson.dumps([2, "whatever"]))
    assert "release" in caught.value.hint
