"""Query of the triples of a list that a store holds, by the store's own equality of terms.

Each triple is a pattern without a variable. A store that holds several lexical forms as one term finds the triple in each of
them; it does so in the same way when it deletes a triple.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.core.sparql.queries import read_number
from wikistate.core.sparql.terms import serialize_triples
from wikistate.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wikistate.core.rdf.graph import Graph
    from wikistate.core.sparql.update_target import UpdateTarget
    from wikistate.core.updater.store_metadata import Row


def divide(triples: Graph, size: int) -> list[Graph]:
    """Return the triples in parts of a size, always the same parts."""
    listed = sorted(triples, key=str)
    return [frozenset(listed[start : start + size]) for start in range(0, len(listed), size)]


def build_held_query(triples: Graph, target: UpdateTarget) -> str:
    """Build the query for `read_held`. Raises `UnwritableError` for a triple without a safe form."""
    listed = sorted(triples, key=str)
    patterns = (f"{serialize_triples([triple]).decode().strip()} BIND({n} AS ?n)" for n, triple in enumerate(listed))
    return f"SELECT ?n WHERE {target.where(' UNION '.join(f'{{ {pattern} }}' for pattern in patterns))}"


def read_held(rows: Iterable[Row], triples: Graph) -> Graph:
    """Return the triples that the store holds.

    Raises:
        StoreError: A row has no number, or one that belongs to no triple.
    """
    listed = sorted(triples, key=str)
    numbers = {read_number(row, "n") for row in rows}
    if numbers and max(numbers) >= len(listed):
        raise StoreError(f"The response of the store names the triple {max(numbers)} of {len(listed)}.")
    return frozenset(listed[number] for number in numbers)
