"""The public Python names that have moved or have a new name, and the reference in terms of the new names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

MOVES: dict[str, str] = json.loads(Path(__file__).with_name("moves.json").read_text(encoding="utf-8"))
"""New name of each moved module and of each renamed member; the other members of a moved module keep their names."""


def find_new_name(name: str) -> str:
    """Return the current name of a module, or of a member of a module, after the moves."""
    if name in MOVES:
        return MOVES[name]
    module, _, member = name.rpartition(".")
    return f"{MOVES[module]}.{member}" if module in MOVES else name


def apply_moves(reference: dict[str, Any]) -> dict[str, Any]:
    """Return the reference of the test kit with the current names of its modules, their members and functions."""
    modules: dict[str, list[str]] = {}
    for module, members in reference["modules"].items():
        modules.setdefault(find_new_name(module), [])
        for member in members:
            new_module, _, new_member = find_new_name(f"{module}.{member}").rpartition(".")
            modules.setdefault(new_module, []).append(new_member)
    functions = {find_new_name(name): described for name, described in reference["functions"].items()}
    return {**reference, "modules": modules, "functions": functions}
