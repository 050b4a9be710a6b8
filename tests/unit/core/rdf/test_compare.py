"""Comparison of an entity with what a store returned, under the notion of each store."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from pyoxigraph import Literal, NamedNode, Triple
from tests.support.store_notions import FORMS, NOTIONS, literal

from wikistate.core.rdf.compare import GraphDifference, compare_graphs, select_questions
from wikistate.core.rdf.value_equality import BEYOND_RANGE, value_distance

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Hold = Callable[[Literal], Literal]

NODE = NamedNode("http://example/node")
BY_DATATYPE = {form.datatype.value: [other for other in FORMS if other.datatype == form.datatype] for form in FORMS}
"""Literals by datatype. All values of a property of a Wikibase have one datatype."""

SMALL_SETS = st.sampled_from(sorted(BY_DATATYPE)).flatmap(
    lambda datatype: st.tuples(*[st.frozensets(st.sampled_from(BY_DATATYPE[datatype]), max_size=4)] * 2)
)


def graph(literals: Iterable[Literal]) -> frozenset[Triple]:
    """Return a graph with one property of one node."""
    return frozenset(Triple(NODE, NODE, each) for each in literals)


def compare_stored(wanted: frozenset[Literal], stored: frozenset[Literal], hold: Hold) -> GraphDifference:
    """Compare a graph with a store that another graph was written to."""
    found = frozenset(map(hold, stored))
    questions = select_questions(graph(wanted), graph(found))
    held = frozenset(each for each in questions if isinstance(each.object, Literal) and hold(each.object) in found)
    return compare_graphs(graph(wanted), graph(found), held)


@pytest.mark.parametrize("notion", NOTIONS)
@given(sets=SMALL_SETS)
def test_written_graph_agrees_with_the_store(notion: str, sets: tuple[frozenset[Literal], frozenset[Literal]]) -> None:
    """It agrees in each form, valid or not, in which it was written, and in each that the store holds as the same term."""
    hold = NOTIONS[notion]
    wanted, stored = sets
    assert not compare_stored(wanted, wanted, hold)
    equal = frozenset(each for each in stored | wanted if hold(each) in set(map(hold, wanted)))
    assert not compare_stored(wanted, equal, hold)


@pytest.mark.parametrize("notion", NOTIONS)
@given(sets=SMALL_SETS)
def test_difference_is_found_exactly_if_the_store_distinguishes_the_terms(
    notion: str, sets: tuple[frozenset[Literal], frozenset[Literal]]
) -> None:
    """A store that holds forms apart is compared to the letter.

    Left out are other values beside one that is beyond the range of the store, which holds it as any value.
    """
    hold = NOTIONS[notion]
    wanted, stored = sets
    assume(
        len(wanted) == 1
        or all(
            value_distance(each, hold(each)) < BEYOND_RANGE or hold(each).datatype == literal("").datatype
            for each in wanted
        )
    )
    assert bool(compare_stored(wanted, stored, hold)) == (set(map(hold, wanted)) != set(map(hold, stored)))


@given(SMALL_SETS)
def test_comparison_is_reflexive_and_symmetric(sets: tuple[frozenset[Literal], frozenset[Literal]]) -> None:
    """This holds without a store, also for values that are unlike themselves."""
    one, other = map(graph, sets)
    assert not compare_graphs(one, one)
    assert compare_graphs(one, other) == tuple(reversed(compare_graphs(other, one)))


def test_all_differences_are_listed_in_order() -> None:
    """A held triple and its form are not listed."""
    plus, one, two = (Triple(NODE, NODE, number(text)) for text in ("+1", "1", "2"))
    iri = Triple(NODE, NODE, NODE)
    assert compare_graphs(frozenset({plus, two}), frozenset({one, iri})) == ([plus, two], [one, iri])
    assert compare_graphs(frozenset({plus, two}), frozenset({one, iri}), frozenset({plus})) == ([two], [iri])


def test_form_of_a_held_triple_is_the_nearest_one() -> None:
    """Another number beside it is a difference."""
    plus, one, near = (Triple(NODE, NODE, number(text)) for text in ("+1", "1", "1.0000001"))
    assert compare_graphs(frozenset({plus}), frozenset({one, near}), frozenset({plus})) == ([], [near])
    assert compare_graphs(frozenset({plus, one}), frozenset({one, near}), frozenset({plus})) == ([], [near])


def test_questions_are_about_literals_of_one_property_and_equivalent_iris() -> None:
    """The store is not asked for a triple that it cannot have returned in another form."""
    other = NamedNode("http://example/other")
    accented, combined = NamedNode("http://example/\u00e9"), NamedNode("http://example/e\u0301")
    plus, text = Triple(NODE, NODE, number("+1")), Triple(NODE, other, literal("a"))
    wanted = frozenset({plus, text, Triple(NODE, NODE, other), Triple(other, NODE, accented)})
    found = frozenset({Triple(NODE, NODE, number("1")), Triple(NODE, NODE, NODE), Triple(other, NODE, combined)})
    assert select_questions(wanted, found) == {plus, Triple(other, NODE, accented)}
    assert not select_questions(wanted, wanted)


def number(text: str) -> Literal:
    """Return a decimal number."""
    return literal(text, "decimal")
