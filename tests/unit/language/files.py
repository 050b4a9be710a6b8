"""Files of the repository that the language rule holds for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.unit.language.glossary import PAGE, read_terms
from tests.unit.language.rules import Violation, check_source
from tests.unit.language.words import BANS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from tests.unit.language.words import Ban

_SUFFIXES = frozenset((".py", ".md", ".java", ".yaml", ".yml", ".toml"))
_NAMES = frozenset(("Makefile", "Dockerfile"))
_FOLDERS = frozenset(("node_modules", "__pycache__", "data", "build", "dist", "results"))
_GENERATED = "<!-- Written by "


def find_files(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the files to check: each file that is given, and those below each folder, in the order of their names."""
    for path in paths:
        if path.is_dir():
            inner = (entry for entry in path.iterdir() if not entry.name.startswith(".") and entry.name not in _FOLDERS)
            yield from find_files(sorted(entry for entry in inner if entry.is_dir() or _is_checked(entry)))
        else:
            yield path


def _is_checked(path: Path) -> bool:
    return path.suffix in _SUFFIXES or path.name in _NAMES


def check_files(paths: Iterable[Path], root: Path) -> list[Violation]:
    """Return the violations of the files and folders, sorted by place; generated pages have none."""
    found: list[Violation] = []
    bans = (*BANS, *_read_synonyms(root))
    for path in find_files(paths):
        source = path.read_text(encoding="utf-8")
        if not source.startswith(_GENERATED):
            found += check_source(_name_in(path, root), source, bans)
    return sorted(found)


def _read_synonyms(root: Path) -> Iterator[Ban]:
    for term in read_terms((root / PAGE).read_text(encoding="utf-8")):
        yield from term.bans()


def _name_in(path: Path, root: Path) -> str:
    absolute = path.resolve()
    return absolute.relative_to(root).as_posix() if absolute.is_relative_to(root) else path.as_posix()
