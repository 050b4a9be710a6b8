"""Wiki and store compared, entity by entity: which of the two knows better, and what follows."""

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
    """What is remembered of an entity that exists."""
    return EntityState(revision, EntityStatus.CREATED, held)


def test_what_both_have_alike_is_left_alone() -> None:
    """Also in a store that others loaded, of which nothing is remembered."""
    assert resync(ASKED, created(5, 5), store_revision=5, current=5) == (created(5, 5), None)
    assert resync(ASKED, UNSEEN, store_revision=5, current=5) == (created(5, 5), None)


def test_what_the_store_lacks_is_imported() -> None:
    """What is remembered is from then on that it exists."""
    settled = resync(ASKED, UNSEEN, store_revision=None, current=5)
    assert settled.operation == FullImport("Q1", 1_000, 5, 1_000, ORIGIN)
    assert settled.state == created(5, NOT_IN_STORE)


def test_what_a_walk_finds_says_nothing_about_how_fresh_the_store_is() -> None:
    """It is reconciled, and not imported with the time of the walk."""
    settled = resync(ASKED._replace(listed_revision=5), UNSEEN, store_revision=None, current=5)
    assert isinstance(settled.operation, ReconcileItem)


def test_what_the_store_has_and_the_wiki_has_no_more_is_deleted() -> None:
    """At the last revision that anybody knows of, so that its restoration is recognised."""
    settled = resync(ASKED, UNSEEN, store_revision=4, current=None)
    assert settled.operation == DeleteItem("Q1", 1_000, 4, 1_000, ORIGIN)
    assert (settled.state.status, settled.state.revision) == (EntityStatus.DELETED, 4)


def test_what_neither_has_is_nothing() -> None:
    """Nothing is remembered of it, either."""
    assert resync(ASKED, UNSEEN, store_revision=None, current=None) == (UNSEEN, None)


def test_a_difference_is_made_to_what_the_store_holds_and_to_nothing_else() -> None:
    """Where store and memory agree, that is a difference between two revisions; else all of it is put right."""
    agreed = resync(ASKED, created(3, 3), store_revision=3, current=5)
    assert agreed.operation is not None
    assert isinstance(adapt_operation(agreed.operation, agreed.state), Diff)
    disagreed = resync(ASKED, created(3, 3), store_revision=2, current=5)
    assert disagreed.operation is not None
    assert isinstance(adapt_operation(disagreed.operation, disagreed.state), ReconcileItem)


def test_what_was_seen_is_not_unseen_by_a_replica_that_lags() -> None:
    """An event told of revision 7; the wiki's answer is older."""
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
def test_a_list_is_believed_unless_something_newer_was_seen(state: EntityState, *, is_so: bool) -> None:
    """A deletion may be newer than the list: it has the same revision."""
    assert is_trustworthy(ASKED._replace(listed_revision=5), state) is is_so
    assert not is_trustworthy(ASKED, state)


@given(state=STATES, held=st.one_of(st.none(), REVISIONS))
def test_a_doubt_is_raised_exactly_where_store_and_memory_differ(state: EntityState, held: int | None) -> None:
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
def test_once_it_is_carried_out_store_and_wiki_are_in_step(
    state: EntityState, held: int | None, current: int | None, *, listed: bool
) -> None:
    """Whatever was remembered: the second time there is nothing to do."""
    check = ASKED._replace(listed_revision=current) if listed else ASKED
    settled = resync(check, state, store_revision=held, current=current)
    after = settled.state if settled.operation is None else mark_published(settled.state, settled.operation)
    assert after.is_in_sync
    now_held = None if after.store_revision == NOT_IN_STORE else after.store_revision
    assert resync(check, after, store_revision=now_held, current=current).operation is None
