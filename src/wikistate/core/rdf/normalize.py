"""Normalisation of terms to a form that stores can hold and SPARQL can write.

It is applied to all triples that are read from a wiki or a mutation stream, so that both can be compared. Applying it twice
changes nothing.

- IRIs: old names of the Wikibase ontology are replaced by the current ones, line breaks are removed, and characters that
  RDF 1.1 does not allow in an IRI are percent-encoded.
- ``xsd:decimal`` and ``xsd:integer`` literals that are not numbers become 0.
- Texts lose invisible characters of format and direction, and the base direction of RDF 1.2.
- Literals are truncated to 32767 UTF-16 code units.
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
"""The characters that IRIREF excludes in Turtle and in SPARQL. They would change the meaning of an update."""

_INVISIBLE_MARKS: Final = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u206a-\u206f]")
_NUMBER: Final = re.compile(r"(?=.)[+-]?[0-9]*+\.?[0-9]*+")
"""A lone sign and a lone dot count as numbers, as they do for the other producers of this stream."""

MAX_LITERAL_LENGTH: Final = 32767
"""UTF-16 code units: the length of a string in the stores that this stream was made for."""

_NUMBERS: Final = frozenset({DECIMAL, INTEGER})

LETTER_ESCAPE: Final = rb"\\(?<!\\\\)(?:\\\\)*+[uU]"
"""Escaped letters in a document of Turtle or N-Triples: a "u" behind an odd number of backslashes."""

_SUSPICIOUS: Final = tuple(
    map(
        re.compile,
        (
            rb"\{\|",  # a triple about a triple; `refused_syntax` refuses its other forms
            rb"~",
            rb"--(?:ltr|rtl)",  # a base direction
            rb"ontology-",  # an old name
            LETTER_ESCAPE,
            # The invisible characters, in UTF-8. Dashes and quotation marks begin with the same two bytes.
            rb"\xe2(?:\x80[\x8b-\x8f\xaa-\xae]|\x81[\xa0-\xa4\xaa-\xaf])",
            rb"\xc2\xad",
        ),
    )
)
"""Patterns after which the terms have to be checked. There is one pattern for each, and each begins with fixed bytes, so
that the search is fast."""

_NUMBER_DATATYPE: Final = re.compile(rb"#(?:decimal|integer)>")
_VALID_NUMBER: Final = re.compile(
    rb'"(?<!\\")(?=[^"])[+-]?[0-9]*+\.?[0-9]*+"\^\^<http://www\.w3\.org/2001/XMLSchema#(?:decimal|integer)>'
)

_SMALL_DOCUMENT: Final = 100

_subject = attrgetter("subject")
_predicate = attrgetter("predicate")
_object = attrgetter("object")


def normalize(triples: list[Triple], *, iris: bool = True) -> list[Triple]:
    """Return the triples with normalised terms, in their order; the list itself if nothing changes.

    Args:
        triples: Triples of one document.
        iris: Whether IRIs are checked as well. A caller that has searched the document may know that none needs a change.

    Raises:
        RdfError: A text that has to change has an invalid language tag, or a triple is about a triple.
    """
    objects: list[Node] = list(map(_object, triples))
    if Triple in set(map(type, objects)):
        raise RdfError("A triple is about a triple, which no Wikibase writes and not every store accepts.")
    terms: Iterable[Node] = objects if iris else [term for term in objects if type(term) is Literal]
    if len(objects) >= _SMALL_DOCUMENT:
        # Repeated terms are checked once. In a small document, building the set would take longer.
        terms = set(terms)
    changed = replace_objects(triples, objects, _find_replacements(terms, iris=iris))
    if not iris:
        return changed
    nodes = {*map(_subject, changed), *map(_predicate, changed)}
    return replace_nodes(changed, _find_replacements(nodes, iris=True))


def is_probably_normal(turtle: bytes) -> bool:
    """Return whether `normalize` surely changes no triple of a document, without checking its terms.

    This is five times as fast. True is always right; False may be returned for a document that is normal.

    Args:
        turtle: A valid document in UTF-8 that passed `check_syntax`, without prefixes or a base, so that each datatype is written in full.
    """
    if len(turtle) > MAX_LITERAL_LENGTH // 2 and _may_hold_long_literal(turtle):
        return False
    for pattern in _SUSPICIOUS:  # a plain loop, for speed: it runs for each message of a stream
        if pattern.search(turtle):
            return False
    stated = _NUMBER_DATATYPE.findall(turtle)
    return not stated or len(stated) == len(_VALID_NUMBER.findall(turtle))


def _may_hold_long_literal(turtle: bytes) -> bool:
    """Return whether a literal may be too long. Only a text in three quotes can span several lines."""
    return b'"""' in turtle or b"'''" in turtle or max(map(len, turtle.split(b"\n"))) > MAX_LITERAL_LENGTH // 2


def replace_objects(triples: list[Triple], objects: Iterable[Node], replacements: Mapping[Node, Node]) -> list[Triple]:
    """Return the triples with replaced objects; the list itself if there are no replacements.

    Args:
        triples: The triples to change.
        objects: Objects of the triples, which the caller has already.
        replacements: New objects by old ones; absent objects stay. Most objects and most triples are not changed.
    """
    if not replacements:
        return triples
    kinds = set(map(type, replacements))  # checking the type takes a fifth of the time of a look-up
    return [
        triple
        if type(old) not in kinds or old not in replacements
        else Triple(triple.subject, triple.predicate, replacements[old])
        for triple, old in zip(triples, objects, strict=True)
    ]


def replace_nodes(triples: list[Triple], replacements: Mapping[Node, Node]) -> list[Triple]:
    """Return the triples with replaced subjects and predicates. See `replace_objects`."""
    if not replacements:
        return triples
    new = replacements.get
    return [Triple(new(s, s), new(p, p), o) for s, p, o in triples]  # type: ignore[arg-type]  # nodes become nodes


def _find_replacements(terms: Iterable[Node], *, iris: bool) -> dict[Node, Node]:
    """Return the new terms by old ones; terms that do not change are absent."""
    changes: dict[Node, Node] = {}
    for term in terms:
        normal: Node = term
        # By type and not by `match`, for speed: this is the innermost loop for a document.
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
        # A port that is not a number, a lone percent sign: RFC 3987 forbids them, the syntax of Turtle and SPARQL does not.
        quad = next(parse(f"<{iri}> <{iri}> <{iri}> .", RdfFormat.N_TRIPLES, lenient=True))
        node: NamedNode = quad.predicate
        return node


def normalize_iri(iri: str) -> str:
    """Return the IRI with the current names and without characters that RDF does not allow."""
    named = _LINE_BREAKS.sub("", _OLD_ONTOLOGY.sub("ontology", iri))
    return _NOT_IN_IRI.sub(lambda found: f"%{ord(found[0]):02X}", named)


def _normalize_datatype(literal: Literal) -> Literal:
    """Return the literal with a normalised datatype; an update writes the datatype as an IRI."""
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
    # A surrogate pair at the limit is removed as a whole.
    return replace_text(units[: 2 * MAX_LITERAL_LENGTH].decode("utf-16-le", "ignore"), literal)


def replace_text(text: str, literal: Literal) -> Literal:
    """Return a literal with another text and the same language and datatype, without a base direction.

    Raises:
        RdfError: The language tag is not valid.
    """
    if not literal.language:
        return Literal(text, datatype=literal.datatype)
    try:
        return Literal(text, language=literal.language)
    except ValueError as error:
        raise RdfError(
            f"{literal.language!r} is not a language tag (BCP 47).", hint="Correct the text's language in the wiki."
        ) from error
