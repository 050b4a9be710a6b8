"""From events to a graph, through all of the core: whatever order events come in, the graph is that of the wiki.

Several entities share value nodes. Messages go over the wire in small pieces. The store is a model that takes nothing
amiss silently: what goes must be there, and what comes must not.
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

    from tests.unit.core.updater.scenarios import Stimulus

    from wikistate.core.updater.input_events import InputEvent
    from wikistate.core.updater.mutation import Mutation

URIS = Uris.for_wikibase("http://www.wikidata.org")
WHOLE = Subgraphs.unsplit("mutations")
WINDOW = 10
NOTHING: frozenset[Triple] = frozenset()


def graph_of(entity: str, revision: int) -> frozenset[Triple]:
    """What the wiki says of an entity at a revision: some things stay, some change, some values it shares with others."""
    subject = NamedNode(URIS.entity_iri(entity))
    version = Triple(subject, NamedNode("http://schema.org/version"), Literal(revision))
    name = Triple(subject, NamedNode("http://schema.org/name"), Literal(entity))
    values = [NamedNode(f"{URIS.value}{number}") for number in (revision % 3, revision % 2 + 3)]
    links = (Triple(subject, NamedNode("http://www.wikidata.org/prop/P1"), value) for value in values)
    nodes = (Triple(value, NamedNode("http://wikiba.se/ontology#timeValue"), Literal(value.value)) for value in values)
    return frozenset({version, name, *links, *nodes})


@dataclass
class Store:
    """A model of a store: what it holds, by entity."""

    held: dict[str, frozenset[Triple]] = field(default_factory=dict)

    def apply(self, mutation: Mutation) -> None:
        """Take a mutation. Each kind has what must hold before it."""
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
    """The core, with a wiki that answers every fetch but those that are to fail.

    Attributes:
        failing: Which fetches fail, by their number; every other one of them had succeeded before a crash.
    """

    store: Store = field(default_factory=Store)
    failing: frozenset[int] = frozenset()
    states: dict[str, EntityState] = field(default_factory=dict)
    timers: dict[str, int] = field(default_factory=dict)
    wm: int | None = None
    fetches: int = 0

    def feed(self, stimuli: Iterable[Stimulus]) -> None:
        """Events and watermarks, in their order."""
        for stimulus in stimuli:
            if isinstance(stimulus, Wm):
                self.wm = stimulus.time
                while due := sorted((time, key) for key, time in self.timers.items() if time <= stimulus.time):
                    self._step(due[0][1], ReorderTimer(due[0][0]))
            else:
                self._step(stimulus.entity, stimulus)

    def _step(self, key: str, stimulus: InputEvent | ReorderTimer) -> None:
        found = reorder(self.states.get(key), stimulus, watermark=self.wm, window=WINDOW)
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
        # What fails may have been carried out before a crash that let it be forgotten.
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
    """What happened to three entities, each in order."""
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
    """What the wiki says at the end."""
    last = [history[-1] for history in histories]
    return NOTHING.union(*(graph_of(end.entity, end.revision) for end in last if not isinstance(end, PageDeleted)))


@st.composite
def arrivals(draw: st.DrawFn) -> tuple[list[list[InputEvent]], list[Stimulus]]:
    """Histories, and an order in which all of it comes, some of it twice, none of it late."""
    found = draw(histories())
    events = [event for history in found for event in history]
    pending = draw(st.permutations([*events, *draw(st.lists(st.sampled_from(events), max_size=4))]))
    stimuli: list[Stimulus] = []
    watermark = 0
    for place, event in enumerate(pending):
        if draw(st.booleans()):
            watermark = max(watermark, draw(st.integers(0, min(other.time for other in pending[place:]) + WINDOW)))
            stimuli.append(Wm(watermark))
        stimuli.append(event)
    return found, [*stimuli, Wm(1000)]


@given(arrivals())
def test_the_graph_is_that_of_the_wiki(found: Any) -> None:
    """In whatever order events come within the window, and however often, no triple is missing and none is left."""
    happened, stimuli = found
    updater = Updater()
    updater.feed(stimuli)
    assert updater.store.graph == wiki(happened)


@given(arrivals(), st.frozensets(st.integers(1, 20)))
def test_what_failed_is_made_up_for(found: Any, failing: frozenset[int]) -> None:
    """Fetches fail at random: nothing wrong is ever written, and the next edit of an entity mends it without help."""
    happened, stimuli = found
    updater = Updater(failing=failing)
    updater.feed(stimuli)
    updater.failing = frozenset()
    edited = [saved(end.revision + 1, parent=end.revision, t=2000, of=end.entity) for end in _living(happened)]
    updater.feed([*edited, Wm(3000)])
    after = [[*history, *(edit for edit in edited if edit.entity == history[0].entity)] for history in happened]
    assert updater.store.graph == wiki(after)


@given(arrivals(), st.frozensets(st.integers(1, 20)))
def test_a_reconciliation_mends_what_failed(found: Any, failing: frozenset[int]) -> None:
    """Asked for the last revision, the store holds all of the entity, whatever was missed."""
    happened, stimuli = found
    updater = Updater(failing=failing)
    updater.feed(stimuli)
    updater.failing = frozenset()
    updater.feed(asked("CREATION", end.revision, t=2000, of=end.entity) for end in _living(happened))
    assert updater.store.graph == wiki(happened)


def _living(histories: list[list[InputEvent]]) -> list[InputEvent]:
    return [history[-1] for history in histories if not isinstance(history[-1], PageDeleted)]
