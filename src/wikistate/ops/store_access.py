"""Access to a store for a command that inspects it: it reads the concept base from the store, and does not wait for an outage."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from wikistate.adapters.triplestore.store import StoreAccess
from wikistate.core.sparql.concept_base import build_contents_query, build_other_graph_query, read_contents
from wikistate.errors import ConfigError, StoreError
from wikistate.wiring.concept_base import KEY, find_other_concept_base
from wikistate.wiring.stores import build_triple_store, build_update_target

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from wikistate.adapters.triplestore.store import StoreDescription, TripleStore
    from wikistate.config.store import StoreSettings
    from wikistate.telemetry.meter import Meter

_CONCEPT_BASE = "concept_base"


class OpenStore(NamedTuple):
    """Open store, with the settings that it completes.

    Attributes:
        store: The store.
        settings: Its settings, with the concept base of its entities.
        description: Its description.
    """

    store: TripleStore
    settings: StoreSettings
    description: StoreDescription


@asynccontextmanager
async def open_store(
    settings: StoreSettings,
    meter: Meter,
    *,
    access: StoreAccess = StoreAccess.READ,
    timeout: float | None = None,  # noqa: ASYNC109  (for each request)
) -> AsyncIterator[OpenStore]:
    """Open a store, and find its concept base unless the settings have it.

    Args:
        settings: Settings of the store.
        meter: The meter of the requests.
        access: Use of the store.
        timeout: Seconds for each request to read an endpoint; None for those of the settings.

    Raises:
        StoreError: The store does not answer the first request, or rejects it.
        ConfigError: A setting is not valid, or the concept base is not that of the store.
    """
    store = build_triple_store(settings, meter, waits=False, access=StoreAccess.READ, timeout=timeout)
    try:
        description = await store.open()
        root = await find_concept_base(store, settings)
        if root:
            settings = settings.model_copy(update={_CONCEPT_BASE: root})
        if root or access is not StoreAccess.READ:
            await store.close()
            limit = timeout if access is StoreAccess.READ else None
            store = build_triple_store(settings, meter, waits=False, access=access, timeout=limit)
            description = await store.open()
        yield OpenStore(store, settings, description)
    finally:
        await store.close()


async def find_concept_base(store: TripleStore, settings: StoreSettings) -> str:
    """Return the concept base of the entities in a store if it is not that of the settings; else an empty text.

    Raises:
        ConfigError: The settings state one, and no entity in the store has it.
        StoreError: The store rejects a query.
    """
    found = await find_other_concept_base(store, settings)
    if found and _CONCEPT_BASE in settings.model_fields_set:
        raise ConfigError(
            f"{KEY} is {settings.concept_base}, but the entities in the store at {settings.location} have {found}.",
            hint=f"Set {KEY} to {found}, or remove it: it is read from the store.",
            key=KEY,
        )
    return found


async def count_entities(opened: OpenStore) -> Mapping[str, int]:
    """Return the number of entities by type; empty for a store without content.

    Raises:
        StoreError: The store holds triples and no entity, or rejects a query.
    """
    counts = await opened.store.counts()
    if not counts:
        await require_no_content(opened)
    return counts


async def require_no_content(opened: OpenStore) -> None:
    """Check that a store without entities holds nothing else either.

    Raises:
        StoreError: It holds triples; the message names some.
    """
    target = build_update_target(opened.settings)
    held = read_contents(await opened.store.query(build_contents_query(target)))
    if held:
        raise StoreError(
            f"The store at {opened.settings.location} holds triples, for example about {held[0]}, and no entity with a "
            f"revision below {target.uris.entity}.",
            hint=f"Load the munged form of a dump, or correct store.location, store.graph or {KEY}.",
        )
    if other := await _find_other_graph(opened):
        ours = f"its graph {target.graph}" if target.graph else "its default graph"
        raise StoreError(
            f"The store at {opened.settings.location} holds triples in {other}, and no entity in {ours}.",
            hint=f"Correct store.graph: {other}." if target.graph is None else "Correct store.graph, or remove it.",
        )


async def _find_other_graph(opened: OpenStore) -> str:
    """Return the name of a graph with triples that is not that of the settings; an empty text if there is none."""
    graph = opened.settings.graph
    try:
        rows = await opened.store.query(build_other_graph_query(graph or None))
    except (
        StoreError
    ):  # a store without named graphs, such as a default namespace of Blazegraph, rejects the word GRAPH
        return ""
    if rows:
        return str(getattr(rows[0].get("graph"), "value", rows[0].get("graph")))
    if graph and await opened.store.query("SELECT ?node WHERE { ?node ?predicate ?object } LIMIT 1"):
        return "the default graph"
    return ""
