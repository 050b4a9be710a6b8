from __future__ import annotations

import pytest

from wikistate.core.events.documents import parse_document
from wikistate.errors import DocumentError


@pytest.mark.parametrize(
    ("content", "uri"),
    [(b"a: [1, two]", "x.yaml"), (b'{"a": [1, "two"]}', "x.json"), (b' {"a": [1, "two"]}', "https://x/?format=json")],
)
def test_yaml_and_json_have_the_same_content(content: bytes, uri: str) -> None:
    """The content of a document does not depend on its format."""
    assert parse_document(content, uri) == {"a": [1, "two"]}


def test_timestamp_in_yaml_stays_text() -> None:
    """An unquoted timestamp in an example is the string that an event has, and not a date."""
    assert parse_document(b"dt: 2023-04-18T11:02:33Z", "x.yaml") == {"dt": "2023-04-18T11:02:33Z"}


@pytest.mark.parametrize(
    ("content", "uri", "reason"),
    [
        (b"a: 1\nb: [1\n", "x.yaml", "well-formed YAML, line 3, column 1"),
        (b'{"a": 1,\n "b" 2}', "x.json", "well-formed JSON, line 2, column 6"),
        (b"\xff\xfe\xfd", "x.yaml", "well-formed YAML"),
        (b"a: \x00", "x.yaml", "well-formed YAML"),
        (b"1: 2", "x.yaml", "that JSON can hold"),
        (b"a: !!binary aGk=", "x.yaml", "that JSON can hold"),
        (b"a: &x [*x]", "x.yaml", "that JSON can hold"),
        (b"a: " + b"[" * 3000, "x.yaml", "well-formed YAML"),
        (b"a: !!python/object:os.system {}", "x.yaml", "well-formed YAML, line 1, column 4"),
        (b"<!DOCTYPE html>", "x", "is not an object, but holds str"),
        (b"", "x.yaml", "is not an object, but holds NoneType"),
        (b"- a", "x.yaml", "is not an object, but holds list"),
    ],
)
def test_malformed_document_is_reported_with_its_place(content: bytes, uri: str, reason: str) -> None:
    """The error names the URI and, if known, the line and column; no other exception occurs."""
    with pytest.raises(DocumentError, match=reason) as caught:
        parse_document(content, uri)
    assert caught.value.message.startswith(uri)
    assert caught.value.hint
