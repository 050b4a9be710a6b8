"""``wikistate store``: what a store holds, and what it need not hold any more."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from rich.console import Console
from rich.table import Table

from wikistate.cli.driving import in_loop
from wikistate.cli.exits import Exit
from wikistate.cli.flags import load_configuration
from wikistate.jobs.rdf_consumer import NAME
from wikistate.jobs.stores import triple_store
from wikistate.telemetry.meter import RecordingMeter

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from wikistate.adapters.triplestore.store import TripleStore
    from wikistate.cli.flags import Flags

T = TypeVar("T")


def print_counts(flags: Flags) -> Exit:
    """Prints how many entities of each type a store holds. Raises a `WikistateError` when it does not answer."""
    counts = in_loop(_asked(flags, lambda store: store.counts()))
    Console().print(counted(counts) if counts else "The store holds no entities.")
    return Exit.OK


def counted(counts: Mapping[str, int]) -> Table:
    """How many there are of what, a line each."""
    table = Table(box=None, padding=(0, 2), show_header=False)
    table.add_column(justify="right")
    for name, count in counts.items():
        table.add_row(f"{count:,}", name)
    return table


def sweep(flags: Flags) -> Exit:
    """Takes values, references and sitelinks out that nothing uses. Raises as `print_counts`."""
    removed = in_loop(_asked(flags, lambda store: store.sweep()))
    Console().print("Swept." if removed is None else f"Swept: {removed:,} triples that nothing used are gone.")
    return Exit.OK


async def _asked(flags: Flags, question: Callable[[TripleStore], Awaitable[T]]) -> T:
    store = triple_store(load_configuration(NAME, flags).configuration.store, RecordingMeter())
    try:
        await store.open()
        return await question(store)
    finally:
        await store.close()
