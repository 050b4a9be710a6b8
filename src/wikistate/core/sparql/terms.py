r"""Terms as text that every SPARQL parser reads back to the same terms: all that ever gets into an update.

Written as N-Triples, which is SPARQL, too, but for these traps:

- SPARQL replaces ``\uXXXX`` anywhere in a request before its grammar is applied (SPARQL 1.1 Query Language, 19.2). Some
  stores do that without looking whether the backslash is itself escaped, so that the text ``\\u0041`` breaks there.
  Hence a "u" behind a backslash is written as a code point.
- Our own books are in the store, too. A triple of a wiki that is about them would be believed, and is refused.
- An IRI has no escapes. One that is not an IRI by SPARQL's grammar, or is relative and would mean something else at each
  store, cannot be written and is refused.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pyoxigraph import RdfFormat, serialize

from wikistate.core.rdf.vocabulary import BOOKKEEPING
from wikistate.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pyoxigraph import Literal, Triple

# Two patterns are written for speed, since each line of each batch goes through them: what may be in an IRI as a class
# that is not negated, and a literal as runs without an escape.
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
    """A triple that has no safe form in SPARQL: a blank node, an IRI that is none, a term that SPARQL 1.1 lacks.

    Or one about our own books.
    """


def serialize_triples(triples: Iterable[Triple]) -> bytes:
    """The triples as lines, each with its full stop and a line feed. Terms are never cut.

    Raises:
        UnwritableError: One of them has no safe form; names it.
    """
    triples = list(triples)
    text = _serialize(triples)
    if _ALL.fullmatch(text) is None:
        raise _unwritable_error(next(find_unwritable(triples)))
    return _escape_trap(text)


def serialize_bookkeeping(triples: Iterable[Triple]) -> bytes:
    """The same for triples about our own books. Raises `UnwritableError`."""
    noted = list(triples)
    iris = (str(term) for triple in noted for term in (triple.subject, triple.predicate, triple.object))
    if not all(_IRI_ALONE.fullmatch(text.encode()) for text in iris):
        raise UnwritableError("A note in the store's books names what is no IRI.")
    return _serialize(noted)


def find_unwritable(triples: Iterable[Triple]) -> Iterator[Triple]:
    """Those of the triples that have no safe form; a caller refuses the mutation that they came with."""
    return (triple for triple in triples if _ONE.fullmatch(_serialize([triple])) is None)


def format_iri(value: str) -> str:
    """An IRI in its angle brackets. Raises `UnwritableError`."""
    text = f"<{value}>"
    if _IRI_ALONE.fullmatch(text.encode()) is None:
        raise UnwritableError(f"This is no absolute IRI: {value:.{_MAX_SHOWN}}.")
    return text


def format_literal(value: Literal) -> str:
    """A literal of ours, which is always writable."""
    return _escape_trap(str(value).encode()).decode()


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
        hint="What it came with is not applied: correct it on the wiki.",
        triple=shown,
    )
