"""The law of batches: a batch has the result of its mutations one by one, and that of a load from scratch."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wikistate.adapters.triplestore.oxigraph import OxigraphStore
from wikistate.core.rdf.diff import diff, select_shared
from wikistate.core.rdf.patch import Patch
from wikistate.core.sparql.update_target import UpdateTarget
from wikistate.core.updater.accumulator import Accumulator
from wikistate.core.updater.input_events import Origin
from wikistate.core.updater.mutation import Mutation, OperationName
from wikistate.testing.contracts.small_entities import SITE, make_article, make_article_link, parse_triples
from wikistate.testing.contracts.store_operations import read_held_triples
from wikistate.testing.contracts.stores import WIKIDATA

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pyoxigraph import Triple

ORIGIN = Origin("", "", "", "", "", "")
NODES = {
    "v1": parse_triples('wdv:v1 wikibase:quantityAmount "1" ; wikibase:quantityNormalized wdv:v2 .')
    | parse_triples('wdv:v2 wikibase:quantityAmount "10" ; wikibase:quantityNormalized wdv:v2 .'),
    "v2": parse_triples('wdv:v2 wikibase:quantityAmount "10" ; wikibase:quantityNormalized wdv:v2 .'),
    "v3": parse_triples('wdv:v3 wikibase:timeValue "2020" .'),
}
REFERENCES = {
    "r1": parse_triples("wdref:r1 a wikibase:Reference ; prv:P8 wdv:v1 .") | NODES["v1"],
    "r2": parse_triples("wdref:r2 a wikibase:Reference ; prv:P8 wdv:v3 .") | NODES["v3"],
}


class Wish(NamedTuple):
    """The wanted state of an entity.

    Attributes:
        entity: Its id.
        label: Any text.
        values: Keys of `NODES`; each has a statement.
        references: Keys of `REFERENCES`; all on one statement.
        title: The title of an article, which the former entity loses.
        exists: Whether the entity exists.
        whole: Whether a reconciliation leads to this state.
        early: Whether an article is gained before the former entity loses it.
    """

    entity: str
    label: str
    values: frozenset[str]
    references: frozenset[str]
    title: str | None
    exists: bool
    whole: bool
    early: bool = False


shared_on_wikidata = partial(select_shared, uris=WIKIDATA)


def graph_of(wish: Wish) -> frozenset[Triple]:
    """Return the munged triples."""
    if not wish.exists:
        return frozenset()
    name, part = wish.entity, f"{wish.entity}-F1" if wish.entity.startswith("L") else wish.entity
    parts = [f'wd:{name} rdfs:label "{wish.label}" .']
    if part != name:
        parts.append(f'wd:{name} ontolex:lexicalForm wd:{part} . wd:{part} rdfs:label "form" .')
    parts += [f"wd:{part} p:P1 wds:{name}-{value} . wds:{name}-{value} psv:P1 wdv:{value} ." for value in wish.values]
    parts += [
        f"wd:{part} p:P2 wds:{name}-s . wds:{name}-s prov:wasDerivedFrom wdref:{ref} ." for ref in wish.references
    ]
    nodes = [NODES[value] for value in wish.values] + [REFERENCES[reference] for reference in wish.references]
    site = [make_article_link(name, wish.title), make_article(wish.title), parse_triples(SITE)] if wish.title else []
    return frozenset().union(parse_triples("\n".join(parts)), *nodes, *site)


def change(entity: str, before: frozenset[Triple], after: frozenset[Triple], *, whole: bool, time: int) -> Mutation:
    """Return the mutation between two states."""
    if not after:
        return _mutation(OperationName.DELETE, entity, Patch(), time)
    if whole:
        return _mutation(OperationName.RECONCILE, entity, Patch(added=after), time)
    patch = diff(before, after, WIKIDATA)
    return _mutation(OperationName.DIFF if before else OperationName.IMPORT, entity, patch, time)


def _mutation(operation: OperationName, entity: str, patch: Patch, time: int) -> Mutation:
    return Mutation(operation, entity, time, time, time, ORIGIN, "stream", patch)


class World:
    """The current entities; an article belongs to one entity at a time."""

    def __init__(self) -> None:
        self.wishes: dict[str, Wish] = {}
        self.mutations: list[Mutation] = []

    def grant(self, wish: Wish) -> None:
        """Append the mutations to this state."""
        losers = [
            other._replace(title=None, whole=False)
            for other in self.wishes.values()
            if wish.title and other.title == wish.title and other.entity != wish.entity
        ]
        wishes = [wish] if wish.exists or wish.entity in self.wishes else []
        for step in [*wishes, *losers] if wish.early else [*losers, *wishes]:
            self._become(step)

    def graph(self) -> set[Triple]:
        """Return the triples of a load from scratch."""
        return set().union(*map(graph_of, self.wishes.values()))

    def _become(self, wish: Wish) -> None:
        before = graph_of(self.wishes[wish.entity]) if wish.entity in self.wishes else frozenset()
        after = graph_of(wish)
        self.mutations.append(change(wish.entity, before, after, whole=wish.whole, time=len(self.mutations)))
        self.wishes[wish.entity] = wish
        if not wish.exists:
            del self.wishes[wish.entity]


WISHES = st.lists(
    st.builds(
        Wish,
        entity=st.sampled_from(["Q1", "Q2", "Q3", "L1"]),
        label=st.sampled_from("ab"),
        values=st.frozensets(st.sampled_from(sorted(NODES)), max_size=2),
        references=st.frozensets(st.sampled_from(sorted(REFERENCES)), max_size=2),
        title=st.sampled_from([None, "A", "B"]),
        exists=st.sampled_from([True, True, True, False]),
        whole=st.sampled_from([True, False, False]),
        early=st.booleans(),
    ),
    min_size=2,
    max_size=14,
)


async def applied(batches: Iterable[Sequence[Mutation]]) -> set[Triple]:
    """Return the content of a store after these batches; the accumulator decides the end of each batch."""
    store = OxigraphStore(None, UpdateTarget(WIKIDATA))
    await store.open()
    for batch in batches:
        accumulator = Accumulator(shared_on_wikidata)
        for mutation in batch:
            if not accumulator.can_add(mutation):
                patch = accumulator.build_patch()
                await store.apply(patch, {}, None)
                accumulator = Accumulator(shared_on_wikidata)
            accumulator.add(mutation)
        await store.apply(accumulator.build_patch(), {}, None)
    found = await read_held_triples(store)
    await store.close()
    return found


@given(WISHES, st.integers(1, 6))
@settings(max_examples=150)
async def test_batch_has_result_of_its_single_mutations(wishes: list[Wish], size: int) -> None:
    """Entities share nodes; sitelinks move; entities are deleted, restored and reconciled, in batches of any size."""
    world = World()
    for wish in wishes:
        world.grant(wish)
    many = world.mutations
    assert await applied([[mutation] for mutation in many]) == world.graph()
    assert await applied([many]) == world.graph()
    assert await applied(many[start : start + size] for start in range(0, len(many), size)) == world.graph()


@given(WISHES, st.data())
@settings(max_examples=100)
async def test_repeated_batch_has_same_result(wishes: list[Wish], data: st.DataObject) -> None:
    """After a crash the source resumes earlier, and the batches have other limits than before."""
    world = World()
    for wish in wishes:
        world.grant(wish)
    many = world.mutations
    reached = data.draw(st.integers(0, len(many)))
    back = data.draw(st.integers(0, reached))
    cut = data.draw(st.integers(back, len(many)))
    assert await applied([many[:reached], many[back:cut], many[cut:]]) == world.graph()


GHOSTS = {
    "statement": ("p:P2 wds:Q4-2 . wds:Q4-2 ps:P2 {0}", "Q4"),
    "statement with a reference and values": (
        (
            "p:P2 wds:Q4-2 . wds:Q4-2 ps:P2 {0} ; prov:wasDerivedFrom wdref:x{0} . wdref:x{0} prv:P8 wdv:x{0} . "
            "wdv:x{0} wikibase:quantityNormalized wdv:y{0} . wdv:y{0} wikibase:quantityAmount {0}"
        ),
        "Q4",
    ),
    "form": ("ontolex:lexicalForm wd:L4-F1 . wd:L4-F1 rdfs:label {0}", "L4"),
    "sense": ("ontolex:sense wd:L4-S1 . wd:L4-S1 rdfs:label {0}", "L4"),
    "statement of a form": (
        "ontolex:lexicalForm wd:L4-F1 . wd:L4-F1 rdfs:label {0} ; p:P{0} wds:L4-F1-{0} . wds:L4-F1-{0} ps:P1 {0}",
        "L4",
    ),
    "sitelink": (
        "rdfs:label {0} . <https://en.wikipedia.org/wiki/A> a schema:Article ; schema:about wd:Q4 ; wikibase:badge wd:Q{0}",
        "Q4",
    ),
}


@pytest.mark.parametrize("form", GHOSTS, ids=[name.replace(" ", "-") for name in GHOSTS])
@pytest.mark.parametrize("size", [1, 2, 3, 5])
async def test_diff_that_is_repeated_after_the_deletion_leaves_nothing(form: str, size: int) -> None:
    """Its part is not linked any more, so that the deletion after it would not find it. Another entity stays as it is."""
    turtle, entity = GHOSTS[form]
    old, new = (parse_triples(f"wd:{entity} {turtle.format(value)} .") for value in (1, 2))
    bystander = World()
    bystander.grant(Wish("Q1", "a", frozenset({"v1"}), frozenset({"r1"}), None, exists=True, whole=False))
    created, edited, deleted = (
        change(entity, frozenset(), old, whole=False, time=1),
        change(entity, old, new, whole=False, time=2),
        change(entity, new, frozenset(), whole=False, time=3),
    )
    many = [*bystander.mutations, created, edited, deleted, edited, deleted]
    assert await applied(many[start : start + size] for start in range(0, len(many), size)) == bystander.graph()
    restored = [*many, created, edited]
    assert await applied([each] for each in restored) == bystander.graph() | new


async def test_part_that_is_linked_already_keeps_its_changes() -> None:
    """A statement, a form and an article of an earlier batch are changed without their links in the patch."""
    steps = [
        parse_triples(
            f"wd:L4 p:P2 wds:L4-2 ; ontolex:lexicalForm wd:L4-F1 . wds:L4-2 ps:P2 {value} . wd:L4-F1 rdfs:label {value} . "
            "<https://en.wikipedia.org/wiki/A> a schema:Article ; schema:about wd:L4 . "
            f"<https://en.wikipedia.org/wiki/A> wikibase:badge wd:Q{value} ."
        )
        for value in range(3)
    ]
    mutations = [change("L4", frozenset(), steps[0], whole=False, time=0)]
    mutations += [change("L4", *steps[number : number + 2], whole=False, time=number) for number in range(2)]
    for size in (1, 2, 3):
        batches = [mutations[start : start + size] for start in range(0, len(mutations), size)]
        assert await applied(batches) == steps[-1]
