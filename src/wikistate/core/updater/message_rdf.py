"""RDF of a message, normalised like the RDF of the wiki, so that both can be compared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyoxigraph import NamedNode, Triple

from wikistate.core.rdf.parse import parse_small_document, parse_triples
from wikistate.core.rdf.patch import Patch
from wikistate.core.updater.message_fields import MIME_TYPE, RDF_FIELDS, invalid_field, read_text
from wikistate.errors import InputError, RdfError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

_BASE: Final = "message:///"
"""Base of relative IRIs, to detect them. A message has no address, so a relative IRI in it has no meaning."""

_NO_TRIPLES: Final = frozenset[Triple]()

_END: Final = NamedNode("end:")
_ENDED: Final = Triple(_END, _END, _END)
_END_OF_FIELD: Final = f"\n{_ENDED} .\n"
"""Separator of the documents of a message, which are parsed together. A truncated document cannot absorb it as a triple:
at any place where a document stops, two more terms and a full stop fit, or none, but never three."""


def read_patch(event: Mapping[str, Any]) -> Patch:
    """Return the triples in all fields of a message.

    Raises:
        InputError: As for `read_field_triples`.
    """
    fields = [field for field in RDF_FIELDS.values() if field in event]
    if not fields:
        return Patch()
    read = _read_fields_together([event[field] for field in fields]) or [
        read_field_triples(event, field) for field in fields
    ]
    if len(fields) < len(RDF_FIELDS):
        rest = iter(read)
        read = [next(rest) if field in event else _NO_TRIPLES for field in RDF_FIELDS.values()]
    return Patch(*read)


def _read_fields_together(fields: Sequence[object]) -> list[frozenset[Triple]] | None:
    """Return the triples in each field; None if the fields must be parsed one by one.

    Messages are small: starting to parse a document takes as long as the document itself.
    """
    documents: list[str] = []
    for field in fields:
        turtle = field.get("data") if isinstance(field, dict) and field.get("mime_type") == MIME_TYPE else None
        if not isinstance(turtle, str):
            return None
        documents.append(turtle)
    try:
        # Prefixes and bases of a document would also apply to the documents behind it; such documents are not parsed here.
        triples = parse_small_document(_END_OF_FIELD.join(documents))
    except (RdfError, UnicodeEncodeError):
        return None  # parsing the fields one by one then reports the wrong field and the place in it
    return None if triples is None else _split(triples, len(documents))


def _split(triples: list[Triple], count: int) -> list[frozenset[Triple]] | None:
    found: list[frozenset[Triple]] = []
    begin = 0
    for _ in range(count - 1):
        try:
            end = triples.index(_ENDED, begin)
        except ValueError:
            return None
        found.append(frozenset(triples[begin:end]))
        begin = end + 1
    last = frozenset(triples[begin:])
    return None if _ENDED in last else [*found, last]


def read_field_triples(event: Mapping[str, Any], field: str) -> frozenset[Triple]:
    """Return the triples in a field of a message.

    Raises:
        InputError: The field is not an object with a text and its type, or the text is not RDF or has relative IRIs.
    """
    document = event[field]
    if not isinstance(document, dict):
        raise invalid_field(field, "an object", document)
    turtle = read_text(document, "data", under=f"{field}.")
    mime_type = read_text(document, "mime_type", under=f"{field}.")
    try:
        triples = parse_triples(turtle.encode(), base=_BASE + field, mime_type=mime_type)
    except UnicodeEncodeError as error:
        raise InputError(f"{field}.data has half a character: {error}.", field=field) from error
    if not _has_absolute_iris(turtle) and any(map(_is_relative, triples)):
        raise InputError(f"{field} has a relative IRI, but a message has no address.", field=field)
    return frozenset(triples)


def _has_absolute_iris(turtle: str) -> bool:
    """Return whether all IRIs of a document are surely absolute: counting is cheaper than checking each term."""
    return turtle.count("<") == turtle.count("<http://") + turtle.count("<https://")


def _is_relative(triple: Triple) -> bool:
    terms = (triple.subject, triple.predicate, triple.object)
    return any(isinstance(term, NamedNode) and term.value.startswith("message:") for term in terms)
