"""The tests use the packaged Java, and their search path hides the Java of the machine."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import pytest
from tests.support.java import java_program, remove_java_from_path

from wikistate.errors import PartError

if TYPE_CHECKING:
    from pathlib import Path


def _make_programs(folder: Path, *names: str) -> Path:
    folder.mkdir()
    for name in names:
        (folder / name).touch(0o755)
    return folder


def test_path_without_java_has_all_other_programs_in_their_order(tmp_path: Path) -> None:
    """A folder without Java is unchanged; a folder with Java is replaced by links."""
    first = _make_programs(tmp_path / "first", "java", "tool", "javac")
    second = _make_programs(tmp_path / "second", "tool", "other")
    third = _make_programs(tmp_path / "third", "java")
    path = remove_java_from_path(os.pathsep.join(map(str, (first, second, third))), tmp_path / "stand-in")
    assert shutil.which("java", path=path) is None
    assert [os.path.realpath(shutil.which(name, path=path) or "") for name in ("tool", "other", "javac")] == [
        str(first / "tool"),
        str(second / "other"),
        str(first / "javac"),
    ]
    assert path.split(os.pathsep)[1] == str(second)


def test_only_the_packaged_java_is_used() -> None:
    """Without the package there is no Java for the tests, even if the machine has one."""
    with pytest.raises(PartError, match="no Java runtime for the JVM parts"):
        java_program()
