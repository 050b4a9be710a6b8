"""``python -m bench``: measure, compare with the saved results, and save the new ones."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from bench import (
    consumer,
    endurance,
    farm,
    latency,
    memory,
    micro,
    rdf,
    reconcile,
    report,
    stack_samples,
    startup,
    state,
    sync,
    throughput,
    updater,
)
from bench.peers import comparison
from bench.stage import FULL, QUICK, open_stage
from wikistate.cli.execution import run_async
from wikistate.errors import WikistateError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from bench.figures import Result
    from bench.stage import Stage

    Measure = Callable[[Stage], Awaitable[Result]]

MEASUREMENTS: dict[str, dict[str, Measure]] = {
    "throughput": {
        "Throughput, 50 revisions a request": throughput.measure_batched,
        "Throughput, one revision a request": throughput.measure_single,
    },
    "latency": {"Latency at a moderate rate": latency.measure_latency},
    "memory": {"Memory": memory.measure_memory},
    "startup": {"Start": startup.measure_startup},
    "reconcile": {"Reconcile": reconcile.measure_reconcile},
    "micro": {"Parts, each on its own": micro.measure_micro},
    "state": {"State of a job, keys at random": state.measure_state},
    "updater": {"rdf-updater, a Wikibase at hand": updater.measure_updater},
    "sync": {"rdf-sync, a Wikibase and a store at hand": sync.measure_sync},
    "consumer": {"Mutations into a store": consumer.measure_consumer},
    "endurance": {"Memory of the jobs that keep a store in step": endurance.measure_endurance},
    "farm": {"A farm of public wikis, simulated": farm.measure_farm},
    "rdf": {"Entities as RDF: two documents in, a patch out": rdf.measure_rdf},
    "peers": {"Side by side with peers": comparison.measure_peers},
}
PROFILE = "profile"
ON_DEMAND = {"peers", "rdf", "consumer", "endurance"}
"""Measurements that run only by name: they take long, and install packages that no other measurement needs."""


def parse_arguments() -> argparse.Namespace:
    """Return the parsed command line."""
    parser = argparse.ArgumentParser(
        "bench",
        description=f"Measure wikistate. Without names: all except {PROFILE} and {', '.join(sorted(ON_DEMAND))}.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(MEASUREMENTS)} or {PROFILE}")
    parser.add_argument(
        "--quick", action="store_true", help="measure with few events, in a minute; results are not saved"
    )
    chosen = parser.parse_args()
    if unknown := set(chosen.names) - {*MEASUREMENTS, PROFILE}:
        parser.error(f"there is no measurement {', '.join(sorted(unknown))}")
    return chosen


async def measure(names: list[str], *, quick: bool) -> None:
    """Run the measurements, print each result at once, and save all results."""
    saved, results = report.read_saved(), report.SavedResults()
    with open_stage(QUICK if quick else FULL) as stage:
        if PROFILE in names:
            await profile(stage)
        for name in names:
            for title, measurement in MEASUREMENTS.get(name, {}).items():
                found = results[title] = report.build_entry(await measurement(stage))
                print(
                    f"{title}\n\n{report.format_table(found['figures'], saved.get(title, {}).get('figures'))}\n",
                    flush=True,
                )
    if results and not quick:
        report.save(results)
    missed = sum(not figure["met"] for found in results.values() for figure in found["figures"])
    print(f"{missed or 'No'} target{'' if missed == 1 else 's'} missed.")


async def profile(stage: Stage) -> None:
    """Write the profile of the job."""
    report.FOLDER.mkdir(exist_ok=True)
    file = report.FOLDER / "profile.txt"
    file.write_text((await stack_samples.profile(stage)).tables() + "\n")
    print(f"The profile is in {file.relative_to(report.FOLDER.parent.parent)}.")


def main() -> int:
    """Run the command and return its exit status: 1 if a measurement fails; a missed target is not a failure."""
    chosen = parse_arguments()
    try:
        run_async(measure(chosen.names or [name for name in MEASUREMENTS if name not in ON_DEMAND], quick=chosen.quick))
    except WikistateError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
