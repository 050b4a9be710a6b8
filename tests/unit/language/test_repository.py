"""The whole repository keeps the language rule. ``python -m tests.unit.language PATH...`` lists the violations."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.language.__main__ import main
from tests.unit.language.files import check_files, find_files

ROOT = Path(__file__).parents[3]
FOLDERS = sorted(
    path.relative_to(ROOT).as_posix()
    for parent in (ROOT, ROOT / "src" / "wikistate", ROOT / "tests")
    for path in parent.iterdir()
    if path.is_dir() and not path.name.startswith((".", "__")) and path.name not in {"src", "tests", "build", "dist"}
)
FILES = sorted(
    path.relative_to(ROOT).as_posix()
    for parent in (ROOT, ROOT / "src" / "wikistate", ROOT / "tests")
    for path in find_files([parent])
    if path.parent == parent
)


@pytest.mark.parametrize("name", [*FOLDERS, *FILES])
def test_language_rule_holds(name: str) -> None:
    """Each violation is one line: place, rule, text, replacement."""
    found = check_files([ROOT / name], ROOT)
    assert not found, "\n".join(map(str, ["", *found]))


def test_known_places_are_checked() -> None:
    """A folder that moves stays under the rule."""
    assert {"README.md", "CHANGELOG.md", "Makefile", "pyproject.toml", "src/wikistate/errors.py"} <= set(FILES)
    assert {
        "docs",
        "bench",
        "examples",
        "jvm",
        "src/wikistate/core",
        "src/wikistate/cli",
        "tests/unit",
        "tests/e2e",
    } <= set(FOLDERS)


def test_generated_pages_are_not_checked() -> None:
    """Their text is checked in the code that it comes from."""
    assert check_files([ROOT / "docs" / "reference"], ROOT) == []


def test_command_fails_for_a_violation_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is for hooks, the lines are for authors."""
    page = tmp_path / "page.md"
    page.write_text("It is read again.\n", encoding="utf-8")
    assert main([str(page)]) == 0
    page.write_text("It is read anew.\n", encoding="utf-8")
    assert main([str(tmp_path)]) == 1
    assert capsys.readouterr().out == f"{page}:1: banned word: 'It is read anew.'; use 'again'\n"
