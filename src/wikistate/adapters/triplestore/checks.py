"""Write and read checks of a store: triples can be read back, and updates reach the entities that the store holds.

The queries of some stores see the union of all graphs. Such a store accepts updates and shows them, although they never
reach the triples of its named graphs: deletions succeed and delete nothing. So the check deletes a triple in the graph of
an entity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyoxigraph import NamedNode

from wikistate.core.sparql.vocabulary import BOOKKEEPING, MARKER
from wikistate.core.updater.store_metadata import StoreForm
from wikistate.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from wikistate.core.sparql.update_target import UpdateTarget
    from wikistate.core.updater.store_metadata import Row

    Update = Callable[[str], Awaitable[object]]
    Query = Callable[[str], Awaitable[list[Row]]]

_LINE = f"{BOOKKEEPING} {MARKER} {MARKER} .\n"


_ATTEMPTS = 3
"""A wrong setting fails each attempt. A store that loses its data or gets them back between two steps fails one."""


async def check_marker(update: Update, query: Query, target: UpdateTarget) -> None:
    """Write a triple, read it, delete it and check that it is deleted; also in the named graph of entities, if any.

    Raises:
        StoreError: One of the steps has an unexpected result again and again; the message names the step and the setting.
    """
    for _ in range(_ATTEMPTS - 1):
        if await _find_fault(update, query, target) is None:
            return
    if (fault := await _find_fault(update, query, target)) is not None:
        raise fault


async def _find_fault(update: Update, query: Query, target: UpdateTarget) -> StoreError | None:
    await update(target.data("INSERT", _LINE))
    seen = await query(_build_read_query(target))
    await update(target.data("DELETE", _LINE))
    if not seen:
        return StoreError(
            "The store accepted a triple and does not show it: queries read another graph, or another store, than updates write.",
            hint="Compare the URLs of both, and set `store.graph` to the graph that queries read.",
        )
    if await query(_build_read_query(target)):
        return StoreError(
            "The store accepted the deletion of a triple and still shows it: queries read an older state than updates write.",
            hint="Set `store.query_url` to a URL that is not behind a cache or a replica of the store.",
        )
    return None if target.graph is not None else await _check_reach(update, query, target)


async def _check_reach(update: Update, query: Query, target: UpdateTarget) -> StoreError | None:
    try:
        found = await query(target.any_graph_query())
    except StoreError:
        return None  # a store without named graphs, such as a default namespace of Blazegraph, rejects the word GRAPH
    graph = found[0].get("graph") if found else None
    if not isinstance(graph, NamedNode):
        return None
    named = target._replace(graph=graph.value)
    await update(named.data("INSERT", _LINE))
    await update(target.data("DELETE", _LINE))
    if await query(_build_read_query(named)):
        await update(named.data("DELETE", _LINE))
        return StoreError(
            "The store holds entities, and updates do not reach them: they are in another graph.",
            hint=f"Set `store.graph` to the graph that holds the entities, {graph.value}.",
            graph=graph.value,
        )
    return None


def _build_read_query(target: UpdateTarget) -> str:
    return f"SELECT ?seen WHERE {target.where(f'{BOOKKEEPING} {MARKER} ?seen')}"


def check_form(form: StoreForm) -> None:
    """Raise `StoreError` if a store holds entities in another form than mutations have."""
    if form is StoreForm.PLAIN:
        raise StoreError(
            "The store holds entities in the form of a dump, with their revisions on data nodes. Mutations have the munged "
            "form, so that the store would hold both.",
            hint="Load the munged form of the dump into another store.",
        )
