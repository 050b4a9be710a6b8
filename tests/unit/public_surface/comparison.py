"""Comparison of two versions of the public surface: additions are allowed, anything else is a break."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def find_breaks(reference: Any, current: Any, name: str) -> Iterator[str]:
    """Yield a line for each entry that is removed or changed, and for each new entry that users must give.

    Mappings are compared by key, also as items of lists: the default of a section grows with each setting. Lists are
    compared as sets, everything else as a value.

    Args:
        reference: The kept version.
        current: The version of the code.
        name: Name of the entry, for the lines.
    """
    if isinstance(reference, dict) and isinstance(current, dict):
        yield from _find_breaks_of_mapping(reference, current, name)
    elif isinstance(reference, list) and isinstance(current, list):
        yield from (f"{name}: {item!r} is removed" for item in reference if not _holds(current, item))
    elif reference != current or type(reference) is not type(current):
        yield f"{name}: changed from {reference!r} to {current!r}"


def _holds(current: list[Any], item: Any) -> bool:
    if isinstance(item, dict):
        return any(isinstance(each, dict) and not list(find_breaks(item, each, "")) for each in current)
    return item in current


def _find_breaks_of_mapping(reference: dict[str, Any], current: dict[str, Any], name: str) -> Iterator[str]:
    for key, value in reference.items():
        if key not in current:
            yield f"{name}: {key!r} is removed"
        else:
            yield from find_breaks(value, current[key], f"{name}: {key}")
    for key in current.keys() - reference.keys():
        if isinstance(current[key], dict) and current[key].get("required") is True:
            yield f"{name}: {key!r} is new and required"
