"""The short form of the fuzz suite, and tests of the suite itself."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest
from tests.fuzz.__main__ import main
from tests.fuzz.corpus import REGRESSIONS, SEEDS, load_seeds
from tests.fuzz.minimise import shrink
from tests.fuzz.mutators.json_mutator import dump, mutate_json, parse
from tests.fuzz.mutators.mutate import build_input
from tests.fuzz.registry import TARGETS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fuzz.target import Target

SEED = 1


def run_python(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a module in a process that may fork, unlike that of the tests, which has threads."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("FUZZ_")}
    return subprocess.run(
        [sys.executable, "-m", *arguments], capture_output=True, text=True, check=False, timeout=280, env=environment
    )


def test_short_form_has_no_finding(tmp_path: Path) -> None:
    """Neither the kept cases nor some mutated inputs of each reader lead to a finding that is not expected."""
    result = run_python("tests.fuzz", "--short", "--seed", str(SEED), "--findings", str(tmp_path))
    assert result.returncode == 0, result.stdout[-6000:] + result.stderr[-3000:]
    read = {
        line.split()[0]: int(line.split()[1])
        for line in result.stdout.splitlines()
        if " inputs " in line and "/s" in line
    }
    assert read.keys() == {target.name for target in TARGETS}
    assert all(read[target.name] >= target.cases for target in TARGETS)


def test_unknown_target_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt target must not end in a run without a finding."""
    monkeypatch.setenv("FUZZ_TARGET", "turtle,tortoise")
    with pytest.raises(SystemExit) as raised:
        main(["--list"])
    assert raised.value.code == 2


@pytest.fixture(scope="module")
def signatures() -> dict[str, str | None]:
    """Findings of the faults that `tests.fuzz.faulty` makes."""
    result = run_python("tests.fuzz.faulty")
    assert result.returncode == 0, result.stderr
    found: dict[str, str | None] = json.loads(result.stdout)
    return found


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("undocumented", "KeyError"),
        ("other-error", "ConfigError"),
        ("defect", "InternalError"),
        ("segmentation", "SIGSEGV"),
        ("abort", "SIGABRT"),
        ("hang", "hang (CPU)"),
        ("memory", "MemoryError"),
        ("socket", "request to a host that is not allowed"),
        ("name", "resolution of a host that is not allowed"),
        ("file", "file outside of the given folder"),
        ("exit", "SystemExit"),
        ("hard-exit", "exit 3"),
        ("killed", "SIGKILL"),
    ],
)
def test_each_fault_is_found(signatures: dict[str, str | None], fault: str, expected: str) -> None:
    """A fault is a finding, whether the reader notices it or not."""
    assert (signatures[fault] or "").startswith(expected)


@pytest.mark.parametrize("behaviour", ["none", "documented", "slow-but-idle"])
def test_documented_behaviour_is_not_a_finding(signatures: dict[str, str | None], behaviour: str) -> None:
    """A documented error and a wait without CPU are not reported."""
    assert signatures[behaviour] is None


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_inputs_follow_from_their_numbers(target: Target) -> None:
    """The same seed and case build the same input, which differs from the seeds of most targets."""
    seeds = list(load_seeds(target).values())
    assert seeds
    built = [build_input(target, seeds, seed=SEED, case=case) for case in range(8)]
    assert built == [build_input(target, seeds, seed=SEED, case=case) for case in range(8)]
    assert len(set(built) - set(seeds)) > 1


def test_folders_belong_to_targets() -> None:
    """No folder of seeds or of kept cases is left without its target."""
    names = {target.name for target in TARGETS}
    assert len(names) == len(TARGETS)
    for folder in (SEEDS, REGRESSIONS):
        assert {path.name for path in folder.iterdir() if path.is_dir()} <= names


def test_a_document_without_a_mutation_stays_the_same() -> None:
    """Parsing and writing keep repeated keys, their order and all values."""
    text = '{"a":1,"a":[null,true,1.5,"\\ud800\\u0000"],"b":{}}'
    assert dump(parse(text.encode())) == text


def test_most_mutated_documents_are_json() -> None:
    """Mutations reach the readers behind the parser of JSON."""
    document = b'{"a":{"b":[1,2,{"c":"x"}]},"d":"2026-01-01T00:00:00Z","e":null}'
    valid = 0
    for case in range(300):
        mutated = mutate_json(document, random.Random(case), [document], lambda text, _: text)
        try:
            parse(mutated)
        except ValueError:
            continue
        valid += 1
    assert valid > 200


def test_an_input_is_minimised_to_its_cause() -> None:
    """The smallest part that still fails is left."""
    smallest = shrink(b"a" * 500 + b"<<(" + b"b" * 500, lambda data: b"<<(" in data, deadline=time.monotonic() + 60)
    assert smallest == b"<<("
