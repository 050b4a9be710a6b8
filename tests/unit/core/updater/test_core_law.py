"""From events to a graph through the whole core: for each order of the events the graph is that of the wiki.

Several entities share value nodes. Messages go over the wire in small chunks. The model of the store is strict: a triple
to remove must be there, and a triple to add must not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Triple
from tests.unit.core.updater.scenarios import Wm, asked, deleted, restored, saved

from wikistate.core.rdf.subgraphs import Subgraphs
from wikistate.core.rdf.uris import Uris
from wikistate.core.updater.execution_state import adapt_operation, mark_failed, mark_published
from wikistate.core.updater.input_events import PageDeleted
from wikistate.core.updater.message_fields import MessageVersion
from wikistate.core.updater.messages import decode_message, encode_mutation, merge_chunks
from wikistate.core.updater.mutation import OperationName
from wikistate.core.updater.operations import DeleteItem, Diff, Operation
from wikistate.core.updater.reorder import ReorderTimer, reorder
from wikistate.core.updater.state import EntityState
from wikistate.core.updater.subgraph_mutations import build_mutations

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.unit.core.updater.scenarios import CoreInput

    from wikistate.core.updater.input_events import InputEvent
    from wikistate.core.updater.mutation import Mutation

URIS = Uris.for_wikibase("http://www.wikidata.org")
WHOLE = Subgraphs.unsplit("mutations")
WINDOW = 10
NOTHING: frozenset[Triple] = frozenset()


def graph_of(entity: str, revision: int) -> frozenset[Triple]:
    """Return the triples of an entity at a revision: some stay, some change, and some values are shared with others."""
    subject = NamedNode(URIS.entity_iri(entity))
    version = Triple(subject, NamedNode("http://schema.org/version"), Literal(revision))
    name = Triple(subject, NamedNode("http://schema.org/name"), Literal(entity))
    values = [NamedNode(f"{URIS.value}{number}") for number in (revision % 3, revision % 2 + 3)]
    links = (Triple(subject, NamedNode("http://www.wikidata.org/prop/P1"), value) for value in values)
    nodes = (Triple(value, NamedNode("http://wikiba.se/ontology#timeValue"), Literal(value.value)) for value in values)
    return frozenset({version, name, *links, *nodes})


@dataclass
class Store:
    """Model of a store: its triples by entity."""

    held: dict[str, frozenset[Triple]] = field(default_factory=dict)

    def apply(self, mutation: Mutation) -> None:
        """Apply a mutation and assert the conditions of its kind."""
        before, patch = self.held.pop(mutation.entity, NOTHING), mutation.patch
        comes, goes = patch.added | patch.linked, patch.removed | patch.unlinked
        match mutation.operation:
            case OperationName.IMPORT:
                assert not before
                self.held[mutation.entity] = comes
            case OperationName.DIFF:
                assert goes <= before
                assert not comes & before
                self.held[mutation.entity] = (before - goes) | comes
            case OperationName.RECONCILE:
                self.held[mutation.entity] = comes
            case OperationName.DELETE:
                pass

    @property
    def graph(self) -> frozenset[Triple]:
        """All triples."""
        return NOTHING.union(*self.held.values())


@dataclass
class Updater:
    """Core with a wiki that answers every fetch except for those that shall fail.

    Attributes:
        failing: Numbers of the fetches that fail; every other one of them had succeeded before a crash.
    """

    store: Store = field(default_factory=Store)
    failing: frozenset[int] = frozenset()
    states: dict[str, EntityState] = field(default_factory=dict)
    timers: dict[str, int] = field(default_factory=dict)
    wm: int | None = None
    fetches: int = 0

    def feed(self, inputs: Iterable[CoreInput]) -> None:
        """Feed events and watermarks, in their order."""
        for received in inputs:
            if isinstance(received, Wm):
                self.wm = received.time
                while due := sorted((time, key) for key, time in self.timers.items() if time <= received.time):
                    self._step(due[0][1], ReorderTimer(due[0][0]))
            else:
                self._step(received.entity, received)

    def _step(self, key: str, received: InputEvent | ReorderTimer) -> None:
        found = reorder(self.states.get(key), received, watermark=self.wm, window=WINDOW)
        self.timers.pop(key, None)
        if found.timer is not None:
            self.timers[key] = found.timer
        self.states[key] = found.state or EntityState()
        for operation in found.operations:
            self._perform(key, adapt_operation(operation, self.states[key]))

    def _perform(self, key: str, operation: Operation) -> None:
        state = EntityState.unpack(self.states[key].signed_revision, self.states[key].pack())
        fails = False
        if not isinstance(operation, DeleteItem):
            self.fetches += 1
            fails = self.fetches in self.failing
        # A failed operation may have been executed before a crash after which it was forgotten.
        if not fails or self.fetches % 2:
            for mutation in _mutations(operation):
                self.store.apply(_over_the_wire(mutation))
        self.states[key] = mark_failed(state) if fails else mark_published(state, operation)


def _mutations(operation: Operation) -> list[Mutation]:
    entity = operation.entity
    before = graph_of(entity, operation.from_revision) if isinstance(operation, Diff) else NOTHING
    after = NOTHING if isinstance(operation, DeleteItem) else graph_of(entity, operation.revision)
    return build_mutations(operation, before, after, URIS, WHOLE)


def _over_the_wire(mutation: Mutation) -> Mutation:
    events = encode_mutation(mutation, MessageVersion.V2, domain="www.wikidata.org", now=1, soft_maximum=200)
    return merge_chunks([decode_message(orjson.loads(orjson.dumps(event))) for event in events])


@st.composite
def histories(draw: st.DrawFn) -> list[list[InputEvent]]:
    """Return the events of three entities, each in order."""
    return [draw(_history(entity)) for entity in ("Q1", "Q2", "L3")]


@st.composite
def _history(draw: st.DrawFn, entity: str) -> list[InputEvent]:
    time, revision, exists = draw(st.integers(0, 9)), 1, True
    events: list[InputEvent] = [saved(1, t=time, of=entity)]
    for edited in draw(st.lists(st.booleans(), max_size=5)):
        time += draw(st.integers(1, 5))
        if exists and edited:
            revision += 1
            events.append(saved(revision, parent=revision - 1, t=time, of=entity))
        else:
            events.append((deleted if exists else restored)(revision, t=time, of=entity))
            exists = not exists
    return events


def wiki(histories: list[list[InputEvent]]) -> frozenset[Triple]:
    """Return the graph of the wiki at the end."""
    last = [history[-1] for history in histories]
    return NOTHING.union(
        *(
            graph_of(last_event.entity, last_event.revision)
            for last_event in last
            if not isinstance(last_event, PageDeleted)
        )
    )


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[list[InputEvent]], list[CoreInput]]:
    """Return histories and an order of arrival: some events come twice, and none is late."""
    found = draw(histories())
    events = [event for history in found for event in history]
    pending = draw(st.permutations([*events, *draw(st.lists(st.sampled_from(events), max_size=4))]))
    inputs: list[CoreInput] = []
    watermark = 0
    for place, event in enumerate(pending):
        if draw(st.booleans()):
            watermark = max(watermark, draw(st.integers(0, min(other.time for other in pending[place:]) + WINDOW)))
            inputs.append(Wm(watermark))
        inputs.append(event)
    return found, [*inputs, Wm(1000)]


@given(arrivals())
def test_graph_is_that_of_the_wiki(found: Any) -> None:
    """No triple is missing and none is left, for each order of arrival within the window and any number of repeats."""
    happened, inputs = found
    updater = Updater()
    updater.feed(inputs)
    assert updater.store.graph == wiki(happened)


@given(arrivals(), st.frozensets(st.integers(1, 20)))
def test_next_edit_repairs_a_failed_fetch(found: Any, failing: frozenset[int]) -> None:
    """Fetches fail at random.

    Nothing wrong is ever written, and the next edit of an entity repairs it automatically.
    """
    happened, inputs = found
    updater = Updater(failing=failing)
    updater.feed(inputs)
    updater.failing = frozenset()
    edited = [
        saved(last_event.revision + 1, parent=last_event.revision, t=2000, of=last_event.entity)
        for last_event in _living(happened)
    ]
    updater.feed([*edited, Wm(3000)])
    after = [[*history, *(edit for edit in edited if edit.entity == history[0].entity)] for history in happened]
    assert updater.store.graph == wiki(after)


@given(arrivals(), st.frozensets(st.integers(1, 20)))
def test_reconciliation_repairs_a_failed_fetch(found: Any, failing: frozenset[int]) -> None:
    """After a reconciliation to the last revision the store holds the whole entity, whatever was missed."""
    happened, inputs = found
    updater = Updater(failing=failing)
    updater.feed(inputs)
    updater.failing = frozenset()
    updater.feed(
        asked("CREATION", last_event.revision, t=2000, of=last_event.entity) for last_event in _living(happened)
    )
    assert updater.store.graph == wiki(happened)


def _living(histories: list[list[InputEvent]]) -> list[InputEvent]:
    return [history[-1] for history in histories if not isinstance(history[-1], PageDeleted)]
