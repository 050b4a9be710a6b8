from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.core.rdf.entities import ENTITIES
from tests.unit.core.rdf.turtle import STATED, WIKIDATA, triples

from wikistate.core.rdf.diff import diff
from wikistate.core.rdf.munge import munge

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pyoxigraph import Triple

    from wikistate.core.rdf.patch import Patch

NOTHING: frozenset[Triple] = frozenset()

SHARED = """
ref:a pr:P1 1 ; prv:P1 v:a .
v:a a wikibase:TimeValue ; wikibase:timePrecision 9 .
<https://x.org/> wikibase:wikiGroup "wikipedia" .
"""
OWN = """
wd:Q1 p:P1 s:q1-a ; wdt:P1 1 .
s:q1-a psv:P1 v:a ; prov:wasDerivedFrom ref:a .
<https://x.org/wiki/A> a schema:Article ; schema:isPartOf <https://x.org/> .
"""


def test_shared_triples_are_linked_and_own_triples_are_added() -> None:
    """Triples about values and references and the groups of sites are shared; sitelinks and all others are not."""
    own, shared = frozenset(triples(OWN)), frozenset(triples(SHARED))
    assert diff(NOTHING, own | shared, WIKIDATA) == (own, NOTHING, shared, NOTHING)
    assert diff(own | shared, NOTHING, WIKIDATA) == (NOTHING, own, NOTHING, shared)
    assert len(diff(own | shared, own | shared, WIKIDATA)) == 0


@pytest.mark.parametrize("iri", ["v:a/b", "<https://www.wikidata.org/value/a>", "<http://www.wikidata.org/values/a>"])
def test_similar_iris_are_not_shared(iri: str) -> None:
    """A node that is deeper than a namespace, or in another one, is the entity's own."""
    text = iri.replace("v:a/b", "<http://www.wikidata.org/value/a/b>")
    (triple,) = triples(f"{text} <http://x/p> 1 .")
    assert diff(NOTHING, frozenset({triple}), WIKIDATA).added == {triple}


def document(entity_id: str, statements: Iterable[tuple[int, int, int]], sites: Iterable[int]) -> frozenset[Triple]:
    """Return an entity after munging.

    A statement is a property, a value and a reference; all entities may share values and references.
    """
    lines = [f"data:{entity_id} {STATED} . wd:{entity_id} a wikibase:Item ."]
    for claim, value, reference in statements:
        node = f"s:{entity_id}-{claim}-{value}-{reference}"
        lines += [
            f"wd:{entity_id} p:P{claim} {node} . {node} psv:P{claim} v:{value} ; prov:wasDerivedFrom ref:{reference} .",
            f"v:{value} a wikibase:TimeValue ; wikibase:timePrecision {value} .",
            f"ref:{reference} pr:P1 {reference} ; prv:P1 v:{reference} . v:{reference} wikibase:timePrecision {reference} .",
        ]
    for site in sites:
        lines.append(
            f"<https://x{site}.org/wiki/{entity_id}> a schema:Article ; schema:about wd:{entity_id} ."
            f'<https://x{site}.org/> wikibase:wikiGroup "x" .'
        )
    return munge(triples("\n".join(lines)), entity_id, WIKIDATA)


SMALL = st.integers(0, 3)
CONTENTS = st.tuples(st.sets(st.tuples(SMALL, SMALL, SMALL), max_size=4), st.sets(SMALL, max_size=2))
IDS = ["Q1", "Q2", "Q3"]


def applied(patch: Patch, store: frozenset[Triple], others: frozenset[Triple]) -> frozenset[Triple]:
    """Return a store after a patch.

    Unlinked triples are removed only if no other entity has them.
    """
    return ((store - patch.removed) | patch.added | patch.linked) - (patch.unlinked - others)


@given(st.lists(CONTENTS, min_size=3, max_size=3), st.lists(st.tuples(st.sampled_from(IDS), CONTENTS), max_size=4))
def test_patches_have_the_effect_of_a_fresh_import(
    beginning: list[tuple[set[tuple[int, int, int]], set[int]]],
    edits: list[tuple[str, tuple[set[tuple[int, int, int]], set[int]]]],
) -> None:
    """In a store of entities that share values, references and sites, each patch has the effect of a fresh import."""
    held = {entity_id: document(entity_id, *each) for entity_id, each in zip(IDS, beginning, strict=True)}
    store = frozenset().union(*held.values())
    for entity_id, contents in edits:
        after = document(entity_id, *contents)
        others = NOTHING.union(*(each for name, each in held.items() if name != entity_id))
        store = applied(diff(held[entity_id], after, WIKIDATA), store, others)
        held[entity_id] = after
        assert store == NOTHING.union(*held.values())


@given(st.data())
def test_parts_of_a_patch_are_disjoint(data: st.DataObject) -> None:
    """No unchanged triple is in any of the four parts."""
    _, uris, listed = ENTITIES["item"]
    every = sorted(set(listed), key=str)
    before, after = (frozenset(data.draw(st.sets(st.sampled_from(every)))) for _ in range(2))
    patch = diff(before, after, uris)
    assert len(frozenset().union(*patch)) == len(patch)
    assert not frozenset().union(*patch) & before & after
    assert patch.added | patch.linked == after - before
    assert patch.removed | patch.unlinked == before - after
