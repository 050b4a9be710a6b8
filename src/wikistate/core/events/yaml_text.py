"""YAML of strangers, parsed into values that JSON can hold, within bounds of depth and size.

The parser builds values by calling itself, so that some thousand brackets overflow the stack and end the process. An alias
repeats a value, so that a kilobyte stands for gigabytes once it is written or merged. So the events of the document are
counted before a value is built. Neither JSON nor a schema has tags, so they are not allowed: some of the parser's
converters fail on a wrong value without saying so, and a number of base sixty takes time with the square of its length.
"""

from __future__ import annotations

from typing import Any, Final

import yaml
from yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent, ScalarEvent

try:
    # A tenth of the time: 5 ms instead of 47 ms for one materialised schema.
    from yaml import CSafeLoader as SafeLoader
except ImportError:
    from yaml import SafeLoader  # type: ignore[assignment]  # the same interface, in pure Python

MAX_DEPTH: Final = 100
"""Limit of lists and mappings inside of each other: the schemas of Wikimedia have at most 20."""

MAX_SIZE: Final = 32 * 1024 * 1024
"""Limit of the characters and values of a document after its aliases are replaced by what they stand for."""

_MAX_NUMBER: Final = 400
"""Limit of the characters of a number."""

_TIMESTAMP: Final = "tag:yaml.org,2002:timestamp"
_NUMBERS: Final = frozenset({"tag:yaml.org,2002:int", "tag:yaml.org,2002:float"})
_TAGS: Final[frozenset[str | None]] = frozenset(
    {None, "!", *(f"tag:yaml.org,2002:{name}" for name in ("str", "seq", "map"))}
)


class YamlError(ValueError):
    """YAML that is malformed, too deep or too large, or that JSON cannot hold.

    Args:
        problem: Reason.
        mark: Place; None if it is not known.
    """

    def __init__(self, problem: str, mark: yaml.Mark | None = None) -> None:
        self.problem = problem
        self.place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        super().__init__(f"YAML{self.place}: {problem}")


class _JsonLoader(SafeLoader):
    """YAML loader for JSON values: an unquoted timestamp stays a string, as it is in an event."""


_JsonLoader.yaml_implicit_resolvers = {
    first: [resolver for resolver in resolvers if resolver[0] != _TIMESTAMP]
    for first, resolvers in SafeLoader.yaml_implicit_resolvers.items()
}


def load_yaml(content: bytes | str) -> object:
    """Return the value of a document.

    Raises:
        YamlError: See there.
    """
    try:
        return _load(content)
    except YamlError:
        raise
    except yaml.MarkedYAMLError as error:
        raise YamlError(error.problem or "", error.problem_mark) from error
    except (yaml.YAMLError, ValueError, TypeError, ArithmeticError, RecursionError) as error:
        raise YamlError(" ".join(str(error).split())) from error


def _load(content: bytes | str) -> object:
    loader = _JsonLoader(content)
    try:
        bounds = _Bounds()
        while loader.check_event():
            bounds.add(loader.get_event())
    finally:
        loader.dispose()
    loader = _JsonLoader(content)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


class _Bounds:
    """Bounds of the events of a document: its depth, tags, numbers, aliases and size."""

    def __init__(self) -> None:
        self._size = 0
        self._sizes: dict[str | None, int] = {}  # of complete values with an anchor
        self._open: list[tuple[str | None, int]] = []  # anchor, and size before the value

    def add(self, event: Any) -> None:
        """Add the next event. Raise `YamlError` if it exceeds a bound."""
        self._size += 1
        match event:
            case AliasEvent():
                if event.anchor not in self._sizes:
                    raise _error(event, f"the alias {event.anchor!r:.60} stands for nothing, or for a value around it")
                self._size += self._sizes[event.anchor]
            case ScalarEvent():
                _check_tag(event)
                _check_number(event)
                self._size += len(event.value)
                self._close(event.anchor, self._size - len(event.value))
            case CollectionStartEvent():
                _check_tag(event)
                self._sizes.pop(event.anchor, None)
                self._open.append((event.anchor, self._size))
                if len(self._open) > MAX_DEPTH:
                    raise _error(event, f"more than {MAX_DEPTH} lists and mappings inside of each other")
            case CollectionEndEvent():
                self._close(*self._open.pop())
        if self._size > MAX_SIZE:
            raise _error(event, f"more than {MAX_SIZE:,} characters once each alias is replaced by its value")

    def _close(self, anchor: str | None, begin: int) -> None:
        if anchor is not None:
            self._sizes[anchor] = self._size - begin


def _check_tag(event: Any) -> None:
    if event.tag not in _TAGS:
        raise _error(event, f"the tag {event.tag!r:.60}, which JSON cannot hold")


def _check_number(event: Any) -> None:
    if event.implicit[0] and len(event.value) > _MAX_NUMBER:
        resolvers = _JsonLoader.yaml_implicit_resolvers.get(event.value[0], ())
        if any(tag in _NUMBERS and pattern.match(event.value) for tag, pattern in resolvers):
            raise _error(event, f"a number with more than {_MAX_NUMBER} characters")


def _error(event: Any, problem: str) -> YamlError:
    return YamlError(problem, event.start_mark)
