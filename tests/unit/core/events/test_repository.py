from __future__ import annotations

from typing import Any

import orjson
import pytest

from wikistate.core.events.bundled import SCHEMAS, read_bundled
from wikistate.core.events.repository import SchemaRepository
from wikistate.errors import DocumentError, ExternalError


def document(title: str = "a/b", version: str = "1.0.0", **more: Any) -> bytes:
    """Return a small schema."""
    return orjson.dumps({"title": title, "$id": f"/{title}/{version}", "type": "object", **more})


class DocumentStore:
    """Documents by URI, and the URIs that were requested."""

    def __init__(self, documents: dict[str, bytes]) -> None:
        self.documents = documents
        self.asked: list[str] = []

    def __call__(self, uri: str) -> bytes | None:
        """Return the document, or None if it does not exist."""
        self.asked.append(uri)
        return self.documents.get(uri)


def test_first_base_that_has_the_schema_wins() -> None:
    """Bases are tried in order, and the second only when the first has no such schema."""
    read = DocumentStore({"two:/a/b/1.0.0.yaml": document(description="two"), "three:/a/b/1.0.0.yaml": document()})
    schema = SchemaRepository(["one:/", "two:", "three:"], read).get("a/b", "1.0.0")
    assert schema.document["description"] == "two"
    assert read.asked == ["one:/a/b/1.0.0.yaml", "one:/a/b/1.0.0.json", "one:/a/b/1.0.0", "two:/a/b/1.0.0.yaml"]


@pytest.mark.parametrize("suffix", [".yaml", ".json", ""])
def test_document_may_have_either_suffix_or_none(suffix: str) -> None:
    """YAML, JSON and the link without a suffix are all found."""
    read = DocumentStore({f"one:/a/b/1.0.0{suffix}": document()})
    assert SchemaRepository(["one:"], read).get("a/b", "1.0.0").uri == "/a/b/1.0.0"


def test_schema_is_read_once() -> None:
    """The second request returns the same object."""
    read = DocumentStore({"one:/a/b/1.0.0.yaml": document()})
    repository = SchemaRepository(["one:"], read)
    assert repository.get("a/b", "1.0.0") is repository.get_by_uri("/a/b/1.0.0")
    assert len(read.asked) == 1


def test_latest_is_the_version_that_the_document_states() -> None:
    """`latest` is resolved by the $id, and from then on its version is known."""
    read = DocumentStore({"one:/a/b/latest.yaml": document(version="2.10.3")})
    repository = SchemaRepository(["one:"], read)
    latest = repository.get("a/b", "latest")
    assert (latest.version, latest.uri) == ("2.10.3", "/a/b/2.10.3")
    assert repository.get("a/b", "2.10.3") is latest


def test_missing_schema_is_reported_with_every_place() -> None:
    """The error lists each place that was tried and the setting to change."""
    with pytest.raises(DocumentError) as caught:
        SchemaRepository(["one:", "two:"], DocumentStore({})).get("a/b", "1.0.0")
    for place in ("one:/a/b/1.0.0.yaml", "one:/a/b/1.0.0.json", "two:/a/b/1.0.0"):
        assert place in caught.value.message
    assert "schema_uris" in caught.value.hint


def test_empty_list_of_bases_is_reported() -> None:
    """The message says that the list of bases is empty."""
    with pytest.raises(DocumentError, match="schema_uris is empty"):
        SchemaRepository([], DocumentStore({})).get("a/b", "1.0.0")


@pytest.mark.parametrize(
    ("version", "content", "reason"),
    [
        ("1.0.0", document(title="a/c"), "has the title 'a/c', expected 'a/b'"),
        ("1.0.0", document(version="1.0.1"), "has the \\$id '/a/b/1.0.1', expected /a/b/1.0.0"),
        ("1.0.0", b'{"title": "a/b"}', "has the \\$id None"),
        ("latest", document(version="latest"), "expected /a/b/X.Y.Z"),
        ("latest", b'{"title": "a/b", "$id": 5}', "expected /a/b/X.Y.Z"),
        ("1.0.0", b"[1]", "is not an object"),
        ("1.0.0", document(type="objekt"), "not a draft 7 JSON schema"),
    ],
)
def test_document_of_another_schema_is_rejected(version: str, content: bytes, reason: str) -> None:
    """Another title, another version, no $id and an invalid schema are errors that name the document."""
    uri = f"one:/a/b/{version}.yaml"
    with pytest.raises(DocumentError, match=reason) as caught:
        SchemaRepository(["one:"], DocumentStore({uri: content})).get("a/b", version)
    assert caught.value.ids["uri"] == uri


@pytest.mark.parametrize(
    "uri",
    ["/../../etc/passwd/1.0.0", "/a/../b/1.0.0", "//x/1.0.0", "/a/b/1.0", "/a/b/01.0.0", "/a b/1.0.0", "1.0.0", ""],
)
def test_nothing_is_read_for_an_invalid_schema_uri(uri: str) -> None:
    """A $schema that leads out of the repository is rejected before anything is read."""
    read = DocumentStore({})
    with pytest.raises(DocumentError, match="not the URI of a schema"):
        SchemaRepository(["one:"], read).get_by_uri(uri)
    assert read.asked == []


def test_base_that_is_down_does_not_count_as_without_the_schema() -> None:
    """An external error passes through: the next base must not win because the first is down."""

    def down(uri: str) -> bytes | None:
        raise ExternalError(f"{uri} does not answer.")

    with pytest.raises(ExternalError, match="does not answer"):
        SchemaRepository(["one:", SCHEMAS], down).get("error", "2.1.0")


def test_bundled_schemas_are_a_base() -> None:
    """The bundled schemas are found under their base."""
    assert SchemaRepository([SCHEMAS], read_bundled).get_by_uri("/error/2.1.0").title == "error"
