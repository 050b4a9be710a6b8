"""Whether what is written into a store can be read back, and reaches what the store already holds.

A store whose queries see the union of its graphs takes updates without complaint and shows them, while they never reach the
triples of its named graphs: deletions succeed and delete nothing. So a deletion is tried in the graph of an entity.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyoxigraph import NamedNode

from wikistate.core.sparql.vocabulary import BOOKKEEPING, MARKER, VERSION
from wikistate.core.updater.store_metadata import StoreForm
from wikistate.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from wikistate.core.sparql.updates import UpdateTarget
    from wikistate.core.updater.store_metadata import Row

    Update = Callable[[str], Awaitable[object]]
    Query = Callable[[str], Awaitable[list[Row]]]

_LINE = f"{BOOKKEEPING} {MARKER} {MARKER} .\n"
_ANY_GRAPH = f"SELECT ?graph WHERE {{ GRAPH ?graph {{ ?entity {VERSION} ?version }} }} LIMIT 1"


async def check_marker(update: Update, query: Query, dialect: UpdateTarget) -> None:
    """Write a triple, read it, delete it, and see it gone; the same in the named graph of entities, if there is one.

    Raises:
        StoreError: One of these did not come out as it must; says which, and what to set.
    """
    await update(dialect.data("INSERT", _LINE))
    seen = await query(_build_read_query(dialect))
    await update(dialect.data("DELETE", _LINE))
    if not seen:
        raise StoreError(
            "The store took a triple and does not show it: updates go to another graph, or another store, than queries.",
            hint="Compare the URLs of both, and set `store.graph` to the graph that queries see.",
        )
    if await query(_build_read_query(dialect)):
        raise StoreError(
            "The store took the deletion of a triple and still shows it: queries see an older state than updates.",
            hint="Give queries a URL that is not behind a cache or another copy of the store.",
        )
    if dialect.graph is None:
        await _check_reach(update, query, dialect)


async def _check_reach(update: Update, query: Query, dialect: UpdateTarget) -> None:
    try:
        found = await query(_ANY_GRAPH)
    except StoreError:
        return  # a store for triples alone, as a namespace of Blazegraph's by default: it refuses the word GRAPH
    graph = found[0]["graph"] if found else None
    if not isinstance(graph, NamedNode):
        return
    named = dialect._replace(graph=graph.value)
    await update(named.data("INSERT", _LINE))
    await update(dialect.data("DELETE", _LINE))
    if await query(_build_read_query(named)):
        await update(named.data("DELETE", _LINE))
        raise StoreError(
            "The store holds entities, and updates do not reach them: they lie in another graph.",
            hint=f"Set `store.graph` to the graph that holds the entities, {graph.value}.",
            graph=graph.value,
        )


def _build_read_query(dialect: UpdateTarget) -> str:
    return f"SELECT ?seen WHERE {dialect.where(f'{BOOKKEEPING} {MARKER} ?seen')}"


def check_form(form: StoreForm) -> None:
    """Raises `StoreError` when a store holds entities in another form than they are written and compared in."""
    if form is StoreForm.PLAIN:
        raise StoreError(
            "The store holds entities as a dump has them, with their revisions on data nodes; mutations are of munged "
            "entities, and would leave both forms side by side.",
            hint="Load the munged form of the dump into a store of its own.",
        )
