from __future__ import annotations

import pytest
from pyoxigraph import Literal, NamedNode, Triple

from wikistate.core.rdf.compare import compare_graphs

XSD = "http://www.w3.org/2001/XMLSchema#"
NODE = NamedNode("http://example/node")


def literal_triple(value: str, kind: str = "string") -> Triple:
    """Return a triple with a literal."""
    return Triple(NODE, NODE, Literal(value, datatype=NamedNode(XSD + kind)))


@pytest.mark.parametrize(
    ("kind", "written", "returned"),
    [
        ("decimal", "+190", "190"),
        ("decimal", "+1.50", "1.5"),
        ("integer", "007", "7"),
        ("dateTime", "2020-01-01T00:00:00Z", "2020-01-01T00:00:00.000Z"),
        ("dateTime", "-13798000000-01-01T00:00:00Z", "-13798000000-01-01T00:00:00"),
        ("decimal", "no number", "no number"),
    ],
)
def test_value_in_another_spelling_is_not_a_difference(kind: str, written: str, returned: str) -> None:
    """Stores keep some values by their meaning."""
    assert not compare_graphs([literal_triple(written, kind)], [literal_triple(returned, kind)])


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (literal_triple("1", "decimal"), literal_triple("1", "integer")),
        (literal_triple("1", "decimal"), literal_triple("1.0001", "decimal")),
        (literal_triple("01"), literal_triple("1")),
        (literal_triple("2020-01-01T00:00:00Z", "dateTime"), literal_triple("2020-01-01T00:00:01Z", "dateTime")),
        (literal_triple("no number", "decimal"), literal_triple("0", "decimal")),
        (literal_triple("a"), Triple(NODE, NODE, Literal("a", language="en"))),
        (literal_triple("a"), Triple(NODE, NODE, NODE)),
    ],
)
def test_other_value_is_missing_in_one_graph_and_extra_in_the_other(wanted: Triple, found: Triple) -> None:
    """All other terms are compared literally."""
    assert compare_graphs([wanted], [found]) == ([wanted], [found])
