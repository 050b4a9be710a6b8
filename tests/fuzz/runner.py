"""Run of the suite: regression cases first, then batches of all targets in turn, until the time or the cases are used."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.fuzz.batch import run_batch
from tests.fuzz.corpus import load_regressions, load_seeds
from tests.fuzz.expected import EXPECTED
from tests.fuzz.finding import Finding
from tests.fuzz.generated import build_generated
from tests.fuzz.minimise import minimise
from tests.fuzz.mutators.mutate import build_input

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from tests.fuzz.target import Target

_BATCH = 600
"""Cases of a batch at most. A child that leaks does not live long."""

_BATCH_SECONDS = 3.0


@dataclass(slots=True)
class Statistics:
    """Numbers of one target."""

    inputs: int = 0
    seconds: float = 0.0
    findings: int = 0


@dataclass(slots=True)
class Run:
    """One run of the suite.

    Attributes:
        seed: Number from which all inputs follow.
        folder: Folder for findings.
        say: Prints a line.
        minimise_seconds: Seconds for the minimisation of each finding.
        statistics: Numbers by target.
        new: Findings that are not expected, the first of each signature.
        known: Signatures that are expected and were found.
    """

    seed: int
    folder: Path
    say: Callable[[str], None]
    minimise_seconds: float = 20.0
    statistics: dict[str, Statistics] = field(default_factory=dict)
    new: dict[tuple[str, str], Finding] = field(default_factory=dict)
    known: set[tuple[str, str]] = field(default_factory=set)

    def run_regressions(self, targets: Sequence[Target]) -> None:
        """Read all kept cases, all seeds and the generated inputs."""
        for target in targets:
            kept = [*load_regressions(target).values(), *load_seeds(target).values()]
            self._run_files(target, [*kept, *build_generated(target.name)])

    def _run_files(self, target: Target, inputs: Sequence[bytes]) -> None:
        cases = range(len(inputs))
        while cases:
            for case, signature, details in self._run(target, cases, inputs.__getitem__, None):
                self._note(Finding(target=target.name, signature=signature, details=details, data=inputs[case]))
            cases = range(self._following, len(inputs))

    def run_seconds(self, targets: Sequence[Target], seconds: float) -> None:
        """Read mutated inputs of all targets in turn for so many seconds."""
        deadline = time.monotonic() + seconds
        following = dict.fromkeys(targets, 0)
        while time.monotonic() < deadline:
            for target in targets:
                left = min(_BATCH_SECONDS, deadline - time.monotonic())
                if left <= 0:
                    return
                self.run_mutated(target, range(following[target], following[target] + _BATCH), seconds=left)
                following[target] = self._following

    def run_count(self, targets: Sequence[Target], count: int | None) -> None:
        """Read so many mutated inputs of each target; by default the number of its short form."""
        for target in targets:
            cases = range(target.cases if count is None else count)
            while cases:
                self.run_mutated(target, cases, seconds=None)
                cases = range(self._following, cases.stop)

    def run_mutated(self, target: Target, cases: Sequence[int], *, seconds: float | None) -> None:
        """Read some mutated inputs of one target, until a child dies or the time is used."""
        seeds = list(load_seeds(target).values()) + list(load_regressions(target).values())

        def build(case: int) -> bytes:
            return build_input(target, seeds, seed=self.seed, case=case)

        for case, signature, details in self._run(target, cases, build, seconds):
            found = Finding(
                target=target.name,
                signature=signature,
                details=details,
                data=build(case),
                origin=f"--seed {self.seed} --case {case}",
            )
            self._note_mutated(target, found, f"--seed {self.seed} --cases {cases[0]}-{case}")

    def _run(
        self, target: Target, cases: Sequence[int], build: Callable[[int], bytes], seconds: float | None
    ) -> list[tuple[int, str, str]]:
        begin = time.monotonic()
        warm_up = next(iter(load_seeds(target).values()))
        result = run_batch(target, cases, build, warm_up=warm_up, seconds=seconds)
        numbers = self.statistics.setdefault(target.name, Statistics())
        numbers.inputs += result.read
        numbers.seconds += time.monotonic() - begin
        numbers.findings += len(result.found)
        self._following = result.following
        return result.found

    _following: int = 0

    def _note_mutated(self, target: Target, found: Finding, all_before: str) -> None:
        place = (found.target, found.signature)
        if place in EXPECTED or place in self.new:
            self._note(found)
            return
        smaller = minimise(target, found, seconds=self.minimise_seconds)
        if smaller is None:  # alone, the input does no harm: the cases before it have left something behind
            found = Finding(
                target=found.target,
                signature=f"{found.signature} after other inputs",
                details=found.details,
                data=found.data,
                origin=all_before,
            )
        self._note(smaller or found)

    def _note(self, found: Finding) -> None:
        place = (found.target, found.signature)
        if place in EXPECTED:
            if place not in self.known:
                self.say(f"known    {found.target}: {found.signature}")
            self.known.add(place)
        elif place not in self.new:
            path = found.save(self.folder)
            self.new[place] = found
            self.say(f"FINDING  {found.target}: {found.signature}\n         {path}")
