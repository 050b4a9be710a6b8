r"""Terms: serialisation to a text that every SPARQL parser reads back to the same terms. Updates hold no other terms.

The text is N-Triples, which is also valid SPARQL except for these cases:

- SPARQL replaces ``\uXXXX`` anywhere in a request before its grammar is applied (SPARQL 1.1 Query Language, 19.2). Some
  stores do that without checking whether the backslash is escaped itself, so the text ``\\u0041`` breaks there. Therefore
  a "u" behind a backslash is written as a code point.
- The bookkeeping of wikistate is in the store as well. A triple of a wiki about it would be taken for it, so it is
  rejected.
- An IRI has no escapes. A text that is not an IRI by SPARQL's grammar cannot be written and is rejected. So is a relative
  IRI, which has a different meaning in each store.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pyoxigraph import Literal, RdfFormat, serialize

from wikistate.core.rdf.vocabulary import BOOKKEEPING
from wikistate.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyoxigraph import Triple

# Two patterns are optimised for speed, because each line of each batch is matched: the characters of an IRI are a class
# that is not negated, and a literal is a sequence of runs without an escape.
_IRI = rb"<[A-Za-z][A-Za-z0-9+.-]*+:[!#-;=?-\[\]_a-z~\x7f-\xff]*+>"
_LITERAL = rb'"[^"\\\n\r]*+(?:\\.[^"\\\n\r]*+)*+"(?:@[A-Za-z]+(?:-[A-Za-z0-9]+)*+|\^\^' + _IRI + rb")?"
_FOREIGN = rb"(?!<" + BOOKKEEPING.encode() + rb")" + _IRI
_LINE = _FOREIGN + rb" " + _IRI + rb" (?:" + _IRI + rb"|" + _LITERAL + rb") \.\n"
_IRI_ALONE = re.compile(_IRI)
_ONE = re.compile(_LINE)
_ALL = re.compile(rb"(?:" + _LINE + rb")*+")
_ESCAPED_BACKSLASH_U = re.compile(rb"(?<!\\)((?:\\\\)++)([uU])")
_MAY_BE_TRAP = re.compile(rb"\\\\[uU]")
_MAX_SHOWN = 200  # characters of a refused triple in a message


class UnwritableError(InputError):
    """Triple without a safe form in SPARQL.

    It has a blank node, an invalid IRI or a term that SPARQL 1.1 lacks, or it is about the bookkeeping of wikistate.
    """


def serialize_triples(triples: Iterable[Triple]) -> bytes:
    """Return the triples as lines, each with its full stop and a line feed. Terms are never truncated.

    Raises:
        UnwritableError: A triple has no safe form; the error names it.
    """
    triples = list(triples)
    text = _serialize(triples)
    if _ALL.fullmatch(text) is None:
        raise _unwritable_error(next(find_unwritable(triples)))
    return _escape_trap(text)


def serialize_bookkeeping(triples: Iterable[Triple]) -> bytes:
    """Return triples of the bookkeeping as lines. Raise `UnwritableError` for a term that is not an IRI."""
    records = list(triples)
    iris = (str(term) for triple in records for term in (triple.subject, triple.predicate, triple.object))
    if not all(_IRI_ALONE.fullmatch(text.encode()) for text in iris):
        raise UnwritableError("A triple of the bookkeeping has a term that is not an IRI.")
    return _serialize(records)


def find_unwritable(triples: Iterable[Triple]) -> Iterator[Triple]:
    """Return the triples that have no safe form; the caller rejects their mutation."""
    return (triple for triple in triples if _ONE.fullmatch(_serialize([triple])) is None)


def format_iri(value: str) -> str:
    """Return an IRI in angle brackets. Raise `UnwritableError` if it is not an absolute IRI."""
    text = f"<{value}>"
    if _IRI_ALONE.fullmatch(text.encode()) is None:
        raise UnwritableError(f"This is not an absolute IRI: {value:.{_MAX_SHOWN}}.")
    return text


def format_literal(value: Literal) -> str:
    """Return a literal of the bookkeeping as text; it always has a safe form."""
    return _escape_trap(str(value).encode()).decode()


def starts_with(variable: str, prefix: str) -> str:
    """Return the condition that the text of a variable, such as ``?node``, begins with a prefix."""
    return f"STRSTARTS(STR({variable}), {format_literal(Literal(prefix))})"


def _serialize(triples: Iterable[Triple]) -> bytes:
    return serialize(triples, format=RdfFormat.N_TRIPLES) or b""


def _escape_trap(text: bytes) -> bytes:
    return (
        text
        if _MAY_BE_TRAP.search(text) is None
        else _ESCAPED_BACKSLASH_U.sub(lambda found: found[1] + rb"\u00%02X" % ord(found[2]), text)
    )


def _unwritable_error(triple: Triple) -> UnwritableError:
    shown = f"{triple!s:.{_MAX_SHOWN}}"
    return UnwritableError(
        f"This triple has no safe form in SPARQL: {shown}.",
        hint="Its mutation is not applied: correct the value on the wiki.",
        triple=shown,
    )
