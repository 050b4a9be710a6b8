"""The RDF of a message, read as the wiki's own is: normalised, so that both sides of a comparison went through the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pyoxigraph import NamedNode

from wikistate.core.rdf.parsing import read_triples
from wikistate.core.updater.message_fields import text, wrong
from wikistate.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from pyoxigraph import Triple

_BASE: Final = "message:///"
"""What relative IRIs become. A message has no address, so one that has any does not say what it means."""


def rdf_of(event: Mapping[str, Any], field: str) -> frozenset[Triple]:
    """The triples in a field of a message.

    Raises:
        InputError: The field is not an object of text and type; or what it holds is no RDF, or has relative IRIs.
    """
    document = event[field]
    if not isinstance(document, dict):
        raise wrong(field, "an object", document)
    turtle = text(document, "data", under=f"{field}.")
    mime_type = text(document, "mime_type", under=f"{field}.")
    try:
        triples = read_triples(turtle.encode(), base=_BASE + field, mime_type=mime_type)
    except UnicodeEncodeError as error:
        raise InputError(f"{field}.data has half a character: {error}.", field=field) from error
    if _perhaps_relative(turtle) and any(map(_is_relative, triples)):
        raise InputError(f"{field} has a relative IRI, but a message has no address.", field=field)
    return frozenset(triples)


def _perhaps_relative(turtle: str) -> bool:
    """Whether a document may have relative IRIs: to count is cheaper than to look at each term, and nearly always enough."""
    return turtle.count("<") != turtle.count("<http://") + turtle.count("<https://")


def _is_relative(triple: Triple) -> bool:
    terms = (triple.subject, triple.predicate, triple.object)
    return any(isinstance(term, NamedNode) and term.value.startswith("message:") for term in terms)
