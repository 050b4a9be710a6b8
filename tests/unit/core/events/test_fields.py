"""Fields of parsed JSON: a value of another type is an error with its path, whatever the JSON is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from wikistate.adapters.http.client import HttpResponse
from wikistate.adapters.mediawiki.action_api import get_warnings, parse_json
from wikistate.core.enrichment.failures import Failure
from wikistate.core.enrichment.login_answers import classify_login_result
from wikistate.core.enrichment.plan import Reject, plan_fetch
from wikistate.core.events.decoder import Decoder
from wikistate.core.events.fields import FieldError, Fields, quote_value
from wikistate.core.events.integers import MAX_INTEGER
from wikistate.core.events.rejection import RejectedEvent
from wikistate.core.events.schema import Schema
from wikistate.core.events.siteinfo import read_siteinfo
from wikistate.core.events.wiki_rows import read_log_entries, read_recent_changes
from wikistate.core.updater.input_reader import InputReader
from wikistate.core.updater.messages import decode_message
from wikistate.errors import InputError
from wikistate.streaming.record import Partition, Record

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


@given(JSON)
def test_siteinfo_and_rows_of_any_form_are_refused(value: object) -> None:
    """The readers raise nothing else."""
    for document in (value, {"query": value}, {"query": {"general": value, "namespaces": value}}):
        with pytest.raises(FieldError, match="but must be"):
            read_siteinfo(document)
    assert read_recent_changes([value]).readable == []
    assert read_log_entries([value]).readable == []


@pytest.mark.parametrize("field", ["$schema", "meta", "dt", "wiki_id", "page", "revision", "page_change_kind"])
def test_event_that_is_nested_deep_is_refused(field: str) -> None:
    """A message about the value must not need more of the stack than the parser did."""
    schema = Schema({"type": "object", "required": ["nothing"]}, title="t", version="1.0.0", origin="t")
    event = {"$schema": "/t/1.0.0", "meta": {}, "dt": "2026-01-01T00:00:00Z"} | {field: "DEEP"}
    value = orjson.dumps(event).replace(b'"DEEP"', b"[" * 1000 + b"]" * 1000)
    record = Record(value, None, None, Partition("t"), 0)
    assert isinstance(Decoder(schema, keep_unknown=True).decode(record), RejectedEvent)
    assert isinstance(InputReader([]).read(record, ingested=0).outcome, RejectedEvent)
    assert isinstance(plan_fetch({"revision": {"rev_id": DEEP}}), Reject)
    with pytest.raises(InputError):
        decode_message(orjson.loads(value))


def test_answer_that_is_nested_deep_is_a_failure() -> None:
    """The error of an API, a warning, and the answer to a login."""
    deep = b"[" * 900 + b"]" * 900
    for body in (b'{"error":%s}', b'{"error":{"code":%s,"info":%s}}', b'{"errors":[{"code":%s}]}'):
        answer = HttpResponse(200, CIMultiDictProxy(CIMultiDict()), body.replace(b"%s", deep))
        assert isinstance(parse_json(answer, place="w", now=0.0), Failure)
    assert [len(text) < 400 for text in get_warnings({"warnings": {"main": {"warnings": DEEP}}})] == [True]
    refusal = classify_login_result({"result": DEEP, "reason": {"code": DEEP, "text": [DEEP]}, "wait": DEEP})
    assert refusal is not None
