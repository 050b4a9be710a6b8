"""Packages and archives of a version: the content of an archive decides how it is shipped."""

from __future__ import annotations

import io
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from wikistate.errors import ConfigError
from wikistate.ops.flink_jobs.packages import package_options

if TYPE_CHECKING:
    from pathlib import Path


def write_archive(path: Path, *members: str) -> Path:
    """Write an archive with empty members and return its path."""
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as zipped:
            for name in members:
                zipped.writestr(name, "")
    else:
        with tarfile.open(path, "w:gz") as packed:
            for name in members:
                packed.addfile(tarfile.TarInfo(name), io.BytesIO())
    return path


@pytest.mark.parametrize("name", ["a.zip", "a.tar.gz", "a.tgz"])
@pytest.mark.parametrize(
    ("member", "python"),
    [
        ("bin/python", "environment/bin/python"),
        ("./bin/python3", "environment/bin/python"),
        ("venv/bin/python", "environment/venv/bin/python"),
    ],
)
def test_packed_environment_brings_the_python_of_the_workers(
    tmp_path: Path, name: str, member: str, python: str
) -> None:
    """At the top of the archive, or in its only folder."""
    path = write_archive(tmp_path / name, "lib/x.py", member)
    assert package_options(path) == ["-pyarch", f"{path}#environment", "-pyexec", python]


@pytest.mark.parametrize("name", ["a.whl", "a.py", "a.zip"])
def test_code_is_imported_first(tmp_path: Path, name: str) -> None:
    """A program deep inside of a package is not an environment."""
    path = tmp_path / name
    if name.endswith(".zip"):
        write_archive(path, "package/data/bin/python", "package/__init__.py")
    else:
        path.touch()
    assert package_options(path) == ["-pyfs", str(path)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.jar", "is a Java archive"),
        ("a.rpm", "is of an unknown kind"),
        ("a.tar.gz", "has no bin/python"),
        ("damaged.zip", "cannot be read"),
        ("damaged.tgz", "cannot be read"),
        ("missing.whl", "there is no such file"),
    ],
)
def test_other_file_is_a_mistake(tmp_path: Path, name: str, expected: str) -> None:
    """With the kinds that are allowed, or the reason."""
    path = tmp_path / name
    if name == "a.tar.gz":
        write_archive(path, "package/__init__.py")
    elif not name.startswith("missing"):
        path.write_bytes(b"damaged")
    with pytest.raises(ConfigError, match=expected):
        package_options(path)
