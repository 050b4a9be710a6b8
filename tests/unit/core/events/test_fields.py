"""Fields of parsed JSON: a value of another type is an error with its path, whatever the JSON is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from wikistate.core.events.fields import FieldError, Fields, load_fields, quote_value
from wikistate.core.events.integers import MAX_INTEGER
from wikistate.core.events.siteinfo import read_siteinfo
from wikistate.core.events.wiki_rows import read_log_entries, read_recent_changes

if TYPE_CHECKING:
    from collections.abc import Callable

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**64), 2**64) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
DEEP: Any = orjson.loads(b"[" * 1000 + b"]" * 1000)


@given(JSON)
def test_each_method_returns_its_type_or_raises(value: object) -> None:
    """No other exception is raised, and the message has the path and is short."""
    fields = Fields({"a": value}, "row")
    for read, kind in (
        (fields.text, str),
        (fields.get_text, str),
        (fields.integer, int),
        (fields.time, int),
        (fields.fields, Fields),
        (fields.get_fields, Fields),
        (fields.get_list, list),
        (lambda name: list(fields.get_all(name)), list),
        (lambda name: fields.get_integer(name) or 0, int),
    ):
        found = _read(read)
        if isinstance(found, FieldError):
            assert found.message.startswith("row.a")
            assert len(found.message) < 200
        else:
            assert isinstance(found, kind)


def _read(read: Callable[[str], object]) -> object:
    try:
        return read("a")
    except FieldError as error:
        return error


@pytest.mark.parametrize(
    "value", [DEEP, "x" * 10_000, 10**4000, ["y" * 1000] * 1000, {"a": DEEP}], ids=lambda value: str(type(value))
)
def test_value_is_quoted_within_bounds(value: object) -> None:
    """Neither the depth nor the length of a value reaches a message."""
    assert len(quote_value(value)) <= 60
    with pytest.raises(FieldError, match=rf"^a is .{{1,60}}, but must be a number from 0 to {MAX_INTEGER}"):
        Fields({"a": value}).integer("a")


@pytest.mark.parametrize("text", ["", "[]", "{", "null", "7", b"\xff"])
def test_stored_text_that_is_no_object_is_an_error(text: str | bytes) -> None:
    """The caller names the file."""
    with pytest.raises(FieldError):
        load_fields(text)


@given(JSON)
def test_siteinfo_and_rows_of_any_form_are_refused(value: object) -> None:
    """The readers raise nothing else."""
    for document in (value, {"query": value}, {"query": {"general": value, "namespaces": value}}):
        with pytest.raises(FieldError, match="but must be"):
            read_siteinfo(document)
    assert read_recent_changes([value]).readable == []
    assert read_log_entries([value]).readable == []
