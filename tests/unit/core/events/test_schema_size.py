"""A schema whose references stand for billions of rules is refused, and those in use are not."""

from __future__ import annotations

from typing import Any

import pytest

from wikistate.core.events.schema import Schema
from wikistate.core.events.schema_size import MAX_DEPTH, MAX_RULES, find_excess
from wikistate.errors import DocumentError

TEXT = {"type": "string"}


def define(**definitions: Any) -> dict[str, Any]:
    """Return a schema with these definitions, whose field refers to the first one."""
    first = next(iter(definitions))
    return {"definitions": definitions, "properties": {"x": {"$ref": f"#/definitions/{first}"}}}


def chain(length: int, branches: int, keyword: str = "allOf") -> dict[str, Any]:
    """Return a schema of definitions that each refer to the next one several times."""
    each = {f"a{number}": {keyword: [{"$ref": f"#/definitions/a{number + 1}"}] * branches} for number in range(length)}
    return define(**each, **{f"a{length}": TEXT})


@pytest.mark.parametrize("keyword", ["allOf", "anyOf", "oneOf", "items"])
def test_references_that_multiply_are_refused(keyword: str) -> None:
    """Ten to the power of eight checks for one field would hold the job for days; the message names the address."""
    with pytest.raises(DocumentError, match=rf"http://s/t is too large .* more than {MAX_RULES} rules"):
        Schema(chain(8, 10, keyword), title="t", version="1.0.0", origin="http://s/t")


def test_references_without_an_end_are_refused() -> None:
    """A chain of them is as deep as it is long."""
    assert find_excess(chain(MAX_DEPTH, 1)) == f"it is nested deeper than {MAX_DEPTH} levels"


@pytest.mark.parametrize(
    "document",
    [
        define(a=TEXT),
        define(a={"$ref": "#/definitions/b"}, b={"$ref": "#/definitions/a"}),
        define(a={"properties": {"children": {"items": {"$ref": "#/definitions/a"}}}}),
        {"properties": {"x": {"$ref": "#"}}},
        {"properties": {"$ref": {"type": "string"}}},
        chain(3, 10),
    ],
    ids=["one", "circle", "tree", "whole", "field-of-that-name", "few"],
)
def test_other_references_are_allowed(document: dict[str, Any]) -> None:
    """Also those that lead back to themselves, as in a tree."""
    assert find_excess(document) == ""
    assert Schema(document, title="t", version="1.0.0", origin="o").is_valid({"x": "text"})
