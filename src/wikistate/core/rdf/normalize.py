"""Terms as stores can hold them and SPARQL can say them.

Applied to all triples that are read, of a wiki and of a mutation stream, so that both sides of a comparison went
through the same. Doing it twice changes nothing.

- IRIs: old names of the Wikibase ontology become today's; line breaks go, and what RDF 1.1 does not allow in an IRI is
  percent-encoded.
- ``xsd:decimal`` and ``xsd:integer`` that are no number become 0.
- Texts lose invisible marks of format and direction, and the base direction that RDF 1.2 gives them.
- Literals are cut to 32767 UTF-16 code units.
"""

from __future__ import annotations

import re
from operator import attrgetter
from typing import TYPE_CHECKING, Final, TypeAlias

from pyoxigraph import BlankNode, Literal, NamedNode, RdfFormat, Triple, parse

from wikistate.core.rdf.vocabulary import DECIMAL, INTEGER, STRING
from wikistate.errors import RdfError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    Node: TypeAlias = NamedNode | BlankNode | Literal

_OLD_ONTOLOGY: Final = re.compile(r"ontology-(?:0\.0\.1|beta)")
_LINE_BREAKS: Final = re.compile(r"[\r\n]")
_NOT_IN_IRI: Final = re.compile(r'[\x00-\x20<>"{}|\\^`]')
"""What IRIREF leaves out in Turtle and in SPARQL. An update that held one of these would say something else."""

_INVISIBLE_MARKS: Final = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u206a-\u206f]")
_NUMBER: Final = re.compile(r"(?=.)[+-]?[0-9]*\.?[0-9]*")
"""A lone sign and a lone dot count as numbers, as they do for the others who write this stream."""

MAX_LITERAL_LENGTH: Final = 32767
"""UTF-16 code units: the length of a string in the stores that this stream was made for."""

_NUMBERS: Final = frozenset({DECIMAL, INTEGER})

LETTER_ESCAPE: Final = rb"\\(?<!\\\\)(?:\\\\)*+[uU]"
"""Letters that are not seen in a document of Turtle or N-Triples: a "u" behind an odd number of backslashes."""

_SUSPICIOUS: Final = tuple(
    map(
        re.compile,
        (
            rb"<<",  # a triple about a triple
            rb"--(?:ltr|rtl)",  # a base direction
            rb"ontology-",  # an old name
            LETTER_ESCAPE,
            # The invisible marks, in UTF-8. Dashes and quotation marks begin with the same two bytes.
            rb"\xe2(?:\x80[\x8b-\x8f\xaa-\xae]|\x81[\xa0-\xa4\xaa-\xaf])",
            rb"\xc2\xad",
        ),
    )
)
"""Whether these matter is seen in the terms. One pattern each, and each begins with what it looks for: so the search goes
from one such place to the next."""

_NUMBER_DATATYPE: Final = re.compile(rb"#(?:decimal|integer)>")
_VALID_NUMBER: Final = re.compile(
    rb'"(?<!\\")(?=[^"])[+-]?[0-9]*\.?[0-9]*"\^\^<http://www\.w3\.org/2001/XMLSchema#(?:decimal|integer)>'
)

_SMALL_DOCUMENT: Final = 100

_subject = attrgetter("subject")
_predicate = attrgetter("predicate")
_object = attrgetter("object")


def normalize(triples: list[Triple], *, iris: bool = True) -> list[Triple]:
    """The triples with normal terms, in their order; the list itself when there is nothing to change.

    Args:
        triples: Of one document.
        iris: Whether IRIs are to be looked at, too. Whoever saw the document may know that none needs it.

    Raises:
        RdfError: A text that would have to change has a language tag that is none, or a triple is about a triple.
    """
    objects: list[Node] = list(map(_object, triples))
    if Triple in set(map(type, objects)):
        raise RdfError("There is a triple about a triple, which no Wikibase writes and not every store takes.")
    terms: Iterable[Node] = objects if iris else [term for term in objects if type(term) is Literal]
    if len(objects) >= _SMALL_DOCUMENT:
        # Terms that come again and again are looked at once, but to find that out in a small document takes longer.
        terms = set(terms)
    changed = replace_objects(triples, objects, _find_replacements(terms, iris=iris))
    if not iris:
        return changed
    nodes = {*map(_subject, changed), *map(_predicate, changed)}
    return replace_nodes(changed, _find_replacements(nodes, iris=True))


def is_probably_normal(turtle: bytes) -> bool:
    """Whether a document shows without a look at its terms that `normalize` would change none of its triples.

    Five times as fast, and never wrong when it says yes. It may say no of a document that is normal.

    Args:
        turtle: A document that the parser takes, in UTF-8 and without prefixes or a base: then each datatype is written
            out in it.
    """
    if len(turtle) > MAX_LITERAL_LENGTH // 2 and _may_hold_long_literal(turtle):
        return False
    for pattern in _SUSPICIOUS:  # written out: it is done for each message of a stream
        if pattern.search(turtle):
            return False
    stated = _NUMBER_DATATYPE.findall(turtle)
    return not stated or len(stated) == len(_VALID_NUMBER.findall(turtle))


def _may_hold_long_literal(turtle: bytes) -> bool:
    """Only a text in three quotes goes on behind the end of its line."""
    return b'"""' in turtle or b"'''" in turtle or max(map(len, turtle.split(b"\n"))) > MAX_LITERAL_LENGTH // 2


def replace_objects(triples: list[Triple], objects: Iterable[Node], replacements: Mapping[Node, Node]) -> list[Triple]:
    """The triples with other objects, the list itself if there are none.

    Args:
        triples: To be changed.
        objects: Theirs, which whoever asks has anyway.
        replacements: What becomes of an object; what is absent stays. Most do, and so do most triples.
    """
    if not replacements:
        return triples
    kinds = set(map(type, replacements))  # to ask for the type takes a fifth of a look-up
    return [
        triple
        if type(old) not in kinds or old not in replacements
        else Triple(triple.subject, triple.predicate, replacements[old])
        for triple, old in zip(triples, objects, strict=True)
    ]


def replace_nodes(triples: list[Triple], replacements: Mapping[Node, Node]) -> list[Triple]:
    """The triples with other subjects and predicates, the list itself if there are none. See `replace_objects`."""
    if not replacements:
        return triples
    new = replacements.get
    return [Triple(new(s, s), new(p, p), o) for s, p, o in triples]  # type: ignore[arg-type]  # nodes become nodes


def _find_replacements(terms: Iterable[Node], *, iris: bool) -> dict[Node, Node]:
    """By term, what it becomes; those that stay are absent."""
    changes: dict[Node, Node] = {}
    for term in terms:
        normal: Node = term
        # By type and not by `match`: nothing in a document is looked at as often.
        if type(term) is Literal:
            normal = _normalize_literal(_normalize_datatype(term) if iris else term)
        elif iris and type(term) is NamedNode:
            normal = _normalize_node(term)
        if normal is not term:
            changes[term] = normal
    return changes


def _normalize_node(node: NamedNode) -> NamedNode:
    value = node.value
    normal = normalize_iri(value)
    return node if normal == value else _build_lenient_node(normal)


def _build_lenient_node(iri: str) -> NamedNode:
    try:
        return NamedNode(iri)
    except ValueError:
        # A port that is no number, a percent sign alone: RFC 3987 forbids it, the syntax of Turtle and SPARQL does not.
        quad = next(parse(f"<{iri}> <{iri}> <{iri}> .", RdfFormat.N_TRIPLES, lenient=True))
        node: NamedNode = quad.predicate
        return node


def normalize_iri(iri: str) -> str:
    """An IRI with today's names and without what RDF does not allow in one."""
    named = _LINE_BREAKS.sub("", _OLD_ONTOLOGY.sub("ontology", iri))
    return _NOT_IN_IRI.sub(lambda found: f"%{ord(found[0]):02X}", named)


def _normalize_datatype(literal: Literal) -> Literal:
    """The literal with a datatype that is an IRI; an update names it as it does any other."""
    datatype = _normalize_node(literal.datatype)
    return literal if datatype == literal.datatype else Literal(literal.value, datatype=datatype)


def _normalize_literal(literal: Literal) -> Literal:
    value = literal.value
    if len(value) > MAX_LITERAL_LENGTH // 2:  # a code point is one code unit or two
        literal = _truncate(literal)
        value = literal.value
    if literal.language is None:
        return _normalize_value(value, literal)
    if literal.direction is None and (value.isascii() or not _INVISIBLE_MARKS.search(value)):
        return literal
    return replace_text(_INVISIBLE_MARKS.sub("", value), literal)


def _normalize_value(value: str, literal: Literal) -> Literal:
    if _NUMBER.fullmatch(value):
        return literal
    datatype = literal.datatype
    if datatype in _NUMBERS:
        return Literal("0", datatype=datatype)
    if value.isascii() or datatype != STRING or not _INVISIBLE_MARKS.search(value):
        return literal
    return Literal(_INVISIBLE_MARKS.sub("", value))


def _truncate(literal: Literal) -> Literal:
    units = literal.value.encode("utf-16-le")
    if len(units) <= 2 * MAX_LITERAL_LENGTH:
        return literal
    # A pair that the cut would halve goes as a whole.
    return replace_text(units[: 2 * MAX_LITERAL_LENGTH].decode("utf-16-le", "ignore"), literal)


def replace_text(text: str, literal: Literal) -> Literal:
    """Another text in a literal's place: in its language, of its datatype, without a base direction.

    Raises:
        RdfError: Its language tag is none.
    """
    if not literal.language:
        return Literal(text, datatype=literal.datatype)
    try:
        return Literal(text, language=literal.language)
    except ValueError as error:
        raise RdfError(
            f"{literal.language!r} is no language tag (BCP 47).", hint="Correct the text's language in the wiki."
        ) from error
