"""Text of a query that a user wrote: the prefixes that it uses without a declaration, and requests to other services. Pure."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wikistate.core.rdf.vocabulary import GEO, ONTOLEX, OWL, PROV, RDF, RDFS, SCHEMA, SKOS, WIKIBASE, XSD

if TYPE_CHECKING:
    from collections.abc import Mapping

    from wikistate.core.rdf.uris import Uris

_NOT_CODE = re.compile(
    r"(?P<iri><[^<>\"{}|^`\\\s]*>)"
    r'|"""(?:[^"\\]|\\.|"(?!""))*"""'
    r"|'''(?:[^'\\]|\\.|'(?!''))*'''"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'(?:[^'\\\n]|\\.)*'"
    r"|#[^\n]*",
    re.DOTALL,
)
"""IRIs, strings and comments. They are recognised in the order of their start, so that none hides another."""

_CODE_POINT = re.compile(r"\\u([0-9A-Fa-f]{4})|\\U([0-9A-Fa-f]{8})")
_SERVICE = re.compile(r"(?<![\w:?$-])SERVICE(?![\w:-])", re.IGNORECASE)
_DECLARED = re.compile(r"\bPREFIX\s{1,100}([\w-]{0,100}):", re.IGNORECASE)
_USED = re.compile(r"(?<![\w:?$.-])([A-Za-z]{1,20}):")
_MAX_CODE_POINT = 0x10FFFF


def build_prefixes(uris: Uris) -> dict[str, str]:
    """Return the prefixes of the RDF of a Wikibase, as its query service knows them: ``wd``, ``wdt``, ``p`` and others."""
    prop = uris.prop
    return {
        "wd": uris.foreign_entity,
        "sdc": uris.entity,
        "wds": uris.statement,
        "wdv": uris.value,
        "wdref": uris.reference,
        "wdt": f"{prop}direct/",
        "wdtn": f"{prop}direct-normalized/",
        "wdno": uris.novalue,
        "p": prop,
        "ps": f"{prop}statement/",
        "psv": f"{prop}statement/value/",
        "psn": f"{prop}statement/value-normalized/",
        "pq": f"{prop}qualifier/",
        "pqv": f"{prop}qualifier/value/",
        "pqn": f"{prop}qualifier/value-normalized/",
        "pr": f"{prop}reference/",
        "prv": f"{prop}reference/value/",
        "prn": f"{prop}reference/value-normalized/",
        "wikibase": WIKIBASE,
        "schema": SCHEMA,
        "ontolex": ONTOLEX,
        "rdf": RDF,
        "rdfs": RDFS,
        "skos": SKOS,
        "owl": OWL,
        "xsd": XSD,
        "prov": PROV,
        "geo": GEO,
    }


def find_undeclared(query: str, prefixes: Mapping[str, str]) -> dict[str, str]:
    """Return those of the known prefixes that a query uses and does not declare. Some stores reject a second declaration."""
    code = _strip(query)
    declared = {match[1] for match in _DECLARED.finditer(code)}
    used = {match[1] for match in _USED.finditer(code)}
    return {name: iri for name, iri in prefixes.items() if name in used - declared}


def declare(query: str, prefixes: Mapping[str, str]) -> str:
    """Return a query with declarations before it, on its first line, so that the numbers of its lines stay the same."""
    return "".join(f"PREFIX {name}: <{iri}> " for name, iri in prefixes.items()) + query


def asks_other_services(query: str) -> bool:
    """Return whether a query has the keyword ``SERVICE``, also in the form of escapes, which SPARQL resolves first."""
    return _SERVICE.search(_strip(query)) is not None or _SERVICE.search(_strip(_unescape(query))) is not None


def _strip(query: str) -> str:
    return _NOT_CODE.sub(" ", query)


def _unescape(query: str) -> str:
    def replace(match: re.Match[str]) -> str:
        number = int(match[1] or match[2], 16)
        return chr(number) if number <= _MAX_CODE_POINT else match[0]

    return _CODE_POINT.sub(replace, query)
