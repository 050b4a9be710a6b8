"""``python -m bench``: run measurements, compare them with the saved results, and save the new results."""

from __future__ import annotations

import argparse
import sys
from typing import TYPE_CHECKING

from bench import (
    consumer,
    endurance,
    farm,
    flink_bootstrap,
    flink_state,
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
    "flink-state": {"Keyed state of Python on Flink, one slot": flink_state.measure_flink_state},
    "flink-bootstrap": {"Initial state of rdf-updater on Flink, one slot": flink_bootstrap.measure_flink_bootstrap},
    "peers": {"Side by side with peers": comparison.measure_peers},
}
PROFILE = "profile"
ON_DEMAND = {"peers", "rdf", "consumer", "endurance", "flink-state", "flink-bootstrap"}
"""Measurements that run only by name: they take long, and install packages that no other measurement needs."""


def parse_arguments() -> argparse.Namespace:
    """Parse the arguments of the command line."""
    parser = argparse.ArgumentParser(
        "bench",
        description="Measure wikistate. Without names, all measurements run except "
        f"{', '.join(sorted(ON_DEMAND))} and {PROFILE}.",
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"{', '.join(MEASUREMENTS)} or {PROFILE}")
    parser.add_argument(
        "--quick", action="store_true", help="run each measurement briefly, about a minute in total, and save nothing"
    )
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - {*MEASUREMENTS, PROFILE}:
        parser.error(
            f"unknown measurement: {', '.join(sorted(unknown))}; choose from {', '.join(MEASUREMENTS)} and {PROFILE}"
        )
    return arguments


async def measure(names: list[str], *, quick: bool) -> None:
    """Run the measurements, print each result as soon as it is known, and save the results."""
    saved, results = report.read_saved(), report.SavedResults()
    with open_stage(QUICK if quick else FULL) as stage:
        if PROFILE in names:
            await profile(stage)
        for name in names:
            for title, measurement in MEASUREMENTS.get(name, {}).items():
                entry = results[title] = report.build_entry(await measurement(stage))
                print(
                    f"{title}\n\n{report.format_table(entry['figures'], saved.get(title, {}).get('figures'))}\n",
                    flush=True,
                )
    if results and not quick:
        report.save(results)
    missed = sum(not figure["met"] for entry in results.values() for figure in entry["figures"])
    print(f"{missed or 'No'} target{'' if missed == 1 else 's'} missed.")


async def profile(stage: Stage) -> None:
    """Write a profile of the job's event loop to a file."""
    report.FOLDER.mkdir(exist_ok=True)
    file = report.FOLDER / "profile.txt"
    file.write_text((await stack_samples.profile(stage)).tables() + "\n")
    print(f"{file.relative_to(report.FOLDER.parent.parent)} shows where the time is spent.")


def main() -> int:
    """Return the exit status: 1 if a measurement fails with an error, 0 otherwise, even if a target is missed."""
    arguments = parse_arguments()
    try:
        run_async(
            measure(arguments.names or [name for name in MEASUREMENTS if name not in ON_DEMAND], quick=arguments.quick)
        )
    except WikistateError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
