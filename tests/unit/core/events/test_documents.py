from __future__ import annotations

import pytest
from tests.support.limited_process import run_limited

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
        (b"a: 1\nb: [1\n", "x.yaml", "well-formed YAML that JSON can hold, line 3, column 1"),
        (b'{"a": 1,\n "b" 2}', "x.json", "well-formed JSON, line 2, column 6"),
        (b"\xff\xfe\xfd", "x.yaml", "well-formed YAML"),
        (b"a: \x00", "x.yaml", "well-formed YAML"),
        (b"1: 2", "x.yaml", "that JSON can hold"),
        (b"a: !!binary aGk=", "x.yaml", "that JSON can hold"),
        (b"a: &x [*x]", "x.yaml", "that JSON can hold"),
        (b"a: " + b"[" * 3000, "x.yaml", "well-formed YAML"),
        (b"a: !!python/object:os.system {}", "x.yaml", "that JSON can hold, line 1, column 4"),
        (b"<!DOCTYPE html>", "x", "must be an object, found str"),
        (b"", "x.yaml", "must be an object, found NoneType"),
        (b"- a", "x.yaml", "must be an object, found list"),
    ],
)
def test_malformed_document_is_reported_with_its_place(content: bytes, uri: str, reason: str) -> None:
    """The error names the URI and, if known, the line and column; no other exception occurs."""
    with pytest.raises(DocumentError, match=reason) as caught:
        parse_document(content, uri)
    assert caught.value.message.startswith(uri)
    assert caught.value.hint


_LAUGHS = b"a0: &a0 [x, x]\n" + b"".join(
    b"a%d: &a%d [%s]\n" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 13)
)
_MERGES = b"a0: &a0 {k: v}\n" + b"".join(b"a%d: &a%d {<<: [*a%d, *a%d]}\n" % (n, n, n - 1, n - 1) for n in range(1, 40))

HOSTILE = {
    "brackets": (b"a: " + b"[" * 30_000, "lists and mappings inside of each other"),
    "braces": (b"a: " + b"{" * 30_000, "lists and mappings inside of each other"),
    "dashes": (b"a:\n  " + b"- " * 30_000, "lists and mappings inside of each other"),
    "keys": (b"? " * 30_000, "lists and mappings inside of each other"),
    "closed": (b"a: " + b"[" * 30_000 + b"]" * 30_000, "lists and mappings inside of each other"),
    "laughs": (_LAUGHS, "once each alias is replaced"),
    "long text": (b"a: &a " + b"x" * 100_000 + b"\nb: [" + b"*a, " * 1_000 + b"]", "once each alias is replaced"),
    "merges": (_MERGES, "once each alias is replaced"),
    "cycle": (b"a: &a {<<: *a}", "stands for nothing, or for a value around it"),
    "base sixty": (b"a: 1" + b":59" * 200_000, "a number with more than 400 characters"),
    "hexadecimal": (b"a: 0x" + b"f" * 390, "that JSON can hold"),
    "tag": (b"a: !!int ''", "the tag"),
}
"""Documents that ended the process, filled its memory or raised another error in the parser."""


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_document_is_refused(name: str) -> None:
    """The child has little memory, and the error is the same for each."""
    found = run_limited(
        """
        import sys
        from tests.unit.core.events.test_documents import HOSTILE
        from wikistate.core.events.documents import parse_document
        from wikistate.errors import DocumentError
        try:
            parse_document(HOSTILE[sys.argv[1]][0], "http://x/schema.yaml")
        except DocumentError as error:
            print(error.message)
        """,
        name,
        megabytes=400,
    )
    assert found.returncode == 0, found.stderr
    assert HOSTILE[name][1] in found.stdout


def test_aliases_and_merges_of_a_document_are_read() -> None:
    """Authors of schemas use them."""
    content = b"a: &a {k: [1, 2]}\nb: {<<: *a, m: *a}\nc: &c text\nd: *c\n"
    assert parse_document(content, "x.yaml") == {
        "a": {"k": [1, 2]},
        "b": {"k": [1, 2], "m": {"k": [1, 2]}},
        "c": "text",
        "d": "text",
    }
