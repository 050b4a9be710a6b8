"""Terms as text: a SPARQL parser reads back exactly the original triples, whatever they hold."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pyoxigraph import BaseDirection, BlankNode, Literal, NamedNode, Quad, RdfFormat, Store, Triple, parse

from wikistate.core.sparql.terms import (
    UnwritableError,
    find_unwritable,
    format_iri,
    serialize_bookkeeping,
    serialize_triples,
)

SUBJECT, PREDICATE = NamedNode("http://a.test/s"), NamedNode("http://a.test/p")
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
LANGUAGES = st.from_regex(r"[a-z]{2,3}(-[a-z]{4})?(-[a-z]{2})?(-x-[a-z0-9]{1,8})?", fullmatch=True)
SPARQL_ESCAPE = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})")


def read_back(text: str) -> set[Quad]:
    """Return the content of a store after the update."""
    store = Store()
    store.update(text)
    return set(store)


def replaced_blindly(text: str) -> str:
    """Return the text after a store has replaced code point escapes without a check of the character before."""
    return SPARQL_ESCAPE.sub(lambda found: chr(int(found[1] or found[2], 16)), text)


def literals() -> st.SearchStrategy[Literal]:
    """Return a strategy for plain literals and literals with a language or an unknown datatype."""
    typed = NamedNode("http://a.test/type")
    return st.one_of(
        st.builds(Literal, TEXTS),
        st.builds(lambda text, language: Literal(text, language=language), TEXTS, LANGUAGES),
        st.builds(lambda text: Literal(text, datatype=typed), TEXTS),
    )


@given(st.sets(literals()))
@example(
    {Literal("\\u0041"), Literal("\\\\u0041 \\U00000041"), Literal("\0\r\n\t\"'\\"), Literal('" } ; CLEAR ALL ; #')}
)
def test_any_literal_is_read_back_unchanged(values: set[Literal]) -> None:
    """The law holds over all of Unicode, in inserted data and in deleted data."""
    triples = [Triple(SUBJECT, PREDICATE, value) for value in values]
    lines = serialize_triples(triples).decode()
    assert read_back(f"INSERT DATA {{ {lines} }}") == {Quad(*triple) for triple in triples}
    assert read_back(f"INSERT DATA {{ {lines} }} ; DELETE DATA {{ {lines} }}") == set()
    assert lines.count("\n") == len(triples)


@given(st.text(st.sampled_from("\\uU0041\"' \n"), max_size=40))
@example("\\u0041")
@example("\\\\u0022")
def test_parser_that_replaces_escapes_first_reads_the_same_triples(text: str) -> None:
    """Some stores do so before they parse quotes and backslashes."""
    triple = Triple(SUBJECT, PREDICATE, Literal(text))
    lines = replaced_blindly(serialize_triples([triple]).decode())
    assert read_back(f"INSERT DATA {{ {lines} }}") == {Quad(*triple)}


@given(TEXTS)
def test_iri_is_safe_or_rejected(text: str) -> None:
    """A written IRI can neither end its angle brackets nor become relative, whatever its source."""
    line = b"<" + f"http://a.test/{text}".encode("unicode_escape").replace(b"\\x", b"\\u00") + b"> <a:p> <a:o> ."
    try:
        triples = [quad.triple for quad in parse(line, RdfFormat.N_TRIPLES, lenient=True)]
    except SyntaxError:
        return
    for triple in triples:
        rejected = list(find_unwritable([triple]))
        if not rejected:
            inside = serialize_triples([triple]).decode().split("> <a:p>")[0].removeprefix("<")
            assert not re.search(r'[\x00-\x20<>"{}|^`\\]', inside)


@pytest.mark.parametrize(
    "line",
    [
        rb"<http://a.test/\u003E> <a:p> <a:o> .",
        rb"<http://a.test/> <a:p> <http://a.test/\u0020x> .",
        rb'<http://a.test/> <a:p> "x"^^<http://a.test/\u003E\u007D> .',
        rb"<a:s> <a:\u007D> <a:o> .",
    ],
)
def test_iri_that_would_end_its_brackets_is_rejected(line: bytes) -> None:
    """RDF that is read leniently may hold it. The error names the triple."""
    triples = [quad.triple for quad in parse(line, RdfFormat.N_TRIPLES, lenient=True)]
    with pytest.raises(UnwritableError, match="no safe form in SPARQL") as rejection:
        serialize_triples([Triple(SUBJECT, PREDICATE, Literal("fine")), *triples])
    assert rejection.value.ids["triple"]
    assert list(find_unwritable(triples)) == triples


def test_triple_about_the_bookkeeping_of_the_store_is_rejected() -> None:
    """The store would trust it: an entity recorded as an orphan is deleted with the next batch."""
    forged = Triple(NamedNode("urn:wikistate:store"), NamedNode("urn:wikistate:suspectArticle"), SUBJECT)
    with pytest.raises(UnwritableError, match="suspectArticle"):
        serialize_triples([forged])
    assert serialize_bookkeeping([forged]).decode() == f"{forged} .\n"


@pytest.mark.parametrize(
    "triple",
    [
        Triple(BlankNode("b"), PREDICATE, Literal("x")),
        Triple(SUBJECT, PREDICATE, BlankNode("b")),
        Triple(SUBJECT, PREDICATE, Triple(SUBJECT, PREDICATE, Literal("x"))),
        Triple(SUBJECT, PREDICATE, Literal("x", language="en", direction=BaseDirection.LTR)),
    ],
    ids=["blank subject", "blank object", "triple term", "direction"],
)
def test_terms_beyond_sparql_1_1_are_rejected(triple: Triple) -> None:
    """Blank nodes cannot be deleted by name; the others are RDF 1.2."""
    assert list(find_unwritable([triple])) == [triple]


@pytest.mark.parametrize(
    "text", ["relative", "a b:c", "http://a.test/>", "", "http://a.test/\\u003E", "http://a.test/\n"]
)
def test_iri_of_a_setting_or_an_id_is_checked_too(text: str) -> None:
    """Entity ids come from events."""
    with pytest.raises(UnwritableError):
        format_iri(text)


def test_huge_literal_is_written_completely() -> None:
    """Terms are never cut."""
    triple = Triple(SUBJECT, PREDICATE, Literal("é\\u" * 500_000))
    assert read_back(f"INSERT DATA {{ {serialize_triples([triple]).decode()} }}") == {Quad(*triple)}


@pytest.mark.parametrize("code", range(0x100))
def test_iri_may_hold_the_characters_of_the_grammar(code: int) -> None:
    """All characters of the grammar are allowed. The grammar is the rule IRIREF of the SPARQL 1.1 Query Language."""
    letter = chr(code)
    if code <= 0x20 or letter in '<>"{}|^`\\':
        with pytest.raises(UnwritableError):
            format_iri(f"http://x/{letter}")
    else:
        assert format_iri(f"http://x/{letter}") == f"<http://x/{letter}>"
