"""Whether what is written into a store can be read back, and reaches what the store already holds.

A store whose default graph for queries is the union of its graphs takes updates without complaint and shows them, while
they never reach the triples of its named graphs: deletions succeed and delete nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.adapters.triplestore.vocabulary import BOOKS, MARKER, SEES, VERSION
from wikistate.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from wikistate.adapters.triplestore.statements import Dialect
    from wikistate.adapters.triplestore.store import Row

    Update = Callable[[str], Awaitable[object]]
    Query = Callable[[str], Awaitable[list[Row]]]

_WRONG_GRAPH = "Set `store.graph` to the graph that holds the entities{named}."


async def check_marker(update: Update, query: Query, dialect: Dialect) -> None:
    """Write a triple, read it, delete it, and see it gone; and let the update itself look for an entity.

    Raises:
        StoreError: One of these did not come out as it must; says which, and what to set.
    """
    await update(_write(dialect))
    seen = await query(_read(MARKER, dialect))
    reached = await query(_read(SEES, dialect))
    await update(_delete(dialect))
    if not seen:
        raise StoreError(
            "The store took a triple and does not show it: updates go to another graph, or another store, than queries.",
            hint="Compare the URLs of both, and set `store.graph` to the graph that queries see.",
        )
    if await query(_read(MARKER, dialect)):
        raise StoreError(
            "The store took the deletion of a triple and still shows it: queries see more graphs than updates reach, or "
            "an older state.",
            hint="Set `store.graph`; give queries a URL that is not behind a cache.",
        )
    if not reached:
        await _check_reach(query)


async def _check_reach(query: Query) -> None:
    """Updates see no entity. That is as it should be only where there is none."""
    if not await query(f"SELECT ?entity WHERE {{ ?entity {VERSION} ?version }} LIMIT 1"):
        return
    graphs = await query(f"SELECT ?graph WHERE {{ GRAPH ?graph {{ ?entity {VERSION} ?version }} }} LIMIT 1")
    named = f", {graphs[0]['graph']}" if graphs else ""
    raise StoreError(
        "The store holds entities, and updates do not reach them: they lie in another graph.",
        hint=_WRONG_GRAPH.format(named=named),
    )


def _write(dialect: Dialect) -> str:
    sample = f"{{ SELECT ?entity WHERE {{ ?entity {VERSION} ?version }} LIMIT 1 }}"
    return " ;\n".join(
        (
            dialect.ground("INSERT", f"{BOOKS} {MARKER} {MARKER} .\n"),
            dialect.pattern(f"INSERT {{ {BOOKS} {SEES} ?entity }} WHERE {{ {sample} }}"),
        )
    )


def _read(predicate: str, dialect: Dialect) -> str:
    return f"SELECT ?seen WHERE {dialect.where(f'{BOOKS} {predicate} ?seen')}"


def _delete(dialect: Dialect) -> str:
    # The note of what was seen goes by a pattern and the marker as it was written: both ways of deleting are tried.
    return " ;\n".join(
        (
            dialect.ground("DELETE", f"{BOOKS} {MARKER} {MARKER} .\n"),
            dialect.pattern(f"DELETE {{ {BOOKS} {SEES} ?entity }} WHERE {{ {BOOKS} {SEES} ?entity }}"),
        )
    )
