from __future__ import annotations

import pytest
from pyoxigraph import Literal, NamedNode, Triple

from wikistate.core.rdf.compare import compare_graphs

XSD = "http://www.w3.org/2001/XMLSchema#"
NODE = NamedNode("http://example/node")


def said(value: str, kind: str = "string") -> Triple:
    """A triple with a literal."""
    return Triple(NODE, NODE, Literal(value, datatype=NamedNode(XSD + kind)))


@pytest.mark.parametrize(
    ("kind", "written", "given_back"),
    [
        ("decimal", "+190", "190"),
        ("decimal", "+1.50", "1.5"),
        ("integer", "007", "7"),
        ("dateTime", "2020-01-01T00:00:00Z", "2020-01-01T00:00:00.000Z"),
        ("dateTime", "-13798000000-01-01T00:00:00Z", "-13798000000-01-01T00:00:00"),
        ("decimal", "no number", "no number"),
    ],
)
def test_a_value_in_another_spelling_is_no_difference(kind: str, written: str, given_back: str) -> None:
    """Stores keep some values by what they mean."""
    assert not compare_graphs([said(written, kind)], [said(given_back, kind)])


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (said("1", "decimal"), said("1", "integer")),
        (said("1", "decimal"), said("1.0001", "decimal")),
        (said("01"), said("1")),
        (said("2020-01-01T00:00:00Z", "dateTime"), said("2020-01-01T00:00:01Z", "dateTime")),
        (said("no number", "decimal"), said("0", "decimal")),
        (said("a"), Triple(NODE, NODE, Literal("a", language="en"))),
        (said("a"), Triple(NODE, NODE, NODE)),
    ],
)
def test_another_value_is_missing_here_and_too_much_there(wanted: Triple, found: Triple) -> None:
    """Everything else is compared to the letter."""
    assert compare_graphs([wanted], [found]) == ([wanted], [found])
