"""Entities a second, from two documents to the patch between them, compared with a plain implementation with rdflib."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from dataclasses import dataclass, replace
from random import Random
from statistics import median
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.figures import Figure, Target
from bench.peers.environments import HERE, prepare_python
from wikistate.errors import InternalError, PartError
from wikistate.testing.wikibase.documents import RevisionStamp, describe, serialize_triples
from wikistate.testing.wikibase.entity_generator import EntityGenerator
from wikistate.testing.wikibase.vocabulary import WIKIDATA, Vocabulary

if TYPE_CHECKING:
    from pathlib import Path

    from bench.stage import Stage

LARGE, SMALL = 4700, 60
"""Requested triples of an entity; it has slightly fewer."""

TIMES = 10
"""Minimum ratio of the speeds."""

_ROUNDS = 5


class Case(NamedTuple):
    """Edits of entities of one size: their folder, their ids, and their average number of triples."""

    folder: Path
    entity_ids: list[str]
    triples: float


@dataclass(frozen=True, slots=True)
class Pair:
    """Seconds of CPU for the same work, which other load on the machine does not increase."""

    wikistate: float
    rdflib: float


@dataclass(frozen=True, slots=True)
class Compared:
    """Comparison for one size."""

    name: str
    triples: float
    entities: int
    pairs: list[Pair]

    def figures(self) -> list[Figure]:
        """Return the lines of the table."""
        ours = self.entities / median(pair.wikistate for pair in self.pairs)
        theirs = self.entities / median(pair.rdflib for pair in self.pairs)
        return [
            Figure(f"{self.name}: triples of an entity", self.triples, ""),
            Figure(f"{self.name}: edits, wikistate", ours, "/s"),
            Figure(f"{self.name}: edits, rdflib", theirs, "/s"),
            Figure(f"{self.name}: wikistate / rdflib", self.ratio, "", Target(at_least=TIMES)),
        ]

    @property
    def ratio(self) -> float:
        """Ratio of the speeds: the median over neighbouring runs."""
        return median(pair.rdflib / pair.wikistate for pair in self.pairs)


@dataclass(frozen=True, slots=True)
class Rdf:
    """Comparisons for all sizes."""

    compared: list[Compared]

    def figures(self) -> list[Figure]:
        """See `Result`."""
        return [figure for each in self.compared for figure in each.figures()]


async def measure_rdf(stage: Stage) -> Rdf:
    """Run both alternately with the same documents, and compare their patches."""
    python = await asyncio.to_thread(prepare_python, "rdflib")
    rounds = min(_ROUNDS, stage.sizes.runs)
    compared = []
    for name, triples, count in (("large", LARGE, 4), ("small", SMALL, 200)):
        case = _write(stage.folder / name, triples, count)
        pairs = [await asyncio.to_thread(_take_turns, python, case) for _ in range(rounds)]
        compared.append(Compared(name, case.triples, count, pairs))
    return Rdf(compared)


def _write(folder: Path, triples: int, count: int) -> Case:
    """Write entities before and after an edit that removes one statement, adds one and changes a label."""
    folder.mkdir()
    generator, vocabulary, sizes = EntityGenerator(Random(6)), Vocabulary(WIKIDATA), []
    for number in range(count):
        item = generator.make_item(f"Q{number}", triples=triples)
        edited = replace(
            item,
            labels={**item.labels, "en": f"edited {number}"},
            statements=(*item.statements[1:], generator.make_statement(item.id)),
        )
        for revision, (when, entity) in enumerate((("before", item), ("after", edited)), start=1):
            document = describe(entity, RevisionStamp(revision, "2024-05-01T00:00:00Z"), vocabulary)
            sizes.append(len(document))
            (folder / f"{item.id}.{when}.ttl").write_bytes(serialize_triples(document, "ttl", vocabulary))
    return Case(folder, [f"Q{number}" for number in range(count)], sum(sizes) / len(sizes))


def _take_turns(python: Path, case: Case) -> Pair:
    ours = _run(case, [sys.executable, "-m", "bench.munging"])
    theirs = _run(case, [python, HERE / "rdflib_munge.py"])
    if theirs["counts"] != ours["counts"]:
        raise InternalError(f"The patches differ: {ours['counts']} and {theirs['counts']}.")
    return Pair(ours["seconds"], theirs["seconds"])


def _run(case: Case, command: list[str | Path]) -> dict[str, Any]:
    done = subprocess.run([*command, case.folder, *case.entity_ids], capture_output=True, text=True, check=False)
    if done.returncode:
        raise PartError(f"{command[-1]} ended with status {done.returncode}:\n{done.stderr}")
    return dict(json.loads(done.stdout))
