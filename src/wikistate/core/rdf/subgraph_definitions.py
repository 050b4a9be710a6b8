"""Definitions of subgraphs, read from YAML."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from wikistate.core.events.yaml_text import YamlError, load_yaml
from wikistate.core.rdf.subgraph_rules import RESERVED_NAMES, NameTable, Rule, invalid_rule

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from pyoxigraph import NamedNode

_SECTIONS: Final = ("prefixes", "bindings", "subgraphs")
_FIELDS: Final = ("name", "subgraph_uri", "stream", "rules", "default", "stubs_source")
_DEFAULTS: Final = {"pass": True, "block": False}


class SubgraphDefinition(NamedTuple):
    """Definition of one subgraph.

    Attributes:
        name: Name for people.
        stream: Stream of its mutations.
        uri: IRI with which stubs name the subgraph; None for the whole graph, which no stub names.
        rules: Rules in order; the first one that matches decides.
        passes_by_default: Whether an entity belongs to the subgraph if no rule matches.
        is_stub_source: Whether entities of the subgraph have a stub in the subgraphs that do not hold them.
    """

    name: str
    stream: str
    uri: NamedNode | None = None
    rules: tuple[Rule, ...] = ()
    passes_by_default: bool = True
    is_stub_source: bool = False


def read_definitions(text: str) -> tuple[SubgraphDefinition, ...]:
    """Return the definitions in a YAML text, in its order.

    Raises:
        ConfigError: The text is not YAML or not valid; the error has the place and the allowed values.
    """
    document = _load(text)
    _check_keys("the document", document, _SECTIONS)
    names = _read_names(document)
    listed = document.get("subgraphs")
    if not isinstance(listed, list) or not listed:
        invalid_rule("subgraphs", f"found {_type_name(listed)}", "List at least one definition.")
    found = tuple(_read_definition(entry, f"subgraphs[{number}]", names) for number, entry in enumerate(listed))
    _check_consistency(found)
    return found


def _load(text: str) -> dict[str, Any]:
    try:
        document = load_yaml(text.removeprefix("\ufeff"))
    except YamlError as error:
        invalid_rule("the document", f"not YAML: {error}", "Correct it; docs/how-to/subgraphs.md has an example.")
    return _require_mapping(document, "the document")


def _read_names(document: Mapping[str, Any]) -> NameTable:
    prefixes = _require_mapping(document.get("prefixes", {}), "prefixes")
    for name, base in prefixes.items():
        _require_text(base, f"prefixes.{name}")
        if not (str(name).isascii() and str(name).isalnum()):
            invalid_rule("prefixes", f"{name!r} is not a valid prefix", "Use letters and digits.")
    names = NameTable(prefixes)
    bindings = _require_mapping(document.get("bindings", {}), "bindings")
    return NameTable(prefixes, {name: _read_binding(name, listed, names) for name, listed in bindings.items()})


def _read_binding(name: str, listed: object, names: NameTable) -> frozenset[NamedNode]:
    key = f"bindings.{name}"
    if name in RESERVED_NAMES:
        invalid_rule(key, "the name is reserved", f"Use a name other than {', '.join(sorted(RESERVED_NAMES))}.")
    if not isinstance(listed, list):
        invalid_rule(key, f"found {_type_name(listed)}", "List IRIs.")
    return frozenset(names.resolve_iri(_require_text(each, key), key) for each in listed)


def _read_definition(entry: object, key: str, names: NameTable) -> SubgraphDefinition:
    fields = _require_mapping(entry, key)
    _check_keys(key, fields, _FIELDS)
    rules = fields.get("rules") or []
    if not isinstance(rules, list):
        invalid_rule(f"{key}.rules", f"found {_type_name(rules)}", "List rules.")
    uri = fields.get("subgraph_uri")
    return SubgraphDefinition(
        name=_require_text(fields.get("name"), f"{key}.name"),
        stream=_require_text(fields.get("stream"), f"{key}.stream"),
        uri=None
        if uri is None
        else names.resolve_iri(_require_text(uri, f"{key}.subgraph_uri"), f"{key}.subgraph_uri"),
        rules=tuple(
            names.parse_rule(_require_text(rule, f"{key}.rules[{n}]"), f"{key}.rules[{n}]")
            for n, rule in enumerate(rules)
        ),
        passes_by_default=_read_default(fields.get("default"), f"{key}.default"),
        is_stub_source=_require_bool(fields.get("stubs_source", False), f"{key}.stubs_source"),
    )


def _check_consistency(found: Collection[SubgraphDefinition]) -> None:
    _check_unique("name", (each.name for each in found))
    _check_unique("subgraph_uri", (each.uri.value for each in found if each.uri))
    unnamed = sum(each.uri is None for each in found)
    if unnamed != 1:
        invalid_rule(
            "subgraphs",
            f"{unnamed} definitions have no subgraph_uri",
            "Leave it out in exactly one definition, that of the whole graph.",
        )


def _check_unique(name: str, values: Iterable[str]) -> None:
    if repeated := [value for value, count in Counter(values).items() if count > 1]:
        invalid_rule("subgraphs", f"the {name} {repeated[0]} occurs twice", f"Give each definition a different {name}.")


def _check_keys(key: str, fields: Mapping[str, Any], known: Collection[str]) -> None:
    if unknown := [str(name) for name in fields if name not in known]:
        invalid_rule(key, f"{unknown[0]!r} is not known", f"Allowed are: {', '.join(known)}.")


def _require_mapping(found: object, key: str) -> dict[str, Any]:
    if not isinstance(found, dict):
        invalid_rule(key, f"found {_type_name(found)}", "Expected keys with values.")
    if wrong := [name for name in found if not isinstance(name, str)]:
        invalid_rule(key, f"the name {wrong[0]!r:.60} is not a text", "Put it in quotation marks.")
    return found


def _require_text(found: object, key: str) -> str:
    if not isinstance(found, str) or not found:
        invalid_rule(key, f"found {_type_name(found)}", "Expected a text.")
    return found


def _require_bool(found: object, key: str) -> bool:
    if not isinstance(found, bool):
        invalid_rule(key, f"found {found!r}", "Write true or false.")
    return found


def _read_default(found: object, key: str) -> bool:
    if not isinstance(found, str) or found not in _DEFAULTS:
        invalid_rule(key, f"found {found!r}", "Write pass or block.")
    return _DEFAULTS[found]


def _type_name(found: object) -> str:
    return "nothing" if found is None or found == "" else type(found).__name__
