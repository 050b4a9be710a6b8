r"""Syntax of RDF that no Wikibase writes, refused before a document is parsed.

A parser of triple terms calls itself for each level, so that ``<<( … )>>`` inside of itself, some 18,500 times, overflows
the stack and ends the process. Triple terms, quoted triples and versions of RDF 1.2 are therefore not passed to a parser,
and the depth and number of collections and blank node lists are limited.

A document without these characters costs a search for each of them. Otherwise a scan finds out whether they are syntax or
part of a text, an IRI or a comment. It ends at the first error in strings or IRIs, where every parser ends as well.

Sources: "RDF 1.2 Turtle" and "RDF 1.2 N-Triples", the terminals of the grammar.
"""

from __future__ import annotations

import re
from typing import Final

from wikistate.errors import RdfError

MAX_DEPTH: Final = 1_000
"""Limit of collections and blank node lists inside of each other. A Wikibase nests none."""

MAX_LISTS: Final = 10_000
"""Limit of collections and blank node lists of a document. A Wikibase writes none, and labels its blank nodes."""

_SUSPECTS: Final = tuple(re.compile(token).search for token in (rb"<<", rb"@version", rb"VERSION"))
"""One pattern for each, which begins with fixed bytes: this search is faster than that of `bytes`."""

_MAX_UNCOUNTED: Final = 16_384
"""Bytes of a document whose lists are not counted, because no parser is known to fail at such a depth."""
_SKIPPED: Final = re.compile(
    rb"""(?sx)(?:
        [^"'<\#\\\[\]()@V]++
      | \"{3} [^"\\]*+ (?: (?: \\. | "(?!"") ) [^"\\]*+ )*+ \"{3}
      | '{3} [^'\\]*+ (?: (?: \\. | '(?!'') ) [^'\\]*+ )*+ '{3}
      | "(?!"") [^"\\]*+ (?: \\. [^"\\]*+ )*+ "
      | '(?!'') [^'\\]*+ (?: \\. [^'\\]*+ )*+ '
      | <(?!<) [^>\\]*+ (?: \\. [^>\\]*+ )*+ >
      | \# [^\r\n]*+
      | \\.
      | @(?!version) | V(?!ERSION)
    )*+"""
)
"""Strings, IRIs, comments, escapes in names, and characters without meaning for the scan."""


def check_syntax(body: bytes, *, where: str) -> None:
    """Check that a document has no syntax that is refused.

    Args:
        body: Document in Turtle or N-Triples, valid or not.
        where: Name of the document for messages.

    Raises:
        RdfError: The document has triple terms, quoted triples or a version, or has too many lists.
    """
    for search in _SUSPECTS:  # a plain loop, for speed: it runs for each message of a stream
        if search(body):
            _scan(body, where)
            return
    if len(body) > _MAX_UNCOUNTED and body.count(b"[") + body.count(b"(") > MAX_DEPTH:
        _scan(body, where)


def _scan(body: bytes, where: str) -> None:
    depth = lists = position = 0
    skip = _SKIPPED.match
    while True:
        found = skip(body, position)
        position = found.end() if found else position
        token = body[position : position + 1]
        if token == b"<" and body.startswith(b"<<", position):
            raise _refuse("a triple term or quoted triple", body, position, where)
        if token in (b"@", b"V"):
            raise _refuse("a version of RDF", body, position, where)
        if token in (b"[", b"("):
            depth += 1
            lists += 1
            if depth > MAX_DEPTH:
                raise _refuse(f"more than {MAX_DEPTH:,} lists inside of each other", body, position, where)
            if lists > MAX_LISTS:
                raise _refuse(f"more than {MAX_LISTS:,} lists", body, position, where)
        elif token in (b"]", b")"):
            depth -= 1
        else:
            return  # the end, or a string or IRI without an end: the parser names the place
        position += 1


def _refuse(what: str, body: bytes, position: int, where: str) -> RdfError:
    line = body.count(b"\n", 0, position) + 1
    return RdfError(
        f"{where} has {what} in line {line}, at byte {position}, which no Wikibase writes.",
        hint="It is not parsed. Check that the address leads to RDF of a Wikibase, in Turtle or N-Triples of RDF 1.1.",
        document=where,
        line=line,
    )
