"""RDF that ends the process of its parser, and syntax that no Wikibase writes."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyoxigraph import RdfFormat, Triple, parse
from tests.support.limited_process import run_limited

from wikistate.core.rdf.parse import parse_small_document, parse_triples
from wikistate.core.rdf.refused_syntax import MAX_DEPTH, check_syntax
from wikistate.core.updater.message_rdf import read_patch
from wikistate.errors import InputError, RdfError

S = "<http://x/s>"
PREDICATE = "<http://x/p>"
DEPTH = 30_000
BOMB = f"{S} {PREDICATE} " + f"<<( {S} {PREDICATE} " * DEPTH + S + " )>>" * DEPTH + " .\n"
"""Triple terms that overflow the stack of the parser."""


def test_the_parser_alone_dies_of_nested_triple_terms() -> None:
    """The reason for the check: remove it once a parser bounds the depth itself."""
    died = run_limited(
        f"""
        import pyoxigraph
        body = b"<a:a> <a:a> " + b"<<( <a:a> <a:a> " * {DEPTH} + b"<a:a>" + b" )>>" * {DEPTH} + b" ."
        list(pyoxigraph.parse(body, pyoxigraph.RdfFormat.N_TRIPLES))
        """
    )
    assert died.returncode < 0


@pytest.mark.parametrize("mime_type", ["text/turtle", "application/n-triples"])
def test_nested_triple_terms_of_a_wiki_are_refused_with_their_place(mime_type: str) -> None:
    """The message names the document, the line and the byte."""
    with pytest.raises(RdfError, match=r"http://x/Q1 has a triple term .* in line 2, at byte \d+") as raised:
        parse_triples(b"# comment\n" + BOMB.encode(), base="http://x/Q1", mime_type=mime_type)
    assert raised.value.ids == {"document": "http://x/Q1", "line": 2}


def test_nested_triple_terms_of_a_message_are_refused_with_their_field() -> None:
    """Both ways to read a message check its documents."""
    with pytest.raises(RdfError, match="A document of a message has a triple term"):
        parse_small_document(BOMB)
    event = {field: {"data": "", "mime_type": "text/turtle"} for field in ("rdf_added_data", "rdf_deleted_data")}
    event["rdf_deleted_data"]["data"] = BOMB
    with pytest.raises(InputError, match="rdf_deleted_data has a triple term"):
        read_patch(event)


@pytest.mark.parametrize(
    ("turtle", "reason"),
    [
        (f"{S} {PREDICATE} <<( {S} {PREDICATE} {S} )>> .", "triple term"),
        (f"<< {S} {PREDICATE} {S} >> {PREDICATE} {S} .", "triple term or quoted triple"),
        ('@version "1.2" .', "a version of RDF"),
        ('VERSION "1.2"', "a version of RDF"),
        (f"{S} {PREDICATE} " + f"[ {PREDICATE} " * 2000 + "1" + " ]" * 2000 + " .", "lists inside of each other"),
        (f"{S} {PREDICATE} " + "( " * 9000 + ") " * 9000 + " .", "lists inside of each other"),
        (f"{S} {PREDICATE} " + "((([ " * 4000, "lists inside of each other"),
        (f"{S} {PREDICATE} (" + "()" * 20_000 + ") .", "more than 10,000 lists"),
        (f"{S} {PREDICATE} " + f"[{PREDICATE} 1]," * 20_000 + "1 .", "more than 10,000 lists"),
        (f"{S} <http://x/a\\#b> ex:it\\'s\\# <<( {S} {PREDICATE} {S} )>> .", "triple term"),
        (f"# a comment \r {S} {PREDICATE} <<( {S} {PREDICATE} {S} )>> .", "triple term"),
    ],
)
def test_syntax_that_no_wikibase_writes_is_refused(turtle: str, reason: str) -> None:
    """It is refused before it is parsed, also behind escapes, comments and broken lines."""
    with pytest.raises(RdfError, match=reason):
        check_syntax(turtle.encode(), where="x")


@pytest.mark.parametrize(
    "turtle",
    [
        f'{S} {PREDICATE} "<<( a )>>" , \'<<\' , """a " <<( "" """ , \'\'\'<<<\'\'\' .',
        f'{S} {PREDICATE} "\\"<<" . # <<( \n',
        f'{S} {PREDICATE} "VERSION @version {"(" * 2000}" .',
        f"{S} {PREDICATE} <http://x/VERSION> .",
        f"{S} {PREDICATE} " + ", ".join(f"[ {PREDICATE} ( {n} ) ]" for n in range(MAX_DEPTH)) + " .",
    ],
)
def test_the_same_characters_in_a_text_are_read(turtle: str) -> None:
    """Titles and labels hold any character, and lists beside each other are not deep."""
    expected = {quad.triple for quad in parse(turtle, RdfFormat.TURTLE)}
    assert len(parse_triples(turtle.encode(), base="http://x/")) == len(expected) > 0


@pytest.mark.parametrize("annotation", ["{| <http://x/q> 1 |}", "~ <http://x/r>", "~"])
def test_annotations_of_a_message_are_refused(annotation: str) -> None:
    """They would add a triple about a triple, which SPARQL 1.1 cannot write."""
    event = {"rdf_added_data": {"data": f"{S} {PREDICATE} 1 {annotation} .", "mime_type": "text/turtle"}}
    with pytest.raises(InputError, match="triple is about a triple"):
        read_patch(event)


_PIECES = st.sampled_from(
    [
        *(
            S,
            " ",
            "\n",
            "\r",
            '"',
            '"""',
            "'",
            "'''",
            "\\",
            '\\"',
            "#",
            "<",
            ">",
            "<<(",
            ")>>",
            "<<",
            ">>",
            " .\n",
            "_:b",
        ),
        *(
            "ex:a\\#b",
            "ex:a\\'b",
            "@prefix ex: <e:> .\n",
            "@en",
            "^^",
            "<a:a",
            "b>",
            "\\u003C",
            "[",
            "]",
            "(",
            ")",
            ",",
            ";",
        ),
        *(f"<<( {S} {PREDICATE} {S} )>>", f"{S} {PREDICATE} ", "é", "\0", "%", "1"),
    ]
)


@given(
    st.lists(_PIECES, max_size=14).map("".join), st.booleans(), st.sampled_from([RdfFormat.TURTLE, RdfFormat.N_TRIPLES])
)
def test_no_document_hides_a_triple_term_from_the_check(start: str, is_lenient: bool, kind: RdfFormat) -> None:  # noqa: FBT001 (Hypothesis)
    """A document that passes has no triple term for its parser, which stops at its first error."""
    body = f"{start} {S} {PREDICATE} <<( {S} {PREDICATE} {S} )>> .".encode()
    try:
        check_syntax(body, where="x")
    except RdfError:
        return
    objects: list[object] = []
    with suppress(SyntaxError):
        objects.extend(quad.object for quad in parse(body, kind, base_iri="x:y", lenient=is_lenient))
    assert Triple not in set(map(type, objects))
