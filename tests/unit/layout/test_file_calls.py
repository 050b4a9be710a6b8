"""Renames and new files of state have one home, so that none of them forgets its mode or its durability."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from tests.unit.layout.test_file_sizes import ROOT

if TYPE_CHECKING:
    from pathlib import Path

SOURCES = sorted((ROOT / "src" / "wikistate").rglob("*.py"))
HOME = "adapters/durable_files.py"
RENAMES = {("os", "replace"), ("os", "rename"), ("os", "renames"), ("os", "link"), ("shutil", "move")}
PATH_RENAMES = {"rename", "hardlink_to", "symlink_to"}
WRITERS = {
    "adapters/connectors/files/append_file.py": "a sink, by the umask",
    "adapters/connectors/parquet/files.py": "a sink, by the umask",
    "testing/__main__.py": "sample data, by the umask",
}
"""Files that open a file to write otherwise than through the home, and why they may."""


def find_calls(path: Path) -> list[tuple[str, str, ast.Call]]:
    """Return the calls of attributes in a module: the name of the object, the attribute and the call."""
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    return [
        (call.func.value.id if isinstance(call.func.value, ast.Name) else "", call.func.attr, call)
        for call in calls
        if isinstance(call.func, ast.Attribute)
    ]


def is_rename(owner: str, name: str, call: ast.Call) -> bool:
    """Return whether a call renames a file. `Path.replace` has one argument, `str.replace` has two."""
    one = len(call.args) == 1 and not call.keywords
    return (owner, name) in RENAMES or name in PATH_RENAMES or (name == "replace" and one and owner != "dataclasses")


def is_write(owner: str, name: str, call: ast.Call) -> bool:
    """Return whether a call opens a file to write, or writes one as a whole."""
    if name in ("write_text", "write_bytes"):
        return True
    modes = [word.value for word in call.args if isinstance(word, ast.Constant) and isinstance(word.value, str)]
    flags = {node.attr for node in ast.walk(call) if isinstance(node, ast.Attribute)}
    creates = owner == "os" and name == "open" and "O_CREAT" in flags
    return creates or (name == "open" and any(set(mode) & set("wax+") and len(mode) <= 3 for mode in modes))


def test_files_are_renamed_in_one_module() -> None:
    """Elsewhere a rename may become durable before the content."""
    found = {
        str(path.relative_to(ROOT / "src" / "wikistate"))
        for path in SOURCES
        for owner, name, call in find_calls(path)
        if is_rename(owner, name, call)
    }
    assert found == {HOME}


def test_files_are_created_in_known_modules() -> None:
    """A new file of state is private: `write_durably`, `create_private` or `open_private` create it."""
    found = {
        str(path.relative_to(ROOT / "src" / "wikistate"))
        for path in SOURCES
        for owner, name, call in find_calls(path)
        if is_write(owner, name, call)
    }
    assert found == {HOME, "adapters/private_files.py", *WRITERS}
