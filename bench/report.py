"""The saved results: JSON for programs and a table for people."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from bench.machine import describe_machine

if TYPE_CHECKING:
    from collections.abc import Mapping

    from bench.figures import Figure, Result

FOLDER = Path(__file__).parent / "results"
_JSON = FOLDER / "results.json"
_TABLE = FOLDER / "results.md"

SavedResults = dict[str, dict[str, Any]]
"""Results by title: ``circumstances``, ``figures``, and all measured values under ``raw``."""


def read_saved() -> SavedResults:
    """Return the results of the last runs; a measurement that never ran is absent."""
    return dict(orjson.loads(_JSON.read_bytes())) if _JSON.exists() else {}


def build_entry(result: Result) -> dict[str, Any]:
    """Return a result with its circumstances."""
    return {
        "circumstances": describe_machine(),
        "figures": [_figure(figure) for figure in result.figures()],
        "raw": asdict(result),  # type: ignore[call-overload]  # a result is a dataclass, which a protocol cannot express
    }


def _figure(figure: Figure) -> dict[str, Any]:
    return {
        "name": figure.name,
        "value": figure.value,
        "unit": figure.unit,
        "target": str(figure.target) if figure.target else "",
        "met": figure.is_met,
    }


def save(results: SavedResults) -> None:
    """Write both files with these results and the unchanged results of other measurements."""
    FOLDER.mkdir(exist_ok=True)
    saved = read_saved() | results
    _JSON.write_bytes(orjson.dumps(saved, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    sections = [_format_section(title, found) for title, found in saved.items()]
    _TABLE.write_text("\n".join(["# Results", "", "Written by `python -m bench`.", "", *sections]))


def _format_section(title: str, found: Mapping[str, Any]) -> str:
    facts = [f"- {name}: {value}" for name, value in found["circumstances"].items()]
    return "\n".join([f"## {title}", "", format_table(found["figures"]), "", *facts, ""])


def format_table(figures: list[dict[str, Any]], before: list[dict[str, Any]] | None = None) -> str:
    """Return a Markdown table.

    Args:
        figures: Figures of one measurement.
        before: Saved figures of the measurement, for comparison.
    """
    earlier = {each["name"]: each["value"] for each in before or ()}
    heads = ["figure", "value", "target", "reached", *(["saved"] if earlier else [])]
    rows = [
        [
            each["name"],
            f"{_format_value(each['value'])} {each['unit']}".strip(),
            each["target"],
            ("yes" if each["met"] else "**no**") if each["target"] else "",
            *([_format_value(earlier[each["name"]]) if each["name"] in earlier else ""] if earlier else []),
        ]
        for each in figures
    ]
    widths = [max(map(len, column)) for column in zip(heads, *rows, strict=True)]
    lines = [heads, ["-" * width for width in widths], *rows]
    return "\n".join(f"| {' | '.join(map(str.ljust, line, widths))} |" for line in lines)


def _format_value(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
