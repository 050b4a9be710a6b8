"""The page about trust names settings and constants that exist, with their defaults."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from pydantic import BaseModel

from wikistate.config.model import Configuration

PAGE = (Path(__file__).parents[2] / "docs" / "concepts" / "trust.md").read_text(encoding="utf-8")
HEADER = "| what | default | setting or constant | beyond it |"
UNITS = {"": 1, "s": 1, "bytes": 1, "characters": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3}


class Bound(NamedTuple):
    """Row of a table of bounds: what is bounded, the default as text, and the name of the setting or constant."""

    what: str
    default: str
    name: str


def read_bounds() -> list[Bound]:
    """Return the rows of all tables of bounds."""
    tables = PAGE.split(HEADER)[1:]
    rows = [line for table in tables for line in table.split("\n\n")[0].splitlines()[2:]]
    cells = [[cell.strip() for cell in row.strip("|").split("|")] for row in rows]
    return [Bound(what, default, name.strip("`")) for what, default, name, _ in cells]


def find_value(name: str) -> Any:
    """Return the default of a setting, or the value of a constant by its dotted name."""
    if name.startswith("wikistate."):
        module, _, constant = name.rpartition(".")
        return getattr(import_module(module), constant)
    value: Any = Configuration()
    for part in name.split("."):
        assert isinstance(value, BaseModel), f"{name} goes beyond a setting"
        assert part in type(value).model_fields, f"{name} is not a setting"
        value = getattr(value, part)
    return value


def has_value(text: str, value: Any) -> bool:
    """Return whether a default in the page is a value of the code."""
    if text == "no limit":
        return value is None
    if year := re.fullmatch(r"year ([0-9]{4})", text):
        return datetime.fromtimestamp(value / 1000, tz=UTC).year == int(year[1])
    if power := re.fullmatch(r"2\^([0-9]+)( - 1)?", text):
        return bool(value == 2 ** int(power[1]) - bool(power[2]))
    number, _, unit = text.partition(" ")
    return bool(float(number.replace(",", "")) * UNITS[unit] == value)


def test_page_has_bounds_of_every_kind() -> None:
    """The tables are found, so that the tests below compare something."""
    assert PAGE.count(HEADER) >= 4
    assert len(read_bounds()) > 25


@pytest.mark.parametrize("bound", read_bounds(), ids=lambda bound: bound.name)
def test_bound_has_the_default_of_the_page(bound: Bound) -> None:
    """A changed default changes the page."""
    value = find_value(bound.name)
    assert has_value(bound.default, value), f"{bound.what}: the page says {bound.default}, the code {value}"


def test_named_settings_exist() -> None:
    """Also those outside of the tables."""
    sections = "|".join(Configuration.model_fields)
    names = set(re.findall(rf"`((?:{sections})(?:\.[a-z_]+)*)`", PAGE))
    assert len(names) > 20
    for name in sorted(names):
        find_value(name)
