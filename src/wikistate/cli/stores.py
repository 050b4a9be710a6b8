"""``wikistate store``: what a store holds, and what it need not hold any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from rich.console import Console
from rich.table import Table

from wikistate.cli.execution import run_async
from wikistate.cli.exits import Exit
from wikistate.cli.settings import load_configuration
from wikistate.jobs.rdf_consumer import NAME
from wikistate.telemetry.meter import RecordingMeter
from wikistate.wiring.stores import build_triple_store

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from wikistate.adapters.triplestore.store import TripleStore
    from wikistate.cli.settings import CliSettings

T = TypeVar("T")


def print_counts(flags: CliSettings) -> Exit:
    """Prints how many entities of each type a store holds. Raises a `WikistateError` when it does not answer."""
    counts = run_async(_query_store(flags, lambda store: store.counts()))
    Console().print(format_counts(counts) if counts else "The store holds no entities.")
    return Exit.OK


def format_counts(counts: Mapping[str, int]) -> Table:
    """How many there are of what, a line each."""
    table = Table(box=None, padding=(0, 2), show_header=False)
    table.add_column(justify="right")
    for name, count in counts.items():
        table.add_row(f"{count:,}", name)
    return table


def sweep(flags: CliSettings) -> Exit:
    """Takes values, references and sitelinks out that nothing uses. Raises as `print_counts`."""
    removed = run_async(_query_store(flags, lambda store: store.sweep()))
    Console().print("Swept." if removed is None else f"Swept: {removed:,} triples that nothing used are gone.")
    return Exit.OK


async def _query_store(flags: CliSettings, query: Callable[[TripleStore], Awaitable[T]]) -> T:
    store = build_triple_store(load_configuration(NAME, flags).configuration.store, RecordingMeter())
    try:
        await store.open()
        return await query(store)
    finally:
        await store.close()
