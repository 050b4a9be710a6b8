"""Freshness of a store: the time up to which it holds all changes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from wikistate.adapters.triplestore.store_folder import require_store
from wikistate.adapters.triplestore.writer import completed_until
from wikistate.core.sparql.queries import read_newest_change, select_newest_change
from wikistate.errors import StoreError
from wikistate.ops.store_access import open_store
from wikistate.wiring.stores import build_freshness_file, build_update_target

if TYPE_CHECKING:
    from wikistate.config.store import StoreSettings
    from wikistate.ops.store_access import OpenStore
    from wikistate.telemetry.meter import Meter


async def read_freshness(settings: StoreSettings, meter: Meter, *, timeout: float | None = None) -> int:  # noqa: ASYNC109
    """Return the time up to which a store holds all changes, milliseconds since the epoch.

    Args:
        settings: Settings of the store.
        meter: The meter of the requests.
        timeout: Seconds for each answer of an endpoint; None for those of the settings.

    Raises:
        StoreError: The store does not state its freshness, or does not answer.
        ConfigError: The settings do not name a valid store.
    """
    file = build_freshness_file(settings)
    if file is not None:
        if not file.exists():
            require_store(Path(settings.location))
        return _require_freshness(file.read(), settings)
    async with open_store(settings, meter, timeout=timeout) as opened:
        until = completed_until(opened.description.positions.values(), await _query_freshness(opened))
    return _require_freshness(until, settings)


def _require_freshness(until: int, settings: StoreSettings) -> int:
    if not until:
        raise StoreError(
            f"{settings.location} does not state its freshness: it is not complete.",
            hint="It states it when rdf-sync has compared all entities, or with the first changes that it receives.",
        )
    return until


async def _query_freshness(opened: OpenStore) -> int | None:
    """Return the freshness that the store states in its triple with ``schema:dateModified``, as query services do."""
    subjects = build_update_target(opened.settings).freshness_subjects
    rows = await opened.store.query(select_newest_change(*subjects, graph=opened.settings.graph))
    return read_newest_change(rows)
