"""``wikistate store counts`` and ``wikistate store sweep``."""

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
    """Print the number of entities of each type in a store. Raises a `WikistateError` if it does not answer."""
    counts = run_async(_query_store(flags, lambda store: store.counts()))
    Console().print(format_counts(counts) if counts else "The store holds no entities.")
    return Exit.OK


def format_counts(counts: Mapping[str, int]) -> Table:
    """Return a table with the number of entities of each type."""
    table = Table(box=None, padding=(0, 2), show_header=False)
    table.add_column(justify="right")
    for name, count in counts.items():
        table.add_row(f"{count:,}", name)
    return table


def sweep(flags: CliSettings) -> Exit:
    """Delete orphaned values, references and sitelinks. Raises as `print_counts`."""
    removed = run_async(_query_store(flags, lambda store: store.sweep()))
    Console().print("Orphans deleted." if removed is None else f"Orphans deleted: {removed:,} triples.")
    return Exit.OK


async def _query_store(flags: CliSettings, query: Callable[[TripleStore], Awaitable[T]]) -> T:
    store = build_triple_store(load_configuration(NAME, flags).configuration.store, RecordingMeter())
    try:
        await store.open()
        return await query(store)
    finally:
        await store.close()
