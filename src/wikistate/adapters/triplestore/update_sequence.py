"""Sequence of the guarded requests of a batch: the state of the store shows which of them it has applied. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wikistate.core.updater.store_state import StoreComparison, StoreState, compare_states

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from wikistate.core.sparql.guards import GuardedRequest
    from wikistate.core.updater.store_metadata import StorePosition
    from wikistate.streaming.record import Partition


class UpdateSequence:
    """Requests of a batch, in order, with the state of the store before and after each.

    A store may be in any of these states at any time: it applies a request late, answers one that it did not keep, or comes
    back as it was between two of them. Each state has one request that continues it, so nothing is applied twice and
    nothing is left out.

    Args:
        expected: State before the first request.
        requests: Requests in order.
        positions: Positions that the last request writes.
    """

    def __init__(
        self,
        expected: StoreState,
        requests: Sequence[GuardedRequest],
        positions: Mapping[Partition, StorePosition],
    ) -> None:
        self._texts = [request.text for request in requests]
        self._states = [expected, *(StoreState(expected.positions, request.token) for request in requests)]
        self._states[-1] = StoreState({**expected.positions, **positions}, self._states[-1].token)

    def __len__(self) -> int:
        """Return the number of requests."""
        return len(self._texts)

    def __getitem__(self, index: int) -> str:
        """Return the text of a request."""
        return self._texts[index]

    @property
    def final_state(self) -> StoreState:
        """State after the last request."""
        return self._states[-1]

    def count_applied(self, found: StoreState) -> int | None:
        """Return the number of requests that a store in this state has applied; None if it is in another state."""
        for number, state in enumerate(self._states):
            if found.token == state.token and compare_states(found, state) is StoreComparison.SAME:
                return number
        return None
