"""The Java of the tests is the packaged one, and the machine's own is kept out of sight."""

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


def test_a_path_without_java_has_all_other_programs_in_their_order(tmp_path: Path) -> None:
    """A folder that has no Java stays as it is; one that has it is replaced by links."""
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


def test_the_tests_have_no_java_but_the_packaged_one() -> None:
    """Without the package there is none, whatever the machine has."""
    with pytest.raises(PartError, match="no Java runtime for the JVM parts"):
        java_program()
