"""``python -m tests.fuzz``: feed mutated input to every reader, or repeat one case.

Exit codes: 0 without a finding, 1 with findings, 2 for wrong options.
"""

from __future__ import annotations

import argparse
import os
import secrets
import sys
from pathlib import Path

from tests.fuzz.batch import run_batch
from tests.fuzz.corpus import load_seeds
from tests.fuzz.mutators.compression import prepare_bombs
from tests.fuzz.registry import TARGETS
from tests.fuzz.runner import Run
from tests.fuzz.target import Kind

DEFAULT_SECONDS = 1800.0
FINDINGS = Path("build") / "fuzz"


def main(arguments: list[str]) -> int:
    """Run the suite. Return the exit code."""
    options = _parse(arguments)
    targets = [target for target in TARGETS if not options.target or target.name in options.target]
    if options.list:
        for target in targets:
            say(target.name)
        return 0
    if options.file is not None:
        return _repeat(targets[0].name, options.file)
    say(f"FUZZ_SEED={options.seed}, {len(targets)} targets")
    if any(target.compressed or target.kind is Kind.HTTP for target in targets):
        prepare_bombs()
    run = Run(seed=options.seed, folder=options.findings, say=say, minimise_seconds=2.0 if options.short else 20.0)
    if options.case is not None:
        first, _, last = options.case.partition("-")
        cases = range(int(first), int(last or first) + 1)
        for target in targets:
            run.run_mutated(target, cases, seconds=None)
    else:
        run.run_regressions(targets)
        if options.short or options.count is not None:
            run.run_count(targets, options.count)
        else:
            run.run_seconds(targets, options.seconds)
    _summarise(run)
    return 1 if run.new else 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.split("\n")[0])
    names = [target.name for target in TARGETS]
    default_target = [name for name in os.environ.get("FUZZ_TARGET", "").split(",") if name]
    parser.add_argument("--target", action="append", choices=names, help="a target; all by default")
    parser.add_argument("--seed", type=int, default=int(os.environ.get("FUZZ_SEED") or secrets.randbelow(10**9)))
    parser.add_argument("--seconds", type=float, default=float(os.environ.get("FUZZ_SECONDS") or DEFAULT_SECONDS))
    parser.add_argument("--short", action="store_true", help="a fixed number of cases instead of a time")
    parser.add_argument("--count", type=int, help="this number of cases of each target")
    parser.add_argument("--case", "--cases", help="only this case of the seed, or cases as FIRST-LAST")
    parser.add_argument("--file", type=Path, help="only this input; needs --target")
    parser.add_argument("--findings", type=Path, default=FINDINGS, help="folder for findings")
    parser.add_argument("--list", action="store_true", help="list the targets")
    options = parser.parse_args(arguments)
    options.target = options.target or default_target
    if unknown := sorted(set(options.target) - set(names)):
        parser.error(f"there is no target {', '.join(unknown)}; --list lists them")
    if (options.file is not None or options.case is not None) and len(options.target) != 1:
        parser.error("--file and --case need one --target")
    return options


def _repeat(name: str, file: Path) -> int:
    """Read one file, and print what it leads to."""
    (target,) = (target for target in TARGETS if target.name == name)
    data = file.read_bytes()
    warm_up = next(iter(load_seeds(target).values()))
    found = run_batch(target, [0], lambda _: data, warm_up=warm_up, seconds=None).found
    for _, signature, details in found:
        say(f"FINDING  {name}: {signature}\n{details}")
    if not found:
        say("no finding")
    return 1 if found else 0


def _summarise(run: Run) -> None:
    for name, numbers in run.statistics.items():
        rate = numbers.inputs / numbers.seconds if numbers.seconds else 0.0
        found = f", {numbers.findings} with findings" if numbers.findings else ""
        say(f"{name:22} {numbers.inputs:8} inputs {rate:8.0f}/s{found}")
    say(f"{sum(numbers.inputs for numbers in run.statistics.values())} inputs, {len(run.new)} findings")


def say(line: str) -> None:
    """Print a line."""
    print(line, flush=True)  # noqa: T201  (the output of the command)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
