"""Guards: an update has an effect only in the state for which it was made, whatever its operations are."""

from __future__ import annotations

import pytest
from pyoxigraph import Literal, NamedNode, Store, Triple

from wikistate.core.rdf.uris import Uris
from wikistate.core.sparql.guards import build_first_request, build_guarded_requests, guard_operation, match_token
from wikistate.core.sparql.queries import build_state_query, read_state
from wikistate.core.sparql.update_target import UpdateTarget
from wikistate.core.sparql.updates import batch_operations
from wikistate.core.updater.store_metadata import StoreForm, StorePosition
from wikistate.core.updater.store_patch import StorePatch
from wikistate.core.updater.store_state import StoreState, WriteToken
from wikistate.errors import StoreError
from wikistate.streaming.record import Partition

URIS = Uris.for_wikibase("http://a.test")
TOPIC = Partition("t")
TOKEN = WriteToken(5, "batch")
HOSTILE = 'x" } WHERE { ?s ?p ?o } ; INSERT DATA { '


def patch() -> StorePatch:
    """Return a patch that leads to every kind of operation."""
    node, lexeme = NamedNode("http://a.test/entity/Q1"), NamedNode("http://a.test/entity/L1-F1")
    value = NamedNode("http://a.test/value/v")
    statement = NamedNode("http://a.test/entity/statement/Q1-1")
    linked = frozenset({Triple(value, NamedNode("urn:p"), Literal("1"))})
    return StorePatch(
        removed=frozenset({Triple(node, NamedNode("urn:p"), Literal("old"))}),
        added=frozenset(
            {
                Triple(node, NamedNode("urn:p"), Literal(HOSTILE)),
                Triple(lexeme, NamedNode("urn:p"), Literal("form")),
                Triple(statement, NamedNode("urn:p"), value),
            }
        ),
        linked=linked,
        unlinked=linked,
        deleted=frozenset({"Q7", "P7"}),
        reconciled=frozenset({"Q8"}),
    )


@pytest.mark.parametrize("graph", [None, "http://a.test/g"])
def test_every_operation_is_guarded(graph: str | None) -> None:
    """Each of them, alone, changes nothing in a store with another token, whatever the store holds."""
    target = UpdateTarget(URIS, graph=graph)
    (operations,) = batch_operations(patch(), {TOPIC: StorePosition(1, 1)}, 1000, target)
    assert len(operations) > 20
    store = Store()
    for operation in operations[::-1] + operations:
        store.update(operation)
    store.update(target.data("INSERT", f"{match_token(WriteToken(4, 'other'))} .\n"))
    before = set(store)
    for operation in operations:
        store.update(guard_operation(operation, TOKEN, target))
        assert set(store) == before, operation


@pytest.mark.parametrize("limit", [300, 8 << 20])
@pytest.mark.parametrize("graph", [None, "http://a.test/g"])
def test_guarded_requests_have_the_result_of_the_plain_ones(graph: str | None, limit: int) -> None:
    """In the expected state each request is applied once: sent again, it changes nothing."""
    target = UpdateTarget(URIS, graph=graph, max_request_bytes=limit)
    plain, guarded = Store(), Store()
    positions = {TOPIC: StorePosition(1, 1)}
    for request in batch_operations(patch(), positions, 1000, target):
        for operation in request:
            plain.update(operation)
    guarded.update(target.data("INSERT", f"{match_token(TOKEN)} .\n"))
    requests = build_guarded_requests(patch(), positions, 1000, target, before=TOKEN, batch="next", now=9)
    assert [request.token.number for request in requests] == list(range(9, 9 + len(requests)))
    for sent in requests:
        guarded.update(sent.text)
        once = set(guarded)
        guarded.update(sent.text)
        assert set(guarded) == once
    assert {quad for quad in guarded if "writeToken" not in str(quad.predicate)} == set(plain)
    assert _read(guarded, target) == StoreState(positions, requests[-1].token)


@pytest.mark.parametrize(
    ("form", "from_empty", "content", "applied"),
    [
        (StoreForm.EMPTY, True, "", True),
        (StoreForm.MUNGED, False, "", False),
        (StoreForm.MUNGED, False, "<a:q> <http://schema.org/version> 1 .", True),
        (StoreForm.MUNGED, True, "", True),
        (StoreForm.EMPTY, True, f"{match_token(TOKEN)} .", False),
    ],
)
def test_first_token_demands_the_state_at_the_start(
    form: StoreForm, content: str, *, from_empty: bool, applied: bool
) -> None:
    """A store that another process has written to, or that has lost its entities, gets none."""
    target, store = UpdateTarget(URIS), Store()
    store.update(f"INSERT DATA {{ {content} }}")
    before = set(store)
    first = build_first_request(StoreState({}), target, form=form, from_empty=from_empty, batch="b", now=3)
    store.update(first.text)
    assert (set(store) != before) is applied
    assert (_read(store, target).token == first.token) is applied


def test_first_token_demands_the_positions() -> None:
    """A store of an earlier version has positions and no token."""
    target, store = UpdateTarget(URIS), Store()
    state = StoreState({TOPIC: StorePosition(7, 0)})
    first = build_first_request(state, target, form=StoreForm.EMPTY, from_empty=False, batch="b", now=3)
    store.update(first.text)
    assert len(store) == 0
    for operation in batch_operations(StorePatch(), state.positions, None, target)[0]:
        store.update(operation)
    store.update(first.text)
    assert _read(store, target) == StoreState(state.positions, first.token)


@pytest.mark.parametrize("twice", ["token", "position"])
def test_marks_of_two_processes_are_an_error(twice: str) -> None:
    """A store without serialisable transactions may accept both."""
    target, store = UpdateTarget(URIS), Store()
    for offset in (7, 8):
        position = {TOPIC: StorePosition(offset, 0)} if twice == "position" else {}
        for operation in batch_operations(StorePatch(), position, None, target):
            store.update(" ;\n".join(each for each in operation if each.startswith("INSERT")))
        if twice == "token":
            store.update(target.data("INSERT", f"{match_token(WriteToken(offset, 'b'))} .\n"))
    with pytest.raises(StoreError, match="Two processes wrote into the store at the same moment") as caught:
        _read(store, target)
    assert "stop the other one" in caught.value.hint


def _read(store: Store, target: UpdateTarget) -> StoreState:
    solutions = store.query(build_state_query(target))
    names = [variable.value for variable in solutions.variables]  # type: ignore[union-attr]
    return read_state(
        {name: row[name] for name in names if row[name] is not None}
        for row in solutions  # type: ignore[union-attr]
    )
