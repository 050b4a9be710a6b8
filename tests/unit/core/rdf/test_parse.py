from __future__ import annotations

import pickle
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import BlankNode, Literal, NamedNode, RdfFormat, Triple, parse, serialize
from tests.unit.core.rdf.turtle import BASE, PREFIXES

from wikistate.core.rdf.normalize import is_probably_normal, normalize
from wikistate.core.rdf.parse import parse_small_document, parse_triples
from wikistate.errors import RdfError

if TYPE_CHECKING:
    from wikistate.core.rdf.normalize import Node

XSD = "http://www.w3.org/2001/XMLSchema#"


def objects(text: str) -> list[object]:
    """Return the objects of triples whose other terms do not matter."""
    body = f"{PREFIXES} <s> <p> {text} ."
    return [triple.object for triple in parse_triples(body.encode(), base=BASE)]


def read(body: str, mime_type: str = "text/turtle") -> list[Triple]:
    """Return the triples of a whole document."""
    return parse_triples(body.encode(), base=BASE, mime_type=mime_type)


def test_labels_of_blank_nodes_stay() -> None:
    """Wikibase's labels are stable hashes: the same document has the same triples each time."""
    assert objects("_:e39d2a834262") == [BlankNode("e39d2a834262")]


@pytest.mark.parametrize("name", ["ontology-0.0.1", "ontology-beta", "ontolog\\u0079-beta"])
def test_old_ontologies_are_renamed(name: str) -> None:
    """Terms with an old name of the ontology get the current name in each position, even if they have escapes."""
    node = NamedNode("http://wikiba.se/ontology#Item")
    iri = f"<http://wikiba.se/{name}#Item>"
    assert read(f"{iri} {iri} {iri} .") == [Triple(node, node, node)]
    assert read(f"@prefix w: <http://wikiba.se/{name}#> . w:Item w:Item w:Item .") == [Triple(node, node, node)]


def test_characters_that_are_invalid_in_iris_are_encoded() -> None:
    """Wikis write characters that RDF forbids in an IRI: they are percent-encoded, and line breaks are dropped."""
    assert objects("<http://x/a|b{c}`d^e>") == [NamedNode("http://x/a%7Cb%7Bc%7D%60d%5Ee")]
    assert objects("<http://x/\\u000A\\u000Da\\u005Cb>") == [NamedNode("http://x/a%5Cb")]


def test_iris_cannot_inject_text() -> None:
    """An IRI that ends itself with an escape, which a lenient parser accepts, cannot do so in an update."""
    (node,) = objects("<http://x/\\u003E\\u0020\\u003Cy\\u003E\\u0022>")
    assert node == NamedNode("http://x/%3E%20%3Cy%3E%22")
    (typed,) = objects('"1"^^<http://x/\\u003E\\u0020>')
    assert typed == Literal("1", datatype=NamedNode("http://x/%3E%20"))


@pytest.mark.parametrize(
    ("label", "kept"),
    [
        *((number, True) for number in ["0", "+1234.567", "-567.1234", "1234.5", "+", "-", ".", "1."]),
        *((other, False) for other in ["", "1e5", "1,5", "abc", "--1", "1.2.3", " 1", "\u0661"]),
    ],
)
@pytest.mark.parametrize("datatype", ["decimal", "integer"])
def test_invalid_numbers_become_0(label: str, datatype: str, kept: bool) -> None:  # noqa: FBT001  # a table's column
    """A literal with the datatype of a number and another text becomes 0; a single sign or dot passes."""
    node = NamedNode(XSD + datatype)
    assert objects(f'"{label}"^^xsd:{datatype}') == [Literal(label if kept else "0", datatype=node)]


def test_other_datatypes_stay() -> None:
    """No other datatype is checked."""
    assert objects('"abc"^^xsd:double') == [Literal("abc", datatype=NamedNode(XSD + "double"))]


@pytest.mark.parametrize("sign", "\u00ad\u200b\u200f\u202a\u202e\u2060\u2064\u206a\u206f")
def test_invisible_marks_are_removed(sign: str) -> None:
    """Plain texts and texts with a language lose invisible marks; typed ones keep them."""
    assert objects(f'"a{sign}b"') == [Literal("ab")]
    assert objects(f'"a{sign}b"@fa') == [Literal("ab", language="fa")]
    assert objects(f'"a{sign}b"^^geo:wktLiteral') == [
        Literal(f"a{sign}b", datatype=NamedNode("http://www.opengis.net/ont/geosparql#wktLiteral"))
    ]


@pytest.mark.parametrize("sign", "\u200a\u2010\u2029\u202f\u2065")
def test_neighbours_of_invisible_marks_stay(sign: str) -> None:
    """Spaces and hyphens beside them in Unicode stay."""
    assert objects(f'"a{sign}b"') == [Literal(f"a{sign}b")]


TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


def iri_of(text: str) -> NamedNode:
    """Return the IRI that is read when a document holds a text, all of it escaped."""
    iri = "<http://x/" + "".join(f"\\U{ord(letter):08X}" for letter in text) + ">"
    return read(f"{iri} {iri} {iri} .")[0].predicate


IRIS = TEXTS.map(iri_of)
LITERALS = (
    TEXTS.map(Literal)
    | TEXTS.map(lambda text: Literal(text, language="fa"))
    | st.tuples(TEXTS, st.sampled_from(["decimal", "integer", "dateTime"])).map(
        lambda found: Literal(found[0], datatype=NamedNode(XSD + found[1]))
    )
)
TRIPLES = st.builds(Triple, IRIS, IRIS, IRIS | LITERALS)


@given(st.lists(TRIPLES, max_size=5))
def test_normalising_is_idempotent(found: list[Triple]) -> None:
    """Writer and reader of a stream both normalise; the reader does not change triples of the writer."""
    once = normalize(found)
    assert normalize(once) is once


@given(st.lists(TRIPLES, max_size=5), st.sampled_from([RdfFormat.TURTLE, RdfFormat.N_TRIPLES]))
def test_written_triples_are_read_back(found: list[Triple], kind: RdfFormat) -> None:
    """Terms with any Unicode text are read back unchanged, and none injects text."""
    normal = normalize(found)
    written = serialize(normal, format=kind)
    assert written is not None
    assert set(parse_triples(written, base=BASE, mime_type=kind.media_type)) == set(normal)
    assert {quad.triple for quad in parse(written, kind, lenient=True)} == set(normal)


def test_turtle_and_n_triples_are_read() -> None:
    """N-Triples and Turtle are read, and parameters of the MIME type are accepted."""
    text = '<http://x/s> <http://x/p> "\\u00E9"@fr .'
    expected = [Triple(NamedNode("http://x/s"), NamedNode("http://x/p"), Literal("é", language="fr"))]
    for mime_type in ("text/turtle", "text/turtle; charset=UTF-8", "application/n-triples"):
        assert read(text, mime_type) == expected


@pytest.mark.parametrize(
    ("body", "line"),
    [
        (b"<!DOCTYPE html><html><body>503</body></html>", 1),
        (b'<http://x/s>\n <http://x/p> "cut', 2),
        (b"<http://x/s>\n\n <http://x/p> <http://x/o", 3),
        (b'{"error": {}}', 1),
        (b"\x1f\x8b\x08\x00\x00", 1),
        (b'<http://x/s> <http://x/p> "\xff" .', 1),
        (b"<http://x/g> { <http://x/s> <http://x/p> 1 . }", 1),
    ],
)
def test_invalid_rdf_is_rejected(body: bytes, line: int) -> None:
    """A document that is not RDF or is cut short is rejected, with its address and the line."""
    with pytest.raises(RdfError) as raised:
        parse_triples(body, base=BASE)
    assert BASE in raised.value.message
    assert raised.value.ids["line"] == line
    assert pickle.loads(pickle.dumps(raised.value)).ids == raised.value.ids


def test_other_mime_types_are_rejected() -> None:
    """The message has the unsupported type and the supported ones."""
    for mime_type in ("text/html", "application/rdf+xml", "application/n-quads"):
        with pytest.raises(RdfError, match="must be text/turtle or application/n-triples"):
            read("", mime_type)


def test_base_directions_are_dropped() -> None:
    """RDF 1.2 lets a text have a direction; a SPARQL 1.1 store would refuse the whole update."""
    assert objects('"a"@fa--rtl, "b\u200b"@fa--rtl') == [Literal("a", language="fa"), Literal("b", language="fa")]


def test_triples_about_triples_are_rejected() -> None:
    """RDF 1.2 has triples as terms; no Wikibase writes them, and not every store accepts them."""
    with pytest.raises(RdfError, match="has a triple term"):
        read("<s> <p> <<( <s> <p> <o> )>> .")
    with pytest.raises(RdfError, match="triple is about a triple"):
        read("<s> <p> <o> {| <q> <r> |} .")


def test_invalid_language_tag_passes_unless_the_text_changes() -> None:
    """A text with an invalid language tag passes unchanged; if it would have to change, it is rejected."""
    assert [str(found) for found in objects('"a"@zh-classical')] == ['"a"@zh-classical']
    with pytest.raises(RdfError, match="not a language tag"):
        objects('"a\u200bb"@zh-classical')


def test_unchanged_list_is_returned_itself() -> None:
    """Nothing is copied if nothing changes."""
    nodes: list[Node] = [Literal("a"), Literal("1", datatype=NamedNode(XSD + "integer")), BlankNode("b")]
    found = [Triple(NamedNode("http://x/s"), NamedNode("http://x/p"), node) for node in nodes]
    assert normalize(found) is found


PIECES = st.text(st.sampled_from("a1 é№\u00ad\u200b\u2013\u2066"), max_size=4)
NUMBERS = st.sampled_from(["1", "+.5", "", "1e2", "x", r"x\"1", r"\u0031", "."])
TURTLE_OBJECTS = (
    st.builds('"{}"@{}'.format, PIECES, st.sampled_from(["fa", "fa--ltr", "zh-classical"]))
    | st.builds('"""{}"1"""^^<{}{}>'.format, PIECES, st.just(XSD), st.sampled_from(["decimal", "string"]))
    | st.builds('"{}"^^<{}{}>'.format, NUMBERS, st.just(XSD), st.sampled_from(["decimal", "integer", "dateTime"]))
    | st.builds("<http://x/{}>".format, PIECES | st.sampled_from(["ontology-beta#", r"ontology\u002D0.0.1#", "%zz"]))
    | st.sampled_from(
        ["1", "1.5", r'"\u200B"', r'"\\u200B"', r'"\\\u200B"', '"ontology-beta"', '"<<"', "<relative>", "p:o"]
    )
)
DOCUMENTS = st.lists(st.builds("<http://x/s> <http://x/p> {} .".format, TURTLE_OBJECTS), max_size=4).map("\n".join)


@given(st.sampled_from(["", "PREFIX p: <http://x/> "]), DOCUMENTS)
def test_small_documents_are_read_like_others(prefixes: str, statements: str) -> None:
    """A small document that can be read has the same triples as any document, and it uses no prefixes."""
    document = prefixes + statements
    found = parse_small_document(document)
    if found is not None:
        assert found == read(document)
        assert not prefixes


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ('"№ 1"@fa, "\u2122\u00a0", 1, "2.5"^^<{}decimal>', True),
        (r'"\\u200B"', True),
        (r'"\u200B"', False),
        ('"a\u200b"', False),
        ('"a\u2066"', True),
        ('"a\u2062"', False),
        ('"a\u00ad"', False),
        ('"a"@fa--rtl', False),
        ('"x"^^<{}decimal>', False),
        (r'"x\"1"^^<{}integer>', False),
        ("<http://wikiba.se/ontology-beta#Item>", False),
        ("1 {| <http://x/q> 1 |}", False),
        (f'"{"a" * 20_000}"', False),
        (f'"""{"a" * 10_000}\n{"a" * 10_000}"""', False),
        (", ".join(["1\n"] * 10_000), True),
    ],
)
def test_quick_check_finds_normal_documents(text: str, normal: bool) -> None:  # noqa: FBT001  # a table's column
    """Usual documents are found to be normal; a document that normalising would change never is."""
    document = f"<http://x/s> <http://x/p> {text.replace('{}', XSD)} ."
    assert is_probably_normal(document.encode()) is normal


def test_quick_check_finds_every_invisible_mark_and_no_other_character() -> None:
    """A dash begins with the same bytes."""
    marks = {*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2065), *range(0x206A, 0x2070), 0xAD}
    for code in range(0xA0, 0x3000):
        document = f'<http://x/s> <http://x/p> "a{chr(code)}"@en .'
        assert is_probably_normal(document.encode()) is (code not in marks), hex(code)
