"""Values that a source stored in the state folder in an earlier run: damaged ones end the run and are never guessed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import orjson

from wikistate.core.events.integers import parse_integer
from wikistate.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Value = TypeVar("Value")


@contextmanager
def reading_saved(what: str, text: str, *, file: str = "positions.sqlite") -> Iterator[None]:
    """Raise `StateError` if the block cannot interpret a stored value.

    Args:
        what: The value, such as "position".
        text: The stored text.
        file: Name of the file in the state folder that holds it.
    """
    try:
        yield
    except (ValueError, TypeError, KeyError, IndexError, OverflowError) as error:
        raise StateError(
            f"The {what} in {file} of the state folder is damaged: {text[:60]!r} was not written by this job ({error!s:.80}).",
            hint=f"Nothing was changed. Restore the state folder (--state) from a copy, or move {file} away: the source then "
            "starts at its configured beginning.",
            file=file,
        ) from error


def read_saved(what: str, text: str, build: Callable[[object], Value], *, file: str = "positions.sqlite") -> Value:
    """Return the value that a function builds from stored JSON. Raises `StateError`; arguments as `reading_saved`."""
    with reading_saved(what, text, file=file):
        return build(orjson.loads(text))


def read_saved_integer(what: str, text: str, *, file: str = "positions.sqlite") -> int:
    """Return a stored number of 64 bits. Raises `StateError`; arguments as `reading_saved`."""
    with reading_saved(what, text, file=file):
        number = parse_integer(text.removeprefix("-"))
        if number is None:
            raise ValueError("not a number")
    return -number if text.startswith("-") else number
