"""Freshness of a store: the time up to which it holds all changes."""

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
    """Return the time up to which a store holds all changes, milliseconds since the epoch.

    Raises:
        StoreError: The store does not state its freshness, or does not answer.
        ConfigError: The settings do not name a valid store.
    """
    file = build_freshness_file(settings)
    if file is not None:
        return _require_freshness(file.read(), settings)
    store = build_triple_store(settings, meter)
    try:
        contents = await store.open()
        until = completed_until(contents.positions.values(), await _query_freshness(store, settings))
    finally:
        await store.close()
    return _require_freshness(until, settings)


def _require_freshness(until: int, settings: StoreSettings) -> int:
    if not until:
        raise StoreError(
            f"{settings.location} does not state its freshness: it is not complete.",
            hint="It states it when rdf-sync has compared all entities, or with the first changes that it receives.",
        )
    return until


async def _query_freshness(store: TripleStore, settings: StoreSettings) -> int | None:
    """Return the freshness that the store states in its triple with ``schema:dateModified``, as query services do."""
    rows = await store.query(select_newest_change(build_uris(settings).root, graph=settings.graph))
    return read_newest_change(rows)
