"""Value equality covers the notion of each store, and is an equality for every lexical form."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import BlankNode, Literal, NamedNode
from tests.support.store_notions import FORMS, NOTIONS, WKT, literal

from wikistate.core.rdf.value_equality import fold_text, value_distance, value_group

DATATYPES = [
    *(
        "decimal",
        "integer",
        "int",
        "double",
        "float",
        "boolean",
        "dateTime",
        "date",
        "gYear",
        "time",
        "duration",
        "string",
    ),
    WKT,
    "urn:other",
]
LEXICAL_FORMS = st.one_of(
    st.text(max_size=6),
    st.from_regex(r"[+-]?[0-9]{0,20}\.?[0-9]{0,20}(E[+-]?[0-9]{1,3})?", fullmatch=True),
    st.from_regex(r"[+-]?[0-9]{1,18}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})?", fullmatch=True),
    st.from_regex(r"(?i)point\([-+0-9.e]{1,9} [-+0-9.e]{1,9}\)", fullmatch=True),
    st.sampled_from(["NaN", "-NaN", "INF", "-INF", "1E400", "1E-400", "-0", "true", "1", "-0000-01-01T00:00:00Z"]),
)  # fmt: skip
LITERALS = st.one_of(
    st.builds(literal, LEXICAL_FORMS, st.sampled_from(DATATYPES)),
    st.builds(lambda text, tag: Literal(text, language=tag), LEXICAL_FORMS, st.sampled_from(["en", "EN", "de"])),
    st.sampled_from(FORMS),
)


@pytest.mark.parametrize("notion", NOTIONS)
def test_terms_that_a_store_holds_as_one_are_equal(notion: str) -> None:
    """Only texts that a store makes of invalid values are left out: no property has texts and other values."""
    hold = NOTIONS[notion]
    held = {form: hold(form) for form in FORMS}
    same = [(one, other) for one in FORMS for other in FORMS if held[one] == held[other]]
    apart = [
        (one, other)
        for one, other in same
        if value_distance(one, other) == math.inf and literal("").datatype not in (one.datatype, other.datatype)
    ]
    assert not apart
    assert len(same) > len(FORMS) or notion == "texts"


@given(LITERALS, LITERALS)
def test_distance_is_symmetric_and_zero_for_the_term_itself(one: Literal, other: Literal) -> None:
    """This holds for each lexical form: also for numbers that are unlike themselves, and forms that are not valid."""
    assert value_distance(one, one) == 0
    assert value_distance(one, other) == value_distance(other, one) >= 0


@given(LITERALS, LITERALS)
def test_terms_of_two_groups_are_never_equal(one: Literal, other: Literal) -> None:
    """The group can therefore be a key of an index."""
    assert value_distance(one, other) == math.inf or value_group(one) == value_group(other)


@given(LITERALS)
def test_form_that_oxigraph_returns_is_equal(form: Literal) -> None:
    """The embedded store is the real one here."""
    assert value_distance(form, NOTIONS["oxigraph"](form)) < math.inf


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (literal("1", "decimal"), literal("1.0001", "decimal")),
        (literal("1", "decimal"), literal("-1", "decimal")),
        (literal("INF", "double"), literal("-INF", "double")),
        (literal("NaN", "double"), literal("INF", "double")),
        (literal("2000-01-01T00:00:00Z", "dateTime"), literal("2000-01-02T00:00:00Z", "dateTime")),
        (literal("2000-01-01T00:00:00Z", "dateTime"), literal("2001-00-00T00:00:00Z", "dateTime")),
        (literal("true", "boolean"), literal("0", "boolean")),
        (literal("Point(1 2)", WKT), literal("Point(1 2.001)", WKT)),
        (literal("Point(1 2)", WKT), literal("<urn:moon> Point(1 2)", WKT)),
        (literal("1"), literal("1", "integer")),
        (Literal("a", language="en"), Literal("a", language="de")),
        (literal("a"), literal("A")),
        (NamedNode("http://a/e"), literal("http://a/e")),
        (NamedNode("http://a/e"), NamedNode("http://a/E")),
        (BlankNode("a"), BlankNode("b")),
    ],
)
def test_different_values_are_apart(one: Literal, other: Literal) -> None:
    """Otherwise a diff would insert triples again that no store can lose."""
    assert value_distance(one, other) == math.inf


def test_iris_are_compared_as_texts() -> None:
    """Blazegraph holds canonically equivalent IRIs as one."""
    assert value_distance(NamedNode("http://a/\u00e9"), NamedNode("http://a/e\u0301")) == 0


@given(st.text())
def test_folded_text_is_folded_once(text: str) -> None:
    """The fold of a fold is the same text."""
    assert fold_text(fold_text(text)) == fold_text(text)
