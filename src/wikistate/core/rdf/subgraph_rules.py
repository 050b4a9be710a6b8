"""Rules that decide whether an entity belongs to a subgraph.

A rule is ``pass|block SUBJECT PREDICATE OBJECT``. Subject and object are an IRI, ``[]`` (anything), ``?entity`` (the entity
itself) or ``?NAME`` (any of a list of IRIs, a binding); the predicate is an IRI. An IRI is written ``<absolute>`` or
``prefix:local``. The first rule that matches a triple of the entity decides.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn, TypeAlias

from pyoxigraph import NamedNode

from wikistate.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pyoxigraph import Triple

ENTITY: Final = "entity"
WILDCARD: Final = "wildcard"
RESERVED_NAMES: Final = frozenset({ENTITY, WILDCARD})

_ACTIONS: Final = {"pass": True, "block": False}
_ABSOLUTE: Final = re.compile(r"<([A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>\"{}|\\^`]*)>")
_PREFIXED: Final = re.compile(r"([A-Za-z0-9]+):([^\x00-\x20<>\"{}|\\^`]*)")


class AnyTerm(Enum):
    """Placeholder in a rule."""

    ANYTHING = auto()
    ENTITY = auto()


Pattern: TypeAlias = AnyTerm | frozenset[NamedNode]


class Rule(NamedTuple):
    """Rule for membership in a subgraph.

    Attributes:
        passes: Whether an entity with a matching triple belongs to the subgraph.
        subject: Pattern of the subject.
        predicate: The predicate.
        object: Pattern of the object.
    """

    passes: bool
    subject: Pattern
    predicate: NamedNode
    object: Pattern

    def matches(self, triples: Collection[Triple], entity: NamedNode) -> bool:
        """Return whether the rule matches one of the triples, which are munged and of one entity."""
        return any(
            triple.predicate == self.predicate
            and _matches(triple.object, self.object, entity)
            and _matches(triple.subject, self.subject, entity)
            for triple in triples
        )


def _matches(term: object, pattern: Pattern, entity: NamedNode) -> bool:
    match pattern:
        case AnyTerm.ANYTHING:
            return True
        case AnyTerm.ENTITY:
            return term == entity
        case _:
            return term in pattern


def _make_iri(value: str, key: str) -> NamedNode:
    try:
        return NamedNode(value)
    except ValueError as error:  # the base of a prefix is not checked before a name uses it
        invalid_rule(key, f"{value!r:.200} is not an absolute IRI: {error}", "Correct it, or the base of its prefix.")


@dataclass(frozen=True, slots=True)
class NameTable:
    """Names in rules with their values.

    Attributes:
        prefixes: Prefixes of IRIs.
        bindings: Lists of IRIs.
    """

    prefixes: Mapping[str, str]
    bindings: Mapping[str, frozenset[NamedNode]] = field(default_factory=dict)

    def resolve_iri(self, text: str, key: str) -> NamedNode:
        """Return the IRI that a text stands for.

        Args:
            text: ``<absolute>`` or ``prefix:local``.
            key: Place in the definitions, for the error.

        Raises:
            ConfigError: The text is not an IRI, or its prefix is not declared.
        """
        if absolute := _ABSOLUTE.fullmatch(text):
            return _make_iri(absolute[1], key)
        prefixed = _PREFIXED.fullmatch(text)
        if not prefixed:
            invalid_rule(
                key, f"{text!r} is not an IRI", "Write <absolute> or prefix:local; literals cannot be matched."
            )
        if prefixed[1] not in self.prefixes:
            invalid_rule(
                key, f"the prefix {prefixed[1]!r} is not declared", f"Declared are: {_format_names(self.prefixes)}."
            )
        return _make_iri(self.prefixes[prefixed[1]] + prefixed[2], key)

    def parse_rule(self, text: str, key: str) -> Rule:
        """Return the rule that a text stands for.

        Raises:
            ConfigError: The text is not a rule.
        """
        words = text.split()
        if len(words) != 4 or words[0] not in _ACTIONS:  # noqa: PLR2004  # action and triple
            invalid_rule(key, f"{text!r} is not a rule", "Write: pass|block SUBJECT PREDICATE OBJECT.")
        action, subject, predicate, value = words
        return Rule(
            _ACTIONS[action],
            self._parse_pattern(subject, key),
            self.resolve_iri(predicate, key),
            self._parse_pattern(value, key),
        )

    def _parse_pattern(self, text: str, key: str) -> Pattern:
        if text == "[]":
            return AnyTerm.ANYTHING
        if not text.startswith("?"):
            return frozenset({self.resolve_iri(text, key)})
        name = text[1:]
        if name == ENTITY:
            return AnyTerm.ENTITY
        if name not in self.bindings:
            allowed = f"Allowed are: {_format_names([ENTITY, *self.bindings])}."
            invalid_rule(key, f"there is no binding {name!r}", allowed)
        return self.bindings[name]


def invalid_rule(key: str, found: str, allowed: str) -> NoReturn:
    """Raise the error for invalid definitions, with the place and the allowed values."""
    raise ConfigError(f"Subgraph definitions, {key}: {found}.", hint=allowed, key=key)


def _format_names(names: Collection[str]) -> str:
    return ", ".join(sorted(names)) or "none"
