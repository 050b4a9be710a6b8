"""How fresh a store is: up to which moment it holds all changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.adapters.triplestore.writer import completed_until
from wikistate.core.sparql.queries import read_newest_change, select_newest_change
from wikistate.errors import StoreError
from wikistate.wiring.stores import build_freshness_file, build_triple_store, build_uris

if TYPE_CHECKING:
    from wikistate.adapters.triplestore.store import TripleStore
    from wikistate.config.store import StoreSettings
    from wikistate.telemetry.meter import Meter


async def read_freshness(settings: StoreSettings, meter: Meter) -> int:
    """Up to which moment a store holds all changes, milliseconds since the epoch.

    Raises:
        StoreError: It does not know, or does not answer.
        ConfigError: It cannot be what the settings say.
    """
    note = build_freshness_file(settings)
    if note is not None:
        return note.read()
    store = build_triple_store(settings, meter)
    try:
        contents = await store.open()
        moment = completed_until(contents.positions.values(), await _query_freshness(store, settings))
    finally:
        await store.close()
    if not moment:
        raise StoreError(f"{settings.location} does not say how fresh it is.", hint="Nothing was written into it yet.")
    return moment


async def _query_freshness(store: TripleStore, settings: StoreSettings) -> int | None:
    """What the store itself says, in the triple that query services have always had for it."""
    rows = await store.query(select_newest_change(build_uris(settings).root, graph=settings.graph))
    return read_newest_change(rows)
