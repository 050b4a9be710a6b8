"""The rules of the suite: the effect of a skip, and the content of the locks."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from tests.conftest import UNIT_SECONDS

ROOT = Path(__file__).parents[3]
LOCKS = sorted((ROOT / "requirements").glob("*.lock"))

_SKIPS = """
import pytest
def test_runs(): pass
def test_skips(): pytest.skip("no such part")
@pytest.mark.xfail(strict=True)
def test_fails_as_expected(): assert False
"""


def _run_suite(folder: Path, *, ci: str) -> subprocess.CompletedProcess[str]:
    """Run a separate suite that shares only the rules of `tests/conftest.py` with this one."""
    path = os.pathsep.join(map(str, (ROOT / "tests", ROOT, ROOT / "src")))
    environment = {**os.environ, "CI": ci, "PYTHONPATH": path, "PYTEST_ADDOPTS": ""}
    command = [sys.executable, "-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider", "-c", os.devnull, "-rfs"]
    command += ["--rootdir", str(folder), str(folder)]
    return subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)


def test_units_with_a_known_duration_exist() -> None:
    """A renamed file would lose its place at the beginning."""
    names = [name for name in UNIT_SECONDS if name.endswith(".py")]
    assert len(names) > 10
    assert [name for name in names if not (ROOT / name).exists()] == []


def test_skip_is_a_failure_in_ci(tmp_path: Path) -> None:
    """The run fails and names the test and the reason; an expected failure is not a skip."""
    (tmp_path / "test_skips.py").write_text(_SKIPS)
    done = _run_suite(tmp_path, ci="true")
    assert done.returncode == 1
    assert "FAILED test_skips.py::test_skips" in done.stdout
    assert "CI=true, and this was skipped" in done.stdout
    assert "no such part" in done.stdout
    assert re.search(r"1 failed, 1 passed, 1 xfailed in", done.stdout)


def test_file_that_skips_itself_is_a_failure_in_ci(tmp_path: Path) -> None:
    """A missing import does not leave out a whole file silently."""
    (tmp_path / "test_all.py").write_text('import pytest\npytest.importorskip("no_such_module")\n')
    done = _run_suite(tmp_path, ci="true")
    assert done.returncode == 2
    assert "no_such_module" in done.stdout


def test_skip_is_a_skip_elsewhere(tmp_path: Path) -> None:
    """A developer without a part runs the other tests."""
    (tmp_path / "test_skips.py").write_text(_SKIPS)
    done = _run_suite(tmp_path, ci="")
    assert done.returncode == 0
    assert re.search(r"1 passed, 1 skipped, 1 xfailed in", done.stdout)


def test_there_is_a_lock_for_each_set() -> None:
    """The sets are for running, for developing, and for the distributed engine."""
    assert [lock.name for lock in LOCKS] == ["dev.lock", "flink.lock", "run.lock"]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_lock_has_no_address(lock: Path) -> None:
    """It has no index, no folder and no URL: the machine configures the source of the packages."""
    text = lock.read_text()
    assert not re.search(r"://|--index|--extra-index|--find-links|--trusted-host|file:|(^|\s)[~./]", text, re.MULTILINE)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_lock_pins_and_hashes_each_package(lock: Path) -> None:
    """Each requirement has one version and at least one hash."""
    entries = re.split(r"\n(?=[a-z0-9])", lock.read_text())[1:]
    assert len(entries) > 30
    for entry in entries:
        assert re.match(r"[a-z0-9][a-z0-9.-]*==[^ ]+ (; [^\n]+ )?\\\n    --hash=sha256:[0-9a-f]{64}", entry), entry


def _names(requirements: list[str]) -> set[str]:
    return {re.split(r"[^A-Za-z0-9._-]", line)[0].lower().replace("_", "-") for line in requirements}


@pytest.mark.parametrize(("lock", "extra"), [("run", None), ("dev", "dev"), ("flink", "flink")])
def test_lock_has_the_requirements_of_the_project(lock: str, extra: str | None) -> None:
    """It has the dependencies, those of the extra, and the build backend; `make lock` was not forgotten."""
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = _names(pyproject["project"]["dependencies"] + pyproject["build-system"]["requires"])
    if extra is not None:
        wanted |= _names(pyproject["project"]["optional-dependencies"][extra])
    locked = set(re.findall(r"^([a-z0-9.-]+)==", (ROOT / "requirements" / f"{lock}.lock").read_text(), re.MULTILINE))
    assert wanted <= locked


def test_build_backend_is_locked_in_the_required_version() -> None:
    """Two files name it, and they agree."""
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["build-system"]["requires"]
    assert set(wanted) <= set((ROOT / "requirements" / "build.in").read_text().splitlines())
