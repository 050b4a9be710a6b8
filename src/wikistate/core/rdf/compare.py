"""Comparison of two graphs that should be equal, one of which a store returned.

A store may return a term in another form than it was written: ``+1`` as ``1``, or a point with six decimals. Only the store
knows which terms it holds as one, so it is asked for the written form: `select_questions` says which triples are worth asking
for, and `compare_graphs` takes the answer. No other rule decides here, so a store that distinguishes two forms is compared to
the letter.
"""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

from pyoxigraph import Literal

from wikistate.core.rdf.graph import EMPTY_GRAPH
from wikistate.core.rdf.value_equality import BEYOND_RANGE, value_distance, value_group
from wikistate.core.rdf.vocabulary import STRING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from collections.abc import Set as AbstractSet

    from pyoxigraph import Triple

    from wikistate.core.rdf.graph import Graph


class GraphDifference(NamedTuple):
    """Triples that are not in both graphs.

    Attributes:
        missing: Expected triples that were not found.
        extra: Found triples that were not expected.
    """

    missing: list[Triple]
    extra: list[Triple]

    def __bool__(self) -> bool:
        return bool(self.missing or self.extra)


def compare_graphs(wanted: Graph, found: Graph, held: Graph = EMPTY_GRAPH) -> GraphDifference:
    """Return the triples that are in one graph alone, each list sorted by the text of the triples.

    Args:
        wanted: Expected triples.
        found: Triples that the store returned.
        held: Expected triples that the store holds by its own answer, in the form of a found triple.
    """
    held &= wanted - found
    missing, extra = wanted - found - held, found - wanted
    extra -= _select_held_forms(held, found, extra)
    return GraphDifference(sorted(missing, key=str), sorted(extra, key=str))


def select_questions(wanted: Graph, found: Graph) -> Graph:
    """Return the expected triples that were not found and that the store may hold in the form of a found triple."""
    missing = wanted - found
    forms = _index_by_property(found) if missing else {}
    return frozenset(
        triple
        for triple in missing
        if any(_may_be_form(triple, other) for other in forms.get((triple.subject, triple.predicate), ()))
    )


def _may_be_form(written: Triple, found: Triple) -> bool:
    """Return whether a store may have returned the written triple so. It may return any literal as any other literal."""
    if isinstance(written.object, Literal):
        return isinstance(found.object, Literal)
    return value_group(written.object) == value_group(found.object)


class _Rating(NamedTuple):
    """Order of the found triples that may be the form of a written one; the first is the most likely.

    Attributes:
        is_not_text: Whether the form is not a plain string with the text of an invalid literal.
        has_other_datatype: Whether the datatypes differ, or the values of one datatype are not near each other.
        distance: Distance of the values.
        is_taken: Whether the form is expected, or belongs to another written triple.
        text: Last criterion, so that the order does not depend on hashes.
    """

    is_not_text: bool
    has_other_datatype: bool
    distance: float
    is_taken: bool
    text: str


def _select_held_forms(held: Graph, found: Graph, extra: Graph) -> Graph:
    """Return the found triples that are the forms of held ones. Each held triple has one form, the nearest by value."""
    if not extra:
        return EMPTY_GRAPH
    forms = _index_by_property(found)
    left = set(extra)
    done: list[Triple] = []

    def find_nearest(written: Triple) -> tuple[_Rating, Triple]:
        return min(
            (_rate(written, form, left), form)
            for form in forms[written.subject, written.predicate]
            if _may_be_form(written, form)
        )

    nearest = {triple: find_nearest(triple)[0] for triple in held}
    # Those with the nearest forms come first: what is left is for those whose form the store chose more freely.
    for triple in sorted(held, key=lambda each: (nearest[each], str(each))):
        has_own_form = nearest[triple].distance == 0 or not nearest[triple].is_not_text
        if has_own_form or not any(_is_same_value(triple, other) for other in done):
            left.discard(find_nearest(triple)[1])
            done.append(triple)
    return extra - left


def _rate(written: Triple, form: Triple, left: AbstractSet[Triple]) -> _Rating:
    distance = value_distance(written.object, form.object)
    return _Rating(
        is_not_text=not (_datatype(form) == STRING and _text(form) == _text(written)),
        has_other_datatype=_datatype(written) != _datatype(form) or distance >= BEYOND_RANGE,
        distance=distance,
        is_taken=form not in left,
        text=str(form),
    )


def _is_same_value(one: Triple, other: Triple) -> bool:
    return (
        (one.subject, one.predicate) == (other.subject, other.predicate)
        and _datatype(one) == _datatype(other)
        and value_distance(one.object, other.object) == 0
    )


def _index_by_property(graph: Iterable[Triple]) -> dict[tuple[object, object], list[Triple]]:
    index: defaultdict[tuple[object, object], list[Triple]] = defaultdict(list)
    for triple in graph:
        index[triple.subject, triple.predicate].append(triple)
    return index


def _datatype(triple: Triple) -> object:
    return triple.object.datatype if isinstance(triple.object, Literal) else None


def _text(triple: Triple) -> object:
    return triple.object.value if isinstance(triple.object, Literal) else triple.object
