"""Answer to a query that a user wrote, and its formats: tables of SPARQL 1.1, JSON, and N-Triples."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson
from pyoxigraph import BlankNode, Literal, NamedNode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from wikistate.core.updater.store_metadata import Row

_STRING = "http://www.w3.org/2001/XMLSchema#string"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryAnswer:
    """Answer to a query.

    Attributes:
        boolean: Result of an ASK query; None for another one.
        variables: Names of the columns of a SELECT query.
        rows: Solutions of a SELECT query.
        triples: Triples of a CONSTRUCT or DESCRIBE query, as lines of N-Triples; None for another one.
        is_cut: Whether there are more rows or triples than the limit.
    """

    boolean: bool | None = None
    variables: Sequence[str] = ()
    rows: Sequence[Row] = ()
    triples: Sequence[str] | None = None
    is_cut: bool = False

    def cells(self, prefixes: Mapping[str, str]) -> Iterator[tuple[str, ...]]:
        """Yield the rows as text for people: IRIs with a prefix, literals without their datatype."""
        for row in self.rows:
            yield tuple(_show(row.get(name), prefixes) for name in self.variables)

    def to_json(self) -> str:
        """Return SPARQL 1.1 Query Results JSON."""
        if self.boolean is not None:
            return orjson.dumps({"head": {}, "boolean": self.boolean}).decode()
        bindings = [{name: _describe(term) for name, term in row.items()} for row in self.rows]
        return orjson.dumps({"head": {"vars": list(self.variables)}, "results": {"bindings": bindings}}).decode()

    def to_csv(self) -> str:
        """Return SPARQL 1.1 Query Results CSV: values without their kind."""
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(self.variables)
        for row in self.rows:
            writer.writerow([_value(row.get(name)) for name in self.variables])
        return text.getvalue()

    def to_tsv(self) -> str:
        """Return SPARQL 1.1 Query Results TSV: terms as in Turtle."""
        lines = ["\t".join(f"?{name}" for name in self.variables)]
        for row in self.rows:
            terms = ("" if row.get(name) is None else str(row[name]) for name in self.variables)
            lines.append("\t".join(term.replace("\t", "\\t") for term in terms))
        return "\n".join(lines)


def _value(term: object) -> str:
    match term:
        case None:
            return ""
        case NamedNode() | Literal():
            return str(term.value)
        case _:
            return str(term)


def _show(term: object, prefixes: Mapping[str, str]) -> str:
    if not isinstance(term, NamedNode):
        return _value(term)
    iri = str(term.value)
    found = max(
        (name for name, start in prefixes.items() if iri.startswith(start)),
        key=lambda name: len(prefixes[name]),
        default="",
    )
    rest = iri[len(prefixes[found]) :] if found else ""
    return f"{found}:{rest}" if rest and rest.isalnum() else iri


def _describe(term: object) -> dict[str, Any]:
    match term:
        case NamedNode():
            return {"type": "uri", "value": term.value}
        case BlankNode():
            return {"type": "bnode", "value": term.value}
        case Literal():
            described = {"type": "literal", "value": term.value}
            if term.language:
                described["xml:lang"] = term.language
            elif term.datatype.value != _STRING:
                described["datatype"] = term.datatype.value
            return described
        case _:
            return {"type": "triple", "value": str(term)}
