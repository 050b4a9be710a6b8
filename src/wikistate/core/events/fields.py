"""Reader of parsed JSON from outside: each field is read with its type, and an error names its path.

The answers of wikis, of services and of stores are read by this alone, so that an answer of another form is an error with
the place and the expected value, never a `KeyError`.
"""

from __future__ import annotations

import reprlib
from typing import TYPE_CHECKING, Any, NoReturn

from wikistate.core.events.integers import MAX_INTEGER, is_integer
from wikistate.core.events.timestamps import parse_timestamp
from wikistate.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_MISSING = object()


def quote_value(value: object, limit: int = 60) -> str:
    """Return a value of JSON for a message, of at most some characters. Its depth is bounded, which that of `repr` is not."""
    return f"{value[:limit]!r:.{limit}}" if isinstance(value, str) else f"{_SHORT.repr(value):.{limit}}"


def as_text(value: object) -> str:
    """Return a text, and an empty one for a value of another type."""
    return value if isinstance(value, str) else ""


_SHORT = reprlib.Repr()
_SHORT.maxlevel = 2
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 60


class FieldError(InputError):
    """Answer that lacks a field, or has a field of another type. The caller adds the origin of the answer."""


class Fields:
    """Fields of one object.

    Args:
        values: Parsed JSON of any type.
        path: Path of the object in the answer, for errors; empty for the answer itself.

    Raises:
        FieldError: The value is not an object. All methods raise it for a field of another type; the methods whose names
            begin with `get` return a default for a field that is missing or null.
    """

    __slots__ = ("_path", "values")

    def __init__(self, values: object, path: str = "") -> None:
        self._path = path
        self.values: Mapping[str, Any] = values if isinstance(values, dict) else self._refuse("", values, "an object")

    def text(self, name: str) -> str:
        """Return a text that is not empty."""
        value = self.values.get(name, _MISSING)
        return value if isinstance(value, str) and value else self._refuse(name, value, "a text")

    def get_text(self, name: str) -> str:
        """Return a text; an empty one by default."""
        value = self.values.get(name)
        return "" if value is None else value if isinstance(value, str) else self._refuse(name, value, "a text")

    def integer(self, name: str, *, minimum: int = 0, maximum: int = MAX_INTEGER) -> int:
        """Return a number within bounds."""
        value = self.values.get(name, _MISSING)
        if is_integer(value, minimum=minimum, maximum=maximum):
            return value
        return self._refuse(name, value, f"a number from {minimum} to {maximum}")

    def get_integer(self, name: str, *, minimum: int = 0) -> int | None:
        """Return a number within bounds; None by default."""
        return None if self.values.get(name) is None else self.integer(name, minimum=minimum)

    def time(self, name: str) -> int:
        """Return the milliseconds since the epoch of a timestamp in RFC 3339."""
        value = self.values.get(name, _MISSING)
        time = parse_timestamp(value) if isinstance(value, str) else None
        return time if time is not None else self._refuse(name, value, "a timestamp such as 2026-01-31T12:00:00Z")

    def fields(self, name: str) -> Fields:
        """Return the fields of an object."""
        value = self.values.get(name, _MISSING)
        return Fields(value, self.path_of(name)) if isinstance(value, dict) else self._refuse(name, value, "an object")

    def get_fields(self, name: str) -> Fields:
        """Return the fields of an object; none by default. PHP writes an empty object as a list."""
        value = self.values.get(name)
        return Fields({}, self.path_of(name)) if value is None or value == [] else self.fields(name)

    def get_list(self, name: str) -> list[Any]:
        """Return a list; an empty one by default."""
        value = self.values.get(name)
        return [] if value is None else value if isinstance(value, list) else self._refuse(name, value, "a list")

    def get_all(self, name: str) -> Iterator[Fields]:
        """Yield the objects of a list; none by default."""
        for number, value in enumerate(self.get_list(name)):
            yield Fields(value, f"{self.path_of(name)}[{number}]")

    def path_of(self, name: str) -> str:
        """Return the path of a field."""
        return f"{self._path}.{name}" if self._path and name else self._path or name or "the answer"

    def _refuse(self, name: str, value: object, expected: str) -> NoReturn:
        found = "is missing" if value is _MISSING else f"is {quote_value(value)}"
        raise FieldError(f"{self.path_of(name)} {found}, but must be {expected}")
