from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from pyoxigraph import QuerySolutions, Store

from wikistate.adapters.triplestore.checks import check_marker
from wikistate.core.rdf.uris import Uris
from wikistate.core.sparql.update_target import UpdateTarget
from wikistate.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Callable

    from wikistate.core.updater.store_metadata import Row


TARGET = UpdateTarget(Uris.for_wikibase("http://wikibase.example"))


def keep(_: Store) -> None:
    """Change nothing."""


class Steps:
    """A store that a test changes between two steps of the check.

    Args:
        between: A change of the store after an update, by the number of the update.
    """

    def __init__(self, between: dict[int, Callable[[Store], object]]) -> None:
        self.store = Store()
        self.updates = 0
        self._between = between

    async def update(self, text: str) -> None:
        """Apply an update."""
        self.store.update(text)
        self.updates += 1
        self._between.get(self.updates, keep)(self.store)

    async def query(self, text: str) -> list[Row]:
        """Answer a query."""
        solutions = self.store.query(text)
        assert isinstance(solutions, QuerySolutions)
        names = [variable.value for variable in solutions.variables]
        return [{name: found[name] for name in names} for found in solutions]


def restore(lines: Store) -> Callable[[Store], object]:
    """Return a step that brings the content of another store back."""
    return lambda store: store.extend(list(lines))


async def with_marker() -> Store:
    """Return a store as it is between the first two steps."""
    steps = Steps({})
    await check_marker(steps.update, steps.query, TARGET)
    copy = Steps({})

    async def stop(_: str) -> list[Row]:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        await check_marker(copy.update, stop, TARGET)
    return copy.store


async def test_store_that_loses_its_data_during_the_check_passes() -> None:
    """A killed store in memory came back empty between the update and the query."""
    steps = Steps({1: Store.clear})
    await check_marker(steps.update, steps.query, TARGET)
    assert list(steps.store) == []


async def test_store_that_gets_a_copy_back_during_the_check_passes() -> None:
    """The copy has the marker, which the check had deleted."""
    steps = Steps({2: restore(await with_marker())})
    await check_marker(steps.update, steps.query, TARGET)
    assert list(steps.store) == []


@pytest.mark.parametrize("number", [1, 2])
async def test_store_that_never_shows_its_updates_is_rejected(number: int) -> None:
    """Its queries read another graph, or an older state, at each attempt."""
    change = Store.clear if number == 1 else restore(await with_marker())
    steps = Steps(dict.fromkeys(range(number, 20, 2), change))
    with pytest.raises(StoreError, match="accepted"):
        await check_marker(steps.update, steps.query, TARGET)
