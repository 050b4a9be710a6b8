"""Comparison of wiki and store, entity by entity: the newer side is found, and the operation follows."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wikistate.core.updater.execution_state import adapt_operation, mark_published
from wikistate.core.updater.input_events import Origin
from wikistate.core.updater.operations import DeleteItem, Diff, FullImport, ReconcileItem
from wikistate.core.updater.resync import ResyncRequest, is_trustworthy, mark_uncertain, resync
from wikistate.core.updater.state import NOT_IN_STORE, STORE_STATE_UNKNOWN, UNSEEN, EntityState, EntityStatus

ORIGIN = Origin("", "2026-01-01T00:00:00Z", "id", "wikibase.example", "a stream", "")
ASKED = ResyncRequest("Q1", 1_000, 1_000, ORIGIN)
REVISIONS = st.integers(1, 5)
STATES = st.one_of(
    st.just(UNSEEN),
    st.builds(
        EntityState,
        REVISIONS,
        st.just(EntityStatus.CREATED),
        st.one_of(st.just(NOT_IN_STORE), st.just(STORE_STATE_UNKNOWN), REVISIONS),
    ),
    st.builds(EntityState, REVISIONS, st.just(EntityStatus.DELETED)),
)


def created(revision: int, held: int) -> EntityState:
    """Return the state of an entity that exists."""
    return EntityState(revision, EntityStatus.CREATED, held)


def test_entity_that_is_equal_in_wiki_and_store_is_left_alone() -> None:
    """The rule also holds in a store that was loaded by another tool, for an entity without state."""
    assert resync(ASKED, created(5, 5), store_revision=5, current=5) == (created(5, 5), None)
    assert resync(ASKED, UNSEEN, store_revision=5, current=5) == (created(5, 5), None)


def test_entity_missing_in_the_store_is_imported() -> None:
    """From then on the state says that the entity exists."""
    result = resync(ASKED, UNSEEN, store_revision=None, current=5)
    assert result.operation == FullImport("Q1", 1_000, 5, 1_000, ORIGIN)
    assert result.state == created(5, NOT_IN_STORE)


def test_result_of_a_full_scan_does_not_change_the_freshness() -> None:
    """The entity is reconciled, and not imported with the time of the scan."""
    result = resync(ASKED._replace(listed_revision=5), UNSEEN, store_revision=None, current=5)
    assert isinstance(result.operation, ReconcileItem)


def test_entity_missing_on_the_wiki_is_deleted() -> None:
    """The deletion has the last known revision, so that a restoration of it is recognised."""
    result = resync(ASKED, UNSEEN, store_revision=4, current=None)
    assert result.operation == DeleteItem("Q1", 1_000, 4, 1_000, ORIGIN)
    assert (result.state.status, result.state.revision) == (EntityStatus.DELETED, 4)


def test_entity_missing_on_both_sides_leads_to_nothing() -> None:
    """No state is kept for it, either."""
    assert resync(ASKED, UNSEEN, store_revision=None, current=None) == (UNSEEN, None)


def test_diff_starts_only_at_the_revision_in_the_store() -> None:
    """If store and state agree, the operation becomes a diff of two revisions.

    Otherwise the whole entity is reconciled.
    """
    agreed = resync(ASKED, created(3, 3), store_revision=3, current=5)
    assert agreed.operation is not None
    assert isinstance(adapt_operation(agreed.operation, agreed.state), Diff)
    disagreed = resync(ASKED, created(3, 3), store_revision=2, current=5)
    assert disagreed.operation is not None
    assert isinstance(adapt_operation(disagreed.operation, disagreed.state), ReconcileItem)


def test_lagging_replica_does_not_undo_the_known_revision() -> None:
    """An event announced revision 7; the wiki's response is older."""
    assert resync(ASKED, created(7, 7), store_revision=7, current=6) == (created(7, 7), None)


@pytest.mark.parametrize(
    ("state", "is_so"),
    [
        (UNSEEN, True),
        (created(4, 4), True),
        (created(5, 5), True),
        (created(6, 6), False),
        (EntityState(5, EntityStatus.DELETED), False),
    ],
)
def test_list_is_trusted_unless_a_newer_revision_is_known(state: EntityState, *, is_so: bool) -> None:
    """A deletion may be newer than the list: it has the same revision."""
    assert is_trustworthy(ASKED._replace(listed_revision=5), state) is is_so
    assert not is_trustworthy(ASKED, state)


@given(state=STATES, held=st.one_of(st.none(), REVISIONS))
def test_state_becomes_uncertain_exactly_where_it_differs_from_the_store(state: EntityState, held: int | None) -> None:
    """Nothing else of the state changes."""
    after = mark_uncertain(state, held)
    assert after._replace(store_revision=state.store_revision) == state
    assert after.store_revision in (held or NOT_IN_STORE, STORE_STATE_UNKNOWN)


@given(
    state=STATES,
    held=st.one_of(st.none(), REVISIONS),
    current=st.one_of(st.none(), REVISIONS),
    listed=st.booleans(),
)
def test_second_resync_has_nothing_to_do(
    state: EntityState, held: int | None, current: int | None, *, listed: bool
) -> None:
    """After the operation store and wiki agree, whatever the state was before."""
    check = ASKED._replace(listed_revision=current) if listed else ASKED
    result = resync(check, state, store_revision=held, current=current)
    after = result.state if result.operation is None else mark_published(result.state, result.operation)
    assert after.is_in_sync
    now_held = None if after.store_revision == NOT_IN_STORE else after.store_revision
    assert resync(check, after, store_revision=now_held, current=current).operation is None
