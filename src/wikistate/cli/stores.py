"""``wikistate store counts`` and ``wikistate store sweep``."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from wikistate.adapters.triplestore.store import StoreAccess
from wikistate.cli.execution import run_async
from wikistate.cli.exits import Exit
from wikistate.cli.settings import load_configuration
from wikistate.cli.terminal import Terminal
from wikistate.jobs.rdf_consumer import NAME
from wikistate.ops.store_access import count_entities, open_store
from wikistate.telemetry.logs import configure_logs
from wikistate.telemetry.meter import RecordingMeter

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from wikistate.cli.settings import CliSettings
    from wikistate.ops.store_access import OpenStore

T = TypeVar("T")


def print_counts(flags: CliSettings, timeout: float) -> Exit:
    """Print the number of entities of each type in a store.

    Args:
        flags: Settings that name the store.
        timeout: Seconds for each answer of an endpoint.

    Raises:
        WikistateError: The store does not answer, holds triples but no entities, or a setting is wrong.
    """
    counts = run_async(_use_store(flags, count_entities, seconds=timeout))
    print_counted(counts, otherwise="The store is empty.")
    return Exit.OK


def print_counted(counts: Mapping[str, int], *, otherwise: str) -> None:
    """Print a table of numbers by name, or a sentence if there are none."""
    if counts:
        Terminal().print_table((f"{count:,}", name) for name, count in counts.items())
    else:
        Terminal().print_line(otherwise)


def sweep(flags: CliSettings, timeout: float) -> Exit:
    """Delete orphaned values, references and sitelinks. The deletion itself may take longer. See `print_counts`."""
    removed = run_async(_use_store(flags, _sweep, seconds=timeout, access=StoreAccess.WRITE))
    Terminal().print_line("Orphans deleted." if removed is None else f"Orphans deleted: {removed:,} triples.")
    return Exit.OK


async def _sweep(opened: OpenStore) -> int | None:
    # Without an entity, the IRIs of values and references are unknown as well.
    await count_entities(opened)
    return await opened.store.sweep()


async def _use_store(
    flags: CliSettings,
    use: Callable[[OpenStore], Awaitable[T]],
    *,
    seconds: float,
    access: StoreAccess = StoreAccess.READ,
) -> T:
    configuration = load_configuration(NAME, flags).configuration
    configure_logs(configuration.telemetry)
    settings = configuration.store
    async with open_store(settings, RecordingMeter(), access=access, timeout=seconds) as opened:
        return await use(opened)
