"""Text for people has one way out: no module writes to a standard stream or uses Rich beside the two that prepare texts."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest
from tests.unit.layout.test_file_sizes import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SOURCE = ROOT / "src" / "wikistate"

WRITERS = {
    "cli/output.py",
    "cli/terminal.py",
    "telemetry/logs.py",  # prepares the fields of a line itself
    "telemetry/standard_streams.py",  # the guard
}
"""The modules that write prepared texts."""

PROGRAMS = {
    "ops/maven.py",  # a child process: its parent reads what it writes
    "testing/__main__.py",
    "testing/wiki/__main__.py",  # the address of a test server, for the process that has started it
    "testing/wiki/process.py",  # an example in a docstring
    "testing/wikibase/__main__.py",
}
"""The programs beside the commands."""

FLUSHES = {"cli/stopping.py", "cli/execution.py"}
"""The modules that flush a standard stream, or ask whether it is a terminal, and write nothing to it."""


def find_outputs(tree: ast.AST) -> Iterator[str]:
    """Yield the statements of a module that write to a standard stream or bring in Rich."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id="print")):
                yield "print"
            case ast.Call(func=ast.Attribute(value=ast.Name(id="typer" | "click"), attr="echo" | "secho" as name)):
                yield name
            case ast.Attribute(
                value=ast.Name(id="sys"), attr="stdout" | "stderr" | "__stdout__" | "__stderr__" as name
            ):
                yield f"sys.{name}"
            case ast.ImportFrom(module=str(module)) if module.split(".")[0] in ("rich", "click", "colorama"):
                yield module
            case ast.Import(names=names):
                yield from (each.name for each in names if each.name.split(".")[0] in ("rich", "click", "colorama"))


@pytest.mark.parametrize(
    "code",
    [
        "print(title)",
        "typer.echo(title)",
        "import sys\nsys.stderr.write(title)",
        "from rich.console import Console",
        "import rich",
    ],
)
def test_each_kind_of_output_is_found(code: str) -> None:
    """A module with one of these statements needs a row above."""
    assert list(find_outputs(ast.parse(code)))


def test_only_the_listed_modules_write_to_a_standard_stream() -> None:
    """Write a line with `wikistate.cli.output`, a table with `wikistate.cli.terminal`."""
    found = {
        _name(path): sorted(set(find_outputs(ast.parse(path.read_text("utf-8"))))) for path in SOURCE.rglob("*.py")
    }
    writers = {name: outputs for name, outputs in found.items() if outputs}
    assert {name: outputs for name, outputs in writers.items() if name not in WRITERS | PROGRAMS | FLUSHES} == {}
    assert (WRITERS | FLUSHES) - {"cli/terminal.py", *writers} == set()


def test_rich_never_interprets_a_text() -> None:
    """Markup, names of emoji and `Text.from_markup` are off in the module that uses Rich."""
    tree = ast.parse((SOURCE / "cli" / "terminal.py").read_text("utf-8"))
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    consoles = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "Console"]
    columns = [call for call in calls if isinstance(call.func, ast.Name) and call.func.id == "TextColumn"]
    assert consoles
    for call in consoles:
        assert {"markup", "emoji", "highlight"} <= _switched_off(call)
    for call in columns:
        assert "markup" in _switched_off(call)
    names = {call.func.attr for call in calls if isinstance(call.func, ast.Attribute)}
    assert names & {"from_markup", "from_ansi", "render_str", "assemble"} == set()


def _switched_off(call: ast.Call) -> set[str | None]:
    return {word.arg for word in call.keywords if isinstance(word.value, ast.Constant) and word.value.value is False}


def _name(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()
